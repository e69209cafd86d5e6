"""Works checks off, one at a time in a worker. A claim is a lease: a worker that ends leaves the check to another."""

import asyncio
import json
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import structlog

from kado import audit
from kado.cards.books.apart import CheckFailed, verify_apart
from kado.cards.books.check import FINDINGS_KEPT
from kado.crypto import Keyring
from kado.errors import Unavailable
from kado.storage.database import Connection, Database

LEASE: Final = timedelta(seconds=30)
"""Without a word of its worker for so long, a check is begun anew."""
TRIES_MAX: Final = 5
_TELL_SECONDS: Final = 2
_log: Final = structlog.get_logger("kado.books")


@dataclass(frozen=True, slots=True)
class _Claimed:
    program_id: str
    id: str
    claim: bytes
    tries: int


async def check_next(database: Database, keyring: Keyring) -> bool:
    """Do the check that has waited longest, to its end; whether there was one. Raises `Unavailable`."""
    claimed = await _claim(database)
    if claimed is None:
        return False
    if claimed.tries > TRIES_MAX:
        await _end(database, claimed, {"error": f"it was begun {TRIES_MAX} times and came to no end"})
        return True
    progress = [0, 0]

    def note(done: int, total: int) -> None:
        progress[:] = done, total

    verifying = asyncio.create_task(
        verify_apart(database, keyring, claimed.program_id, FINDINGS_KEPT, note), name="books verified"
    )
    try:
        while not (await asyncio.wait({verifying}, timeout=_TELL_SECONDS))[0]:
            # While the database is away the lease runs on; the process finds out by itself.
            with suppress(Unavailable):
                if not await _tell(database, claimed, *progress):
                    return True
        try:
            said = verifying.result()
        except CheckFailed as failure:
            said = {"error": str(failure)}
    finally:
        verifying.cancel()
        await asyncio.wait({verifying})
    await _end(database, claimed, said)
    return True


async def _claim(database: Database) -> _Claimed | None:
    """The unfinished check that nobody is at and that has waited longest, ours for a while.

    Found first and locked then: rows of several programs may lie on several machines, where none can lock them all.
    """
    claim = secrets.token_bytes(16)

    async def work(connection: Connection) -> _Claimed | None:
        waiting = await connection.fetch(
            "SELECT program_id, id FROM verification WHERE state IN ('pending', 'processing')"
            " AND (claimed_until IS NULL OR claimed_until < statement_timestamp()) ORDER BY touched_at LIMIT 20"
        )
        for program_id, check_id in waiting:
            tries = await connection.fetchval(
                "UPDATE verification SET state = 'processing', claim = $3, tries = tries + 1, done = 0, total = NULL,"
                " touched_at = statement_timestamp(), claimed_until = statement_timestamp() + $4::interval"
                " WHERE program_id = $1 AND id = $2 AND state IN ('pending', 'processing')"
                " AND (claimed_until IS NULL OR claimed_until < statement_timestamp()) RETURNING tries",
                program_id,
                check_id,
                claim,
                LEASE,
            )
            if tries is not None:
                return _Claimed(program_id, check_id, claim, tries)
        return None

    return await database.repeat(work)


async def _tell(database: Database, check: _Claimed, done: int, total: int) -> bool:
    """Write down how far it is; False where another worker is at it by now. Raises `Unavailable`."""

    async def work(connection: Connection) -> bool:
        return bool(
            await connection.fetchval(
                "UPDATE verification SET done = $4, total = $5, touched_at = statement_timestamp(),"
                " claimed_until = statement_timestamp() + $6::interval"
                " WHERE program_id = $1 AND id = $2 AND claim = $3 AND state = 'processing' RETURNING true",
                check.program_id,
                check.id,
                check.claim,
                done,
                total or None,
                LEASE,
            )
        )

    return await database.repeat(work)


async def _end(database: Database, check: _Claimed, said: dict[str, Any]) -> None:
    """Write down what came of it, with a row of the audit log, unless somebody else is at it by now."""
    error = said.get("error")

    async def work(connection: Connection) -> None:
        row = await connection.fetchrow(
            "UPDATE verification SET state = $4, error = $5, cards = $6, entries = $7, seals = $8, found = $9,"
            " findings = $10::jsonb, claim = NULL, claimed_until = NULL, touched_at = statement_timestamp(),"
            " ended_at = statement_timestamp()"
            " WHERE program_id = $1 AND id = $2 AND claim = $3 AND state = 'processing' RETURNING actor, merchant_id",
            check.program_id,
            check.id,
            check.claim,
            "completed" if error is None else "failed",
            error,
            *(said.get(name) for name in ("cards", "entries", "seals", "found")),
            None if error is not None else json.dumps(said["findings"]),
        )
        if row is None:
            return
        details: dict[str, object] = {
            name: said[name] for name in ("cards", "entries", "seals", "found", "error") if name in said
        }
        await audit.record(
            connection,
            actor=row["actor"],
            action="program:verified",
            merchant_id=row["merchant_id"],
            program_id=check.program_id,
            subject=check.program_id,
            details={"check": check.id, **details},
        )

    await database.repeat(work)
    _log.info("books.checked", program=check.program_id, check=check.id, found=said.get("found"), error=error)
