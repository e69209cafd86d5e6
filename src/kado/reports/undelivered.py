"""Scheduled reports that have not left, for operators, and how they are sent again."""

from datetime import timedelta
from typing import Final

from kado import audit
from kado.reports.post import enqueue_mails
from kado.storage.database import Connection, Database
from kado.storage.undelivered import COUNT_COLUMNS, OVERDUE, Count, Item, by_program, count_of

# Addresses stand encrypted: which of the schedule's it is, is enough to find it.
_ITEM: Final = """
    m.id, 'report', m.program_id, '' AS card_id, 'report', 'address ' || m.place + 1 || ' of ' || s.name, m.state,
    m.attempts, m.last_error, m.created_at, m.next_attempt_at, m.sent_at
    FROM report_mail m JOIN report_schedule s ON s.program_id = m.program_id AND s.id = m.schedule_id"""


async def list_reports(database: Database, states: list[str], limit: int) -> list[Item]:
    """Mails of all programs in one of these states, newest first."""
    async with database.read_list(in_order=False) as connection:
        rows = await connection.fetch(
            f"SELECT {_ITEM} WHERE m.state = ANY($1::text[]) ORDER BY m.created_at DESC, m.id DESC LIMIT $2",
            states,
            limit,
        )
    return [Item(*row) for row in rows]


async def find_report(database: Database, mail_id: str) -> Item | None:
    """The mail, in whatever state it is."""
    async with database.read_list(in_order=False) as connection:
        row = await connection.fetchrow(f"SELECT {_ITEM} WHERE m.id = $1", mail_id)
    return None if row is None else Item(*row)


async def count_reports(database: Database) -> Count:
    """How many have not left."""
    async with database.read_list(in_order=False) as connection:
        row = await connection.fetchrow(
            f"SELECT {COUNT_COLUMNS} FROM report_mail WHERE state IN ('queued', 'failed')", OVERDUE
        )
    return count_of(row)


async def replay_reports(database: Database, actor: str, mail_id: str | None = None) -> int:
    """Send again what was given up, or the one; how many. All their tries begin anew."""
    async with database.read_list(in_order=False) as connection:
        failed = await connection.fetch(
            "SELECT program_id, id FROM report_mail WHERE state = 'failed' AND ($1::text IS NULL OR id = $1)", mail_id
        )
    total = 0
    for program_id, ids in by_program(failed):
        total += await _replay(database, actor, program_id, ids)
    return total


async def _replay(database: Database, actor: str, program_id: str, ids: list[str]) -> int:
    async def work(connection: Connection) -> int:
        rows = await connection.fetch(
            "UPDATE report_mail SET state = 'queued', attempts = 0, next_attempt_at = now()"
            " WHERE program_id = $1 AND id = ANY($2::text[]) AND state = 'failed' RETURNING id",
            program_id,
            ids,
        )
        await enqueue_mails(connection, [(program_id, row["id"], timedelta(0)) for row in rows])
        for row in rows:
            await audit.record(
                connection, actor=actor, action="report:replayed", program_id=program_id, subject=row["id"]
            )
        return len(rows)

    return await database.repeat(work)
