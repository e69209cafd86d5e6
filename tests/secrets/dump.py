"""What a thief with the database has: a dump of it."""

import os
import subprocess

from tests.serving.server import Server

from kado.storage.embedded.binaries import find_binaries


def dump_of(server: Server) -> str:
    done = subprocess.run(
        [find_binaries().program("pg_dump"), "--format=plain", "--inserts", "--no-owner", server.database_url()],
        capture_output=True,
        check=False,
        env={"PATH": os.defpath, "LC_ALL": "C"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()
