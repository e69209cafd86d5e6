"""Mails and text messages for people: what has not left, and how it is sent again."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

import asyncpg

from kado import audit
from kado.cards.masking import mask
from kado.errors import NotFound
from kado.storage.copies import Reader
from kado.storage.database import Connection, Database
from kado.storage.outbox import enqueue_sends
from kado.storage.undelivered import COUNT_COLUMNS, OVERDUE, Count, Item, count_of

_AT_ONCE: Final = 1000
_COLUMNS: Final = """
    id, CASE channel WHEN 'email' THEN 'mail' ELSE 'text message' END, program_id, card_id, kind, recipient, state,
    attempts, last_error, created_at, next_attempt_at, sent_at, request_id"""


async def list_messages(database: Database, states: list[str], limit: int) -> list[Item]:
    """Messages of all programs in one of these states, newest first."""
    async with database.read_list(in_order=False) as connection:
        rows = await connection.fetch(
            f"SELECT {_COLUMNS} FROM message WHERE state = ANY($1::text[]) ORDER BY created_at DESC, id DESC LIMIT $2",
            states,
            limit,
        )
    return [_item(row) for row in rows]


# What waits and what does not lies in two indexes: the newest of each, and then the newest of both.
_NEWEST: Final = f"""
    SELECT {_COLUMNS} FROM message WHERE program_id = $1 AND state = ANY($2::text[]) AND {{which}}
    ORDER BY created_at DESC, id DESC LIMIT $3::bigint + $4::bigint"""
_OF_PROGRAM: Final = f"""
    SELECT * FROM (({_NEWEST.format(which="state = 'queued'")})
                   UNION ALL ({_NEWEST.format(which="state <> 'queued'")})) m
    ORDER BY created_at DESC, id DESC LIMIT $3 OFFSET $4"""


async def list_of_program(
    reader: Reader, program_id: str, states: Sequence[str], *, limit: int, offset: int
) -> tuple[list[Item], bool]:
    """The program's messages in one of these states, newest first, and whether there are older ones."""

    async def work(connection: Connection) -> list[asyncpg.Record]:
        return await connection.fetch(_OF_PROGRAM, program_id, list(states), limit + 1, offset)

    rows = await reader.listing(work, in_order=True)
    return [_item(row) for row in rows[:limit]], len(rows) > limit


async def send_again(database: Database, actor: str, program_id: str, message_id: str) -> None:
    """Put one of the program's messages that was given up back in the queue. Raises `NotFound` for any other."""
    async with database.read() as connection:
        failed = await connection.fetch(
            "SELECT program_id, id FROM message WHERE program_id = $1 AND id = $2 AND state = 'failed'",
            program_id,
            message_id,
        )
    if not await _replay(database, actor, failed):
        raise NotFound("message_not_found", "There is no such message that was given up.")


async def find_message(database: Database, message_id: str) -> Item | None:
    """The message, in whatever state it is."""
    async with database.read_list(in_order=False) as connection:
        row = await connection.fetchrow(f"SELECT {_COLUMNS} FROM message WHERE id = $1", message_id)
    return None if row is None else _item(row)


async def count_messages(database: Database) -> Count:
    """How many have not left."""
    async with database.read_list(in_order=False) as connection:
        row = await connection.fetchrow(
            f"SELECT {COUNT_COLUMNS} FROM message WHERE state IN ('queued', 'failed')", OVERDUE
        )
    return count_of(row)


async def replay_messages(database: Database, actor: str, message_id: str | None = None) -> int:
    """Put a message that was given up back in the queue, or all of them; how many. All their tries begin anew."""
    # What is looked for now is what is sent again: whatever fails once more meanwhile is left for the next time.
    async with database.read_list(in_order=False) as connection:
        failed = await connection.fetch(
            "SELECT program_id, id FROM message WHERE state = 'failed' AND ($1::text IS NULL OR id = $1)"
            " ORDER BY created_at",
            message_id,
        )
    total = 0
    for at in range(0, len(failed), _AT_ONCE):
        total += await _replay(database, actor, failed[at : at + _AT_ONCE])
    return total


async def _replay(database: Database, actor: str, failed: list[asyncpg.Record]) -> int:
    async def work(connection: Connection) -> int:
        rows = await connection.fetch(
            """
            UPDATE message m SET state = 'queued', attempts = 0, next_attempt_at = now()
              FROM unnest($1::text[], $2::text[]) AS u (program_id, id)
             WHERE m.program_id = u.program_id AND m.id = u.id AND m.state = 'failed'
            RETURNING m.program_id, m.id
            """,
            [row["program_id"] for row in failed],
            [row["id"] for row in failed],
        )
        if rows:
            await enqueue_sends(connection, [(row["program_id"], row["id"], timedelta(0)) for row in rows])
        for row in rows:
            await audit.record(
                connection, actor=actor, action="message:replayed", program_id=row["program_id"], subject=row["id"]
            )
        return len(rows)

    return await database.repeat(work)


def _item(row: asyncpg.Record) -> Item:
    item = Item(*row)
    return replace(item, to=mask(item.to))
