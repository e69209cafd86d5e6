"""What a thief with the database has: a dump of it, in which bytes are read as text too."""

import os
import re
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


def readable(dump: str) -> str:
    """The dump, and what its bytea columns hold where that is text."""
    columns = (bytes.fromhex(found) for found in re.findall(r"\\x((?:[0-9a-f]{2})+)", dump))
    return dump + "\n" + "\n".join(column.decode("latin-1") for column in columns)
