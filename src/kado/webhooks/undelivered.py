"""Events for merchants' endpoints: what has not arrived, over all merchants, and how it is sent again."""

from datetime import timedelta
from typing import Final

import asyncpg

from kado import audit
from kado.errors import Refusal
from kado.storage.database import Connection, Database
from kado.storage.undelivered import COUNT_COLUMNS, OVERDUE, Count, Item, count_of
from kado.webhooks.deliveries import wake

_AT_ONCE: Final = 1000
_COLUMNS: Final = """
    d.id, 'event', d.program_id, e.card_id, e.type, 'webhook ' || d.webhook_id, d.state, d.attempts, d.last_error,
    d.created_at, d.next_attempt_at, d.delivered_at"""
_EVENT: Final = "JOIN gift_card_event e ON e.program_id = d.program_id AND e.id = d.event_id"


async def list_events(database: Database, states: list[str], limit: int) -> list[Item]:
    """Deliveries of all programs in one of these states, newest first."""
    async with database.read_list(in_order=False) as connection:
        rows = await connection.fetch(
            f"SELECT {_COLUMNS} FROM webhook_delivery d {_EVENT} WHERE d.state = ANY($1::text[])"
            " ORDER BY d.created_at DESC, d.id DESC LIMIT $2",
            states,
            limit,
        )
    return [Item(*row) for row in rows]


async def find_event(database: Database, delivery_id: str) -> Item | None:
    """The delivery, in whatever state it is."""
    async with database.read_list(in_order=False) as connection:
        row = await connection.fetchrow(
            f"SELECT {_COLUMNS} FROM webhook_delivery d {_EVENT} WHERE d.id = $1", delivery_id
        )
    return None if row is None else Item(*row)


async def count_events(database: Database) -> Count:
    """How many have not arrived."""
    async with database.read_list(in_order=False) as connection:
        row = await connection.fetchrow(
            f"SELECT {COUNT_COLUMNS} FROM webhook_delivery WHERE state IN ('queued', 'failed')", OVERDUE
        )
    return count_of(row)


async def count_unheard(database: Database) -> int:
    """How many events there are of which it is not settled yet who hears them."""
    async with database.read_list(in_order=False) as connection:
        count: int = await connection.fetchval("SELECT count(*) FROM gift_card_event WHERE handed_out_at IS NULL")
    return count


async def replay_events(database: Database, actor: str, delivery_id: str | None = None) -> int:
    """Put a delivery that was given up back in the queue, or all of them to endpoints that are enabled; how many.

    Raises `Refusal` for one to an endpoint that is disabled.
    """

    # What is looked for now is what is sent again: whatever fails once more meanwhile is left for the next time.
    async with database.read_list(in_order=False) as connection:
        enabled = await connection.fetch("SELECT id FROM webhook WHERE enabled")
        failed = await connection.fetch(
            "SELECT program_id, id FROM webhook_delivery"
            " WHERE state = 'failed' AND webhook_id = ANY($2::text[]) AND ($1::text IS NULL OR id = $1)"
            " ORDER BY created_at",
            delivery_id,
            [row["id"] for row in enabled],
        )
    if delivery_id is not None and not failed:
        raise Refusal("webhook_disabled", "Its webhook is disabled or gone. Its owner enables it over the API.")
    total = 0
    for at in range(0, len(failed), _AT_ONCE):
        total += await _replay(database, actor, failed[at : at + _AT_ONCE])
    return total


async def _replay(database: Database, actor: str, failed: list[asyncpg.Record]) -> int:
    async def work(connection: Connection) -> int:
        rows = await connection.fetch(
            """
            UPDATE webhook_delivery d SET state = 'queued', attempts = 0, queued_at = now(), next_attempt_at = now()
              FROM unnest($1::text[], $2::text[]) AS u (program_id, id)
             WHERE d.program_id = u.program_id AND d.id = u.id AND d.state = 'failed'
            RETURNING d.program_id, d.webhook_id, d.id
            """,
            [row["program_id"] for row in failed],
            [row["id"] for row in failed],
        )
        if rows:
            await wake(connection, sorted({(row["program_id"], row["webhook_id"]) for row in rows}), timedelta(0))
        for row in rows:
            await audit.record(
                connection, actor=actor, action="event:replayed", program_id=row["program_id"], subject=row["id"]
            )
        return len(rows)

    return await database.repeat(work)
