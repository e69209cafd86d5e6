"""Ends what nobody looks at, deletes what no rule counts any more and what is over."""

from datetime import timedelta
from typing import Final

from kado import audit
from kado.fraud.alert import AlertStatus
from kado.fraud.config import WINDOW_MAX
from kado.storage.batches import in_batches, until_fewer
from kado.storage.database import Connection, Database

TALLIES_KEPT: Final = timedelta(minutes=WINDOW_MAX) + timedelta(days=1)
OPEN_KEPT: Final = timedelta(days=90)
"""After so long without more of the same an alert that nobody looked at is expired."""

CLOSED_KEPT: Final = timedelta(days=400)
"""Alerts that are not open any more: a year and a month, for whoever compares years."""

BATCH: Final = 5000

_TALLIES: Final = """
    DELETE FROM fraud_tally WHERE program_id = $1 AND (series_id, is_test, subject, bucket) IN (
        SELECT series_id, is_test, subject, bucket FROM fraud_tally
        WHERE program_id = $1 AND touched_at < statement_timestamp() - $2::interval ORDER BY touched_at LIMIT $3)"""

# Who adds to one of them or looks at it at this moment has it: it is left for the next round.
_EXPIRE: Final = """
    WITH due AS (
        SELECT id FROM fraud_alert
        WHERE program_id = $1 AND status = 'open' AND last_at < statement_timestamp() - $2::interval
        ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED)
    UPDATE fraud_alert a SET status = 'expired', acknowledged_by = $4, acknowledged_at = clock_timestamp()
    FROM due WHERE a.program_id = $1 AND a.id = due.id RETURNING a.id, a.card_ids, a.occurrences"""

# The alert keeps a subject of its own, so that an open one is not taken for another.
_ADDRESSES: Final = """
    UPDATE fraud_alert
    SET subject = CASE WHEN subject LIKE 'address:%' THEN 'address:forgotten-' || id ELSE subject END,
        facts = CASE WHEN facts->>'countedBy' LIKE 'address:%' THEN facts - 'countedBy' ELSE facts END
    WHERE program_id = $1 AND id IN (
        SELECT id FROM fraud_alert
        WHERE program_id = $1 AND last_at < statement_timestamp() - $2::interval
          AND (subject LIKE 'address:%' AND subject NOT LIKE 'address:forgotten-%'
               OR facts->>'countedBy' LIKE 'address:%') LIMIT $3)"""

_ALERTS: Final = """
    DELETE FROM fraud_alert WHERE program_id = $1 AND id IN (
        SELECT id FROM fraud_alert
        WHERE program_id = $1 AND acknowledged_at < statement_timestamp() - $2::interval LIMIT $3)"""

_CLEARANCES: Final = """
    DELETE FROM fraud_clearance WHERE program_id = $1 AND (rule_id, card_id) IN (
        SELECT rule_id, card_id FROM fraud_clearance
        WHERE program_id = $1 AND ends_at < statement_timestamp() - $2::interval LIMIT $3)"""

_BLOCKS: Final = """
    DELETE FROM fraud_blocked_address WHERE program_id = $1 AND address IN (
        SELECT address FROM fraud_blocked_address
        WHERE program_id = $1 AND expires_at < statement_timestamp() - $2::interval LIMIT $3)"""

_OVER: Final = (
    (_TALLIES, TALLIES_KEPT),
    (_ALERTS, CLOSED_KEPT),
    (_CLEARANCES, timedelta(0)),
    (_BLOCKS, timedelta(days=1)),
)


async def sweep(database: Database) -> int:
    """One round over all programs; how many rows went or ended. Raises `Unavailable` while the database is away."""
    async with database.read() as connection:
        programs = await connection.fetch("SELECT id, merchant_id FROM program ORDER BY id")
    total = 0
    for program_id, merchant_id in programs:
        total += await _expire(database, merchant_id, program_id)
        for statement, kept in _OVER:
            total += await in_batches(database, BATCH, statement, program_id, kept, BATCH)
    return total


async def forget_addresses(database: Database, program_id: str, kept: timedelta) -> int:
    """Empty the addresses in alerts to which nothing was added for so long; how many. Raises `Unavailable`."""
    return await in_batches(database, BATCH, _ADDRESSES, program_id, kept, BATCH)


async def forget_notes(connection: Connection, program_id: str, card_ids: list[str]) -> None:
    """Empty what people have said about alerts of these cards, on this connection's transaction."""
    await connection.execute(
        "UPDATE fraud_alert SET notes = NULL WHERE program_id = $1 AND notes IS NOT NULL AND card_ids && $2::text[]",
        program_id,
        card_ids,
    )


async def _expire(database: Database, merchant_id: str, program_id: str) -> int:
    """End what nobody looked at, each with its row in the audit log: no alert vanishes without a trace."""

    async def work(connection: Connection) -> int:
        rows = await connection.fetch(_EXPIRE, program_id, OPEN_KEPT, BATCH, audit.TIME)
        ended = [
            audit.Row(
                actor=audit.TIME,
                action="fraud-alert:expired",
                merchant_id=merchant_id,
                program_id=program_id,
                subject=row["id"],
                details={"cardIds": row["card_ids"], "occurrences": row["occurrences"]},
                before={"status": AlertStatus.OPEN.value},
                after={"status": AlertStatus.EXPIRED.value},
            )
            for row in rows
        ]
        await audit.write(connection, ended)
        return len(rows)

    return await until_fewer(BATCH, lambda: database.repeat(work))
