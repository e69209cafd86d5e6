"""A check of a program's books: asked for, looked at while it goes on, and what the latest ones said."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import asyncpg

from kado import audit
from kado.access.caller import Caller
from kado.cards.proof.findings import Finding, Reason
from kado.ids import new_id
from kado.programs.program import Program
from kado.storage.database import Connection, Database

KEPT: Final = 20
"""So many of a program's checks are remembered."""
FINDINGS_KEPT: Final = 200
"""So many contradictions of a check are; `kado verify` names all of them."""

PENDING, PROCESSING, COMPLETED, FAILED = "pending", "processing", "completed", "failed"
UNFINISHED: Final = (PENDING, PROCESSING)

_COLUMNS: Final = """
    id, program_id, actor, state, asked_at, ended_at, done, total, cards, entries, seals, found, findings, error"""


@dataclass(frozen=True, slots=True)
class Check:
    """One of them. What it looked at and found is None until it has come to its end."""

    id: str
    program_id: str
    actor: str
    state: str
    asked_at: datetime
    ended_at: datetime | None
    done: int
    total: int | None
    cards: int | None
    entries: int | None
    seals: int | None
    found: int | None
    findings: tuple[Finding, ...]
    error: str | None

    @property
    def goes_on(self) -> bool:
        """Whether its result is still to come."""
        return self.state in UNFINISHED

    @property
    def percent(self) -> int:
        """How much of it is done."""
        return 0 if not self.total else min(99, self.done * 100 // self.total)


async def ask(database: Database, caller: Caller, program: Program) -> str:
    """Have the program's books checked; the check's id, for whoever asks meanwhile the same. Raises `Unavailable`."""

    async def work(connection: Connection) -> str:
        await connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('kado books of ' || $1, 0))", program.id
        )
        under_way = await connection.fetchval(
            "SELECT id FROM verification WHERE program_id = $1 AND state IN ('pending', 'processing')", program.id
        )
        if under_way is not None:
            return str(under_way)
        check_id = new_id()
        await connection.execute(
            "INSERT INTO verification (program_id, id, merchant_id, actor, state) VALUES ($1, $2, $3, $4, 'pending')",
            program.id,
            check_id,
            program.merchant_id,
            caller.subject,
        )
        await connection.execute(
            "DELETE FROM verification WHERE program_id = $1 AND id IN"
            " (SELECT id FROM verification WHERE program_id = $1 ORDER BY asked_at DESC OFFSET $2)",
            program.id,
            KEPT,
        )
        await audit.record(
            connection,
            actor=caller.subject,
            action="program:verification-asked",
            merchant_id=caller.merchant_id,
            program_id=program.id,
            subject=program.id,
            details={"check": check_id},
        )
        return check_id

    return await database.repeat(work)


async def latest(database: Database, program_id: str, limit: int = KEPT) -> list[Check]:
    """The program's checks, newest first. Raises `Unavailable`."""
    async with database.read() as connection:
        rows = await connection.fetch(
            f"SELECT {_COLUMNS} FROM verification WHERE program_id = $1 ORDER BY asked_at DESC, id DESC LIMIT $2",
            program_id,
            limit,
        )
    return [_check(row) for row in rows]


def _check(row: asyncpg.Record) -> Check:
    facts: dict[str, Any] = dict(row)
    said = json.loads(facts["findings"] or "[]")
    found = tuple(Finding(facts["program_id"], card_id, Reason(reason), text) for card_id, reason, text in said)
    return Check(**{**facts, "findings": found})
