"""What is forgotten by itself when its time is over, a batch at a time, so that nobody waits for it."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from kado import audit
from kado.cards.card import Card, CardStatus
from kado.crypto import Keyring
from kado.fraud.sweep import forget_addresses
from kado.people.forget import AT_ONCE, BEARS_SOMEBODY, forget_on_cards
from kado.programs.find import list_all
from kado.programs.program import Program
from kado.storage.batches import in_batches
from kado.storage.database import Connection, Database

BATCH: Final = 1000
_STRETCH: Final = timedelta(minutes=10)
_STRETCHES: Final = 2000
"""So much of the audit log a round looks at: two weeks in which something happened all the time."""

ACTOR: Final = "system:retention"
_log: Any = structlog.get_logger("kado.people")


@dataclass(frozen=True, slots=True)
class Kept:
    """For how many days what is kept."""

    message_days: int
    proof_days: int
    audit_address_days: int


@dataclass(slots=True)
class Forgotten:
    """How much of what went."""

    cards: int = 0
    messages: int = 0
    recipients: int = 0
    exports: int = 0
    proofs: int = 0
    addresses: int = 0


async def forget_what_is_over(database: Database, keyring: Keyring, kept: Kept) -> Forgotten:
    """One round over everything. Safe to run in several processes. Raises `Unavailable` while the database is away."""
    done = Forgotten()
    messages, addresses = timedelta(days=kept.message_days), timedelta(days=kept.audit_address_days)
    for program in await list_all(database):
        done.cards += await _forget_ended(database, keyring, program)
        done.messages += await in_batches(database, BATCH, _MESSAGES, program.id, messages)
        done.recipients += await in_batches(database, BATCH, _RECIPIENTS, program.id)
        done.addresses += await forget_addresses(database, program.id, addresses)
    done.exports = await in_batches(database, BATCH, _EXPORTS) + await in_batches(database, BATCH, _ORDERS)
    proofs = timedelta(days=kept.proof_days)
    done.proofs = await in_batches(database, BATCH, _PROOFS, proofs) + await in_batches(
        database, BATCH, _ERASURES, proofs
    )
    done.addresses += await _forget_addresses(database, addresses)
    if any(asdict(done).values()):
        _log.info("retention.forgotten", **asdict(done))
    return done


# Messages that wait are none of these; one that was given up cannot be sent again afterwards.
_MESSAGES: Final = f"""
    DELETE FROM message WHERE program_id = $1 AND id IN (
        SELECT id FROM message
        WHERE program_id = $1 AND state <> 'queued' AND created_at < statement_timestamp() - $2::interval
          AND coalesce(sent_at, created_at) < statement_timestamp() - $2::interval
        ORDER BY created_at LIMIT {BATCH} FOR UPDATE SKIP LOCKED)"""

# Of a task that failed nothing more is issued.
_RECIPIENTS: Final = f"""
    UPDATE bulk_batch b SET recipients = NULL WHERE b.program_id = $1 AND (b.task_id, b.number) IN (
        SELECT o.task_id, o.number FROM bulk_batch o
        JOIN bulk_task t ON t.program_id = o.program_id AND t.id = o.task_id
        WHERE o.program_id = $1 AND o.recipients IS NOT NULL AND t.state = 'failed' LIMIT {BATCH})"""

_EXPORTS: Final = f"""
    DELETE FROM person_export WHERE id IN (
        SELECT id FROM person_export WHERE expires_at < statement_timestamp() LIMIT {BATCH})"""

# Orders of a part of the audit log: their filters may be somebody's name, and that there was one stands in the log.
_ORDERS: Final = f"""
    DELETE FROM audit_export WHERE id IN (
        SELECT id FROM audit_export WHERE ordered_at < statement_timestamp() - interval '7 days' LIMIT {BATCH})"""

_PROOFS: Final = f"""
    DELETE FROM consent WHERE id IN (
        SELECT c.id FROM consent c JOIN person_erasure e ON e.id = c.erasure_id
        WHERE c.erasure_id IS NOT NULL AND e.completed_at < statement_timestamp() - $1::interval LIMIT {BATCH})"""

_ERASURES: Final = f"""
    DELETE FROM person_erasure WHERE id IN (
        SELECT e.id FROM person_erasure e
        WHERE e.completed_at < statement_timestamp() - $1::interval
          AND NOT EXISTS (SELECT FROM consent c WHERE c.erasure_id = e.id) LIMIT {BATCH})"""

_ENDED: Final = f"""
    SELECT c.id FROM card c
    WHERE c.program_id = $1 AND c.id > $3 AND c.status IN ('voided', 'expired', 'depleted') AND {BEARS_SOMEBODY}
      AND CASE WHEN c.voided_at IS NOT NULL THEN c.voided_at
               WHEN c.status = 'expired' THEN c.expires_at
               ELSE c.updated_at END <= statement_timestamp() - $2::interval
    ORDER BY c.id LIMIT {AT_ONCE}"""


async def _forget_ended(database: Database, keyring: Keyring, program: Program) -> int:
    """Take people off cards that ended so long ago as the program says; how many cards that were."""
    if program.retention_days is None:
        return 0
    wait, done, after = timedelta(days=program.retention_days), 0, ""

    def still(card: Card, now: datetime) -> bool:
        ended = ended_at(card, now)
        return ended is not None and ended <= now - wait

    while True:
        async with database.read() as connection:
            rows = await connection.fetch(_ENDED, program.id, wait, after)
        if not rows:
            break
        done += len(await forget_on_cards(database, keyring, program.id, [row["id"] for row in rows], still))
        after = rows[-1]["id"]
    if done:
        await database.repeat(_noting(program, done))
    return done


def ended_at(card: Card, now: datetime) -> datetime | None:
    """Since when a card can do nothing any more; None for one that still can.

    A depleted card has ended with whatever last happened to it; a reload makes it begin again.
    """
    match card.status_at(now):
        case CardStatus.VOIDED:
            return card.voided_at
        case CardStatus.EXPIRED:
            return card.expires_at
        case CardStatus.DEPLETED:
            return card.updated_at
        case _:
            return None


def _noting(program: Program, cards: int) -> Callable[[Connection], Awaitable[None]]:
    async def work(connection: Connection) -> None:
        await audit.record(
            connection,
            actor=ACTOR,
            action="people:forgotten",
            merchant_id=program.merchant_id,
            program_id=program.id,
            subject=program.id,
            details={"cards": cards, "days": program.retention_days},
        )

    return work


async def _forget_addresses(database: Database, kept: timedelta) -> int:
    """Empty where old audit rows came from, stretch by stretch; how many rows. What a round leaves the next one does.

    The log only grows, so how far this has come is written down: nothing is looked at twice.
    """

    async def work(connection: Connection, stretch: timedelta) -> tuple[int, bool]:
        row = await connection.fetchrow(
            """
            SELECT addresses_until AS since, statement_timestamp() - $1::interval AS due
            FROM retention_progress FOR UPDATE""",
            kept,
        )
        assert row is not None, "there is one row"
        since, due = row["since"], row["due"]
        if since >= due:
            return 0, True
        until = min(due, since + stretch)
        done = await connection.fetchval("SELECT kado_forget_addresses($1, $2)", since, until)
        await connection.execute("UPDATE retention_progress SET addresses_until = $1", until)
        return int(done), until == due

    total, stretch = 0, _STRETCH
    for _ in range(_STRETCHES):
        done, is_end = await database.repeat(lambda connection, stretch=stretch: work(connection, stretch))  # type: ignore[misc]
        if is_end:
            return total + done
        total += done
        stretch = _STRETCH if done else 2 * stretch  # where nothing is there is often nothing for long
    return total
