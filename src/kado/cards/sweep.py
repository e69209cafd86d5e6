"""Writes down what time has made true, and deletes what nobody will ask for any more.

Nothing is decided here: what a card can do follows from its facts at the moment of asking. The written status is for
those who list and count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from kado import audit
from kado.cards import events
from kado.cards.card import CardStatus
from kado.cards.store import STATUS_NOW
from kado.programs import find
from kado.programs.program import Program
from kado.storage.batches import in_batches, until_fewer
from kado.storage.database import Connection, Database
from kado.storage.outbox import enqueue_events, enqueue_wallets

BATCH: Final = 5000
"""Rows that one transaction changes at most, so that nobody waits long for it."""


@dataclass(frozen=True, slots=True)
class SweepReport:
    """How many rows were changed or deleted."""

    expired: int
    suspensions_ended: int
    answers: int
    challenges: int
    check_rates: int


async def sweep(database: Database, *, answer_days: int) -> SweepReport:
    """One round over everything. Answers to idempotency keys go after `answer_days`. Safe to run in several processes.

    Raises `Unavailable` while the database is away.
    """
    expired = suspensions_ended = answers = check_rates = 0
    for program in await find.list_all(database):
        expired += await _expire(database, program)
        suspensions_ended += await _end_suspensions(database, program)
        check_rates += await in_batches(database, BATCH, _FORGET_CHECK_RATES, program.id)
        answers += await in_batches(database, BATCH, _FORGET_ANSWERS, program.id, timedelta(days=answer_days))
    return SweepReport(
        expired=expired,
        suspensions_ended=suspensions_ended,
        answers=answers,
        challenges=await in_batches(database, BATCH, _FORGET_CHALLENGES),
        check_rates=check_rates,
    )


# Ages are reckoned from the beginning of the statement: an index is of no use for a time that changes while it runs.

# Rows that someone else has locked are left for the next round: the posting at work on them writes the status itself.
_EXPIRE: Final = f"""
    WITH due AS (
        SELECT id, status AS was, statement_timestamp() AS now FROM card
        WHERE program_id = $1 AND status NOT IN ('expired', 'voided') AND expires_at <= statement_timestamp()
          AND voided_at IS NULL
        ORDER BY expires_at LIMIT {BATCH} FOR UPDATE SKIP LOCKED)
    UPDATE card c SET status = 'expired' FROM due WHERE c.program_id = $1 AND c.id = due.id
    RETURNING c.program_id, c.id AS card_id, c.merchant_id, c.balance, c.held, c.last_four, c.expires_at, c.is_test,
              c.in_wallets, due.now, due.was"""

# Only the status: `suspended_at` and `suspended_until` stay as they were, because the card's state seal covers them,
# and because they say nothing wrong; the end of a suspension is one of its facts.
_END_SUSPENSIONS: Final = f"""
    WITH due AS (
        SELECT c.id, c.status AS was, {STATUS_NOW} AS becomes FROM card c
        WHERE program_id = $1 AND status = 'suspended' AND suspended_until <= statement_timestamp()
        ORDER BY suspended_until LIMIT {BATCH} FOR UPDATE SKIP LOCKED)
    UPDATE card c SET status = due.becomes FROM due WHERE c.program_id = $1 AND c.id = due.id
    RETURNING c.id AS card_id, c.status, c.in_wallets, statement_timestamp() AS now, due.was"""

_FORGET_ANSWERS: Final = f"""
    DELETE FROM idempotency_key WHERE program_id = $1 AND key_hash IN (
        SELECT key_hash FROM idempotency_key
        WHERE program_id = $1 AND created_at < statement_timestamp() - $2::interval
        ORDER BY created_at LIMIT {BATCH})"""

_FORGET_CHECK_RATES: Final = f"""
    DELETE FROM check_rate WHERE program_id = $1 AND minute IN (
        SELECT minute FROM check_rate
        WHERE program_id = $1 AND minute < statement_timestamp() - interval '2 days' ORDER BY minute LIMIT {BATCH})"""

_FORGET_CHALLENGES: Final = f"""
    DELETE FROM captcha_used WHERE challenge IN (
        SELECT challenge FROM captcha_used WHERE expires_at < statement_timestamp() LIMIT {BATCH})"""


async def _expire(database: Database, program: Program) -> int:
    """Write down which cards' time is over, and with it the events of that, where somebody listens."""

    async def work(connection: Connection) -> int:
        rows = [dict(row) for row in await connection.fetch(_EXPIRE, program.id)]
        await audit.write(connection, [_ended(program, "card:expired", row, CardStatus.EXPIRED) for row in rows])
        await _tell_wallets(connection, program, rows)
        for row in rows:
            del row["was"], row["in_wallets"]
        if rows and program.is_heard:
            kind, status = events.EventType.EXPIRED, CardStatus.EXPIRED
            heard = [events.of_facts(kind, program.currency, row.pop("now"), status=status, **row) for row in rows]
            await enqueue_events(connection, heard)
        return len(rows)

    return await until_fewer(BATCH, lambda: database.repeat(work))


async def _end_suspensions(database: Database, program: Program) -> int:
    """Write down which suspensions are over."""

    async def work(connection: Connection) -> int:
        rows = [dict(row) for row in await connection.fetch(_END_SUSPENSIONS, program.id)]
        ended = [_ended(program, "card:suspension-ended", row, row["status"]) for row in rows]
        await audit.write(connection, ended)
        await _tell_wallets(connection, program, rows)
        return len(rows)

    return await until_fewer(BATCH, lambda: database.repeat(work))


async def _tell_wallets(connection: Connection, program: Program, rows: Sequence[Mapping[str, Any]]) -> None:
    if held := [(program.id, row["card_id"]) for row in rows if row["in_wallets"]]:
        await enqueue_wallets(connection, held, rows[0]["now"])


def _ended(program: Program, action: str, row: Mapping[str, Any], status: str) -> audit.Row:
    return audit.Row(
        actor=audit.TIME,
        action=action,
        merchant_id=program.merchant_id,
        program_id=program.id,
        subject=row["card_id"],
        before={"status": row["was"]},
        after={"status": status},
    )
