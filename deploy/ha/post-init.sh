#!/bin/sh
# Patroni calls this once, on the node that makes the cluster, with a connection string of the superuser.
# Kado's user owns its database and may create the one role that a running server works under.
set -eu
export PATH="${PATRONI_POSTGRESQL_BIN_DIR:-/usr/bin}:$PATH"
psql --no-psqlrc --quiet --dbname="$1" --set=ON_ERROR_STOP=1 <<'SQL'
\getenv password KADO_DATABASE_PASSWORD
CREATE ROLE kado LOGIN CREATEROLE PASSWORD :'password';
CREATE DATABASE kado OWNER kado;
SQL
