"""Data directories that leave nothing behind, and whole programs that use one and may be killed."""

import asyncio
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import asyncpg
import pytest

from kado.storage.embedded.place import CLUSTERS

SERVER = """
import asyncio, sys
from pathlib import Path
from kado.storage import embedded
running = embedded.start(Path(sys.argv[1]), role="server")
print(running.url, flush=True)
asyncio.run(running.watch())
"""

COMMAND = """
import sys
from pathlib import Path
from kado.storage import embedded
with embedded.connect_or_start(Path(sys.argv[1])) as url:
    print(url, flush=True)
    sys.stdin.readline()
print("ended", flush=True)
"""


class Program:
    """A Python program beside the test."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def line(self, seconds: float = 20) -> str:
        """The next line it prints."""
        assert self.process.stdout
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        if not ready:
            raise TimeoutError("the program said nothing")
        return self.process.stdout.readline().strip()

    def go_on(self) -> None:
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


class Launch(Protocol):
    def __call__(self, script: str, data_dir: Path) -> Program: ...


def remove_data_dir(data_dir: Path) -> None:
    for left in postgres_processes(data_dir):
        os.kill(left, signal.SIGKILL)
    link = data_dir / "postgres"
    if link.is_symlink() and link.readlink().is_relative_to(CLUSTERS):
        shutil.rmtree(link.readlink().parent)
    shutil.rmtree(data_dir, ignore_errors=True)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user can pass through."""
    folder = Path(tempfile.mkdtemp(prefix="kado-embedded-"))
    folder.chmod(0o755)
    yield folder
    for child in folder.iterdir():
        if child.is_dir():
            remove_data_dir(child)
    shutil.rmtree(folder)


@pytest.fixture
def data_dir(folder: Path) -> Path:
    """A data directory that does not exist yet."""
    return folder / "data"


@pytest.fixture
def launch(data_dir: Path) -> Iterator[Launch]:
    """Start programs that end with the test at the latest. What they leave in the data directory ends before it."""
    programs: list[Program] = []

    def start(script: str, data_dir: Path) -> Program:
        command = [sys.executable, "-c", script, str(data_dir)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        programs.append(Program(process))
        return programs[-1]

    yield start
    for program in programs:
        program.end()
    until(lambda: not postgres_processes(data_dir))


def until(condition: Callable[[], Any], seconds: float = 20) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "this did not come true in time"
        time.sleep(0.01)


def sql(url: str, *statements: str) -> Any:
    """Run statements; the single value of the last."""

    async def run() -> Any:
        connection = await asyncpg.connect(url)
        try:
            return [await connection.fetchval(statement) for statement in statements][-1]
        finally:
            await connection.close()

    return asyncio.run(run())


def postgres_processes(data_dir: Path) -> list[int]:
    """The processes at work on this data directory, zombies left out."""
    cluster = Path(os.path.realpath(data_dir / "postgres"))
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").samefile(cluster) and (process / "comm").read_text() == "postgres\n":
                found.append(int(process.name))
        except OSError:
            continue
    return found


def connection_file(data_dir: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((data_dir / "database.json").read_text())
    return found
