"""A data directory in which a server has been already, to copy: a first start takes longer than most tests do.

The first test that wants one makes it, for all processes of the run; `tests/conftest.py` says where and removes it.
"""

import fcntl
import os
import subprocess
from pathlib import Path

FOLDER = "KADO_TEST_PREPARED"
"""The environment's name of the folder that the processes of a run share."""


def copy_to(data_dir: Path) -> None:
    """Fill an empty data directory, for a server without settings of its own. Owners and modes stay."""
    folder = Path(os.environ[FOLDER])
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "data").exists():
            _make(folder / "data")
    subprocess.run(["cp", "-a", f"{folder / 'data'}/.", str(data_dir)], check=True)


def _make(data_dir: Path) -> None:
    from tests.serving.server import Server

    server = Server()
    try:
        server.start()
        server.stop()
        server.data_dir.rename(data_dir)
        (data_dir / "postgres.log").unlink()
    finally:
        server.remove()
