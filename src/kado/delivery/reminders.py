"""Who is told that the money on a card expires soon: 30 and 7 days before, each once.

How far the sweep has come is one row for each program and number of days: it follows the clock through the index of the
cards' ends and looks at each card once, when the card's end comes within those days. A card whose end is moved away
comes by again; one whose end is moved nearer, or that is made with less time than that, hears of the days that still
lie ahead. The mark moves in the transaction that writes the messages, so that none is missed or written twice.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import asyncpg

from kado.cards.store import STATUS_NOW
from kado.ids import new_id
from kado.programs import find
from kado.storage.batches import until_fewer
from kado.storage.database import Connection, Database
from kado.storage.outbox import Message, enqueue_messages

DAYS: Final = (30, 7)
"""So many days before their end holders are reminded."""

BATCH: Final = 1000
"""Cards that one transaction looks at, at most."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """The card that was looked at last, and the time now."""

    until: datetime
    last_id: str
    now: datetime


async def remind(database: Database) -> int:
    """One round over all programs; how many messages that made. Safe to run in several processes.

    A program that begins to remind does so from now on: cards that are within the days already hear of the next ones.
    Raises `Unavailable` while the database is away.
    """
    made = 0
    for program in await find.list_all(database):
        if not program.reminds_expiry:
            await _forget(database, program.id)
            continue
        for at, days in enumerate(DAYS):
            later = DAYS[at + 1] if at + 1 < len(DAYS) else 0
            made += await _remind(database, program.id, timedelta(days=days), timedelta(days=later))
    return made


async def _remind(database: Database, program_id: str, ahead: timedelta, later: timedelta) -> int:
    made = 0

    async def work(connection: Connection) -> tuple[int, int]:
        mark = await _locked(connection, program_id, ahead)
        if mark is None:
            return 0, 0
        rows = await connection.fetch(_NEXT, program_id, mark.until, mark.last_id, mark.now + ahead)
        # What was slept through is not made up for: the next reminder says the same, and is nearer to the truth.
        due = [row for row in rows if row["is_due"] and row["expires_at"] > mark.now + later]
        if due:
            await enqueue_messages(connection, [_message(program_id, row, mark.now) for row in due])
        if rows:
            await connection.execute(_MOVE, program_id, ahead.days, rows[-1]["expires_at"], rows[-1]["id"])
        return len(rows), len(due)

    async def batch() -> int:
        nonlocal made
        seen, due = await database.repeat(work)
        made += due
        return seen

    await until_fewer(BATCH, batch)
    return made


# Whoever holds the row is at work on it: the next round is soon enough.
_LOCK: Final = """
    SELECT until, last_id, statement_timestamp() AS now FROM reminder_progress
    WHERE program_id = $1 AND days = $2 FOR UPDATE SKIP LOCKED"""

_BEGIN: Final = """
    INSERT INTO reminder_progress (program_id, days, until)
    VALUES ($1, $2, statement_timestamp() + $3::interval) ON CONFLICT (program_id, days) DO NOTHING"""

_MOVE: Final = "UPDATE reminder_progress SET until = $3, last_id = $4 WHERE program_id = $1 AND days = $2"

_NEXT: Final = f"""
    SELECT c.id, c.expires_at, c.customer_email, c.customer_phone,
           {STATUS_NOW} = 'active' AND NOT c.is_test
               AND coalesce(c.customer_email, c.customer_phone) IS NOT NULL AS is_due
    FROM card c
    WHERE c.program_id = $1 AND c.status NOT IN ('expired', 'voided') AND c.expires_at >= $2
      AND (c.expires_at, c.id) > ($2, $3) AND c.expires_at <= $4
    ORDER BY c.expires_at, c.id LIMIT {BATCH}"""


async def _locked(connection: Connection, program_id: str, ahead: timedelta) -> _Mark | None:
    row = await connection.fetchrow(_LOCK, program_id, ahead.days)
    if row is None:
        await connection.execute(_BEGIN, program_id, ahead.days, ahead)
        return None
    return _Mark(row["until"], row["last_id"], row["now"])


async def _forget(database: Database, program_id: str) -> None:
    async with database.read() as connection:
        await connection.execute("DELETE FROM reminder_progress WHERE program_id = $1", program_id)


def _message(program_id: str, row: asyncpg.Record, now: datetime) -> Message:
    return Message(
        program_id=program_id,
        id=new_id(),
        card_id=row["id"],
        kind="expiry_reminder",
        channel="email" if row["customer_email"] else "sms",
        recipient=row["customer_email"] or row["customer_phone"],
        sender_name=None,
        custom_message=None,
        created_at=now,
    )
