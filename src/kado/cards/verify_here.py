"""Verification beside a working server, for who signs in: of one program, one at a time, as far as it takes moments.

A larger ledger is for `kado verify`, which has a processor to itself. What came of it stands in the audit log, so that
every process knows the last result.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from kado import audit
from kado.cards.proof.findings import Report
from kado.cards.verify import verify
from kado.crypto import Keyring
from kado.errors import Refusal
from kado.storage.database import Database

ENTRIES_MAX: Final = 100_000
"""Entries of a program that are looked at here: about a second of a processor that payments want too."""

_ACTION: Final = "program:verified"
_one_at_a_time: Final = asyncio.Semaphore(1)


@dataclass(frozen=True, slots=True)
class Result:
    """What the last verification said: when, and how much was looked at and contradicts something."""

    at: datetime
    cards: int
    entries: int
    findings: int


async def verify_here(database: Database, keyring: Keyring, actor: str, merchant_id: str, program_id: str) -> Report:
    """Verify the program now; what came of it is written down.

    Raises `Refusal` for a program with too many entries and while another one is verified, `Unavailable`.
    """
    async with database.read_list(in_order=False) as connection:
        entries = await connection.fetchval(
            "SELECT count(*) FROM (SELECT FROM card_transaction WHERE program_id = $1 LIMIT $2) e",
            program_id,
            ENTRIES_MAX + 1,
        )
    if entries > ENTRIES_MAX:
        raise Refusal("too_many_entries", "This program has too many entries for here: `kado verify` looks at it.")
    if _one_at_a_time.locked():
        raise Refusal("verify_busy", "Another program is being verified; try again in a moment.")
    async with _one_at_a_time:
        report = await verify(database, keyring, program_id=program_id)
    said = {"cards": report.cards, "entries": report.entries, "findings": len(report.findings)}
    await database.repeat(
        lambda connection: audit.record(
            connection,
            actor=actor,
            action=_ACTION,
            merchant_id=merchant_id,
            program_id=program_id,
            subject=program_id,
            details=said,
        )
    )
    return report


async def last_result(database: Database, program_id: str) -> Result | None:
    """What the last verification that was started here said; None where there was none."""
    async with database.read() as connection:
        row = await connection.fetchrow(
            "SELECT at, (details ->> 'cards')::bigint, (details ->> 'entries')::bigint,"
            " (details ->> 'findings')::bigint FROM audit_log"
            " WHERE program_id = $1 AND subject = $1 AND action = $2 ORDER BY at DESC LIMIT 1",
            program_id,
            _ACTION,
        )
    return None if row is None else Result(*row)
