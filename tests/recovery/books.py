"""What a ledger says at one moment, so that it can be compared with what a restored one says."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import asyncpg
from tests.serving.server import Server

from kado.storage import embedded


@dataclass(frozen=True)
class Books:
    """Every balance and the number of every card's entries, by card."""

    cards: dict[str, tuple[int, int]]
    entries: int


async def books_of(connection: "asyncpg.Connection[asyncpg.Record]") -> Books:
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        rows = await connection.fetch("SELECT id, balance, seq FROM card")
        entries = await connection.fetchval("SELECT count(*) FROM card_transaction")
    return Books({row["id"]: (row["balance"], row["seq"]) for row in rows}, entries)


async def read_books(server: Server) -> tuple[Books, datetime]:
    """The books as they are, and the database's time right after."""
    connection = await server.superuser()
    try:
        books = await books_of(connection)
        return books, await connection.fetchval("SELECT clock_timestamp()")
    finally:
        await connection.close()


async def stored_books(data_dir: Path) -> Books:
    """The books in a data directory that no server uses."""
    with embedded.connect_or_start(data_dir) as url:
        connection = await asyncpg.connect(url)
        try:
            return await books_of(connection)
        finally:
            await connection.close()
