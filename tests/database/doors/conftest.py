"""The command line as its users have it: a process of its own, its output, its exit code."""

import asyncio
from pathlib import Path

import pytest
from tests.serving.commands import Ran, run, without_settings

SECRET_KEY = "a-secret-for-the-tests-of-the-command-line-0123"
PASSWORD = "correct horse battery staple"


class Kado:
    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment

    async def __call__(self, *arguments: str, stdin: str = "", **environment: str) -> Ran:
        return await asyncio.to_thread(run, *arguments, environment=self.environment | environment, said=stdin)


def environment_with(**changes: str) -> dict[str, str]:
    """This process's environment without its settings of Kado, and with these."""
    return without_settings() | {"TERM": "dumb", "KADO_SECRET_KEY": SECRET_KEY} | changes


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
