"""The command line as its users have it: a process of its own, its output, its exit code."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SECRET_KEY = "a-secret-for-the-tests-of-the-command-line-0123"
PASSWORD = "correct horse battery staple"

# The command line with a `serve` that is not needed here.
PROGRAM = "from kado.doors.cli import build\ndef serve() -> None: 'Serve.'\nbuild(serve)()"


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one line of JSON; fails when there is anything else on stdout."""
        assert self.code == 0, self.err
        assert self.out.count("\n") == 1
        return json.loads(self.out)


class Kado:
    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment

    async def __call__(self, *arguments: str, stdin: str = "", **environment: str) -> Ran:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            PROGRAM,
            *arguments,
            env=self.environment | environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate(stdin.encode())
        ran = Ran(process.returncode or 0, out.decode(), err.decode())
        assert "Traceback" not in ran.out + ran.err
        return ran


def environment_with(**changes: str) -> dict[str, str]:
    """This process's environment without its settings of Kado, and with these."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("KADO_")}
    return inherited | {"TERM": "dumb", "KADO_SECRET_KEY": SECRET_KEY} | changes


@pytest.fixture
def kado(database_url: str, tmp_path: Path) -> Kado:
    return Kado(environment_with(KADO_DATABASE_URL=database_url, KADO_DATA_DIR=str(tmp_path)))


@pytest.fixture
async def flower_shop(kado: Kado) -> dict[str, str]:
    """The ids of a merchant that the command line made."""
    made: dict[str, str] = (
        await kado(
            "merchant",
            "create",
            "Flower Shop",
            "--owner",
            "anna@flowers.example",
            "--json",
            "--password-stdin",
            stdin=PASSWORD + "\n",
        )
    ).json
    return made
