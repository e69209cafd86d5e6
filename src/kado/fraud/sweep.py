"""Deletes what no rule counts any more and what is over."""

from datetime import timedelta
from typing import Final

from kado.fraud.config import WINDOW_MAX
from kado.storage.batches import in_batches
from kado.storage.database import Database

TALLIES_KEPT: Final = timedelta(minutes=WINDOW_MAX) + timedelta(days=1)
CLOSED_KEPT: Final = timedelta(days=400)
"""Alerts that somebody has looked at: a year and a month, for whoever compares years."""

BATCH: Final = 5000

_TALLIES: Final = """
    DELETE FROM fraud_tally WHERE program_id = $1 AND (series_id, is_test, subject, bucket) IN (
        SELECT series_id, is_test, subject, bucket FROM fraud_tally
        WHERE program_id = $1 AND touched_at < statement_timestamp() - $2::interval ORDER BY touched_at LIMIT $3)"""

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
    """One round over all programs; how many rows went. Raises `Unavailable` while the database is away."""
    async with database.read() as connection:
        programs = [row["id"] for row in await connection.fetch("SELECT id FROM program ORDER BY id")]
    total = 0
    for program_id in programs:
        for statement, kept in _OVER:
            total += await in_batches(database, BATCH, statement, program_id, kept, BATCH)
    return total
