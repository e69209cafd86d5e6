"""Which servers work on a database, and under which secrets: each says so in the name of its worker's connection.

The versions of the secrets stand there, which reveal nothing of them. It is how a command finds out that a server would
meet rows that it cannot read.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from kado.storage.database import AWAY, Database

_NAME: Final = "kado-worker"
_PAUSE_SECONDS: Final = 2.0


def name_of(versions: Sequence[bytes]) -> str:
    """What a server calls its connection: the current secret first. PostgreSQL keeps 63 characters, six secrets."""
    return " ".join((_NAME, *(version.hex() for version in versions)))[:63]


async def be_seen(database: Database, name: str, stop: asyncio.Event) -> None:
    """Keep a connection of this name until `stop` is set. It does nothing."""
    while not stop.is_set():
        gone = asyncio.Event()
        connection = None
        with suppress(*AWAY):
            connection = await database.connect({"application_name": name})
            connection.add_termination_listener(lambda _, gone=gone: gone.set())
            await _first_of(stop, gone)
        if connection is not None:
            connection.terminate()
        await _first_of(stop, seconds=_PAUSE_SECONDS)


async def _first_of(*events: asyncio.Event, seconds: float | None = None) -> None:
    waiting = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waiting:
            one.cancel()


async def list_servers(database: Database) -> list[list[str]]:
    """For each server that is connected at this moment: its secrets' versions in hexadecimal, the current one first.

    Those whose user this one may not look at are not seen. Raises what is in `AWAY` while the database is away.
    """
    connection = await database.connect()
    try:
        await connection.execute("RESET ROLE")  # the role that servers become may not see what they are called
        rows = await connection.fetch(
            "SELECT application_name AS name FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name LIKE $1",
            f"{_NAME}%",
        )
    finally:
        await connection.close()
    return [row["name"].split()[1:] for row in rows]
