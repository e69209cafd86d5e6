"""Every SQL statement about events on their way: who hears them, whose turn they are, what became of them.

As with messages, a delivery is claimed by a lease in a short transaction: `next_attempt_at` moves ahead and the claim
is `attempts`. So nothing stays locked while an endpoint thinks, what a dead worker held comes back by itself, and a
worker that outlives its lease cannot write over the next outcome. Jobs are wake-up calls: what is due stands here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from kado import audit
from kado.ids import new_id
from kado.storage.database import Connection, Database
from kado.storage.outbox import DELIVER_EVENTS, enqueue
from kado.webhooks import store

LEASE: Final = timedelta(seconds=30)
"""Far longer than a try may take, with time to write down what came of it."""

_HANDED_OUT_AT_ONCE: Final = 500
_RESCUED_AT_ONCE: Final = 1000
WORKER: Final = "system:worker"
"""Who stands in the audit log for an endpoint that was disabled because it does not answer."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that is this worker's to make until the lease ends."""

    program_id: str
    id: str
    webhook_id: str
    event_id: str
    attempts: int
    queued_at: datetime
    body: bytes = field(repr=False)


# ── from events to deliveries ──────────────────────────────────────────────────────────────────────────────────────


async def hand_out(database: Database, program_id: str) -> tuple[int, set[str]]:
    """Settle who hears the program's next events: how many it were, and the endpoints that hear any of them."""

    async def work(connection: Connection) -> tuple[int, set[str]]:
        events = await connection.fetch(
            "SELECT id, type, is_test FROM gift_card_event WHERE program_id = $1 AND handed_out_at IS NULL"
            " ORDER BY created_at, id LIMIT $2 FOR UPDATE SKIP LOCKED",
            program_id,
            _HANDED_OUT_AT_ONCE,
        )
        if not events:
            return 0, set()
        webhooks = await store.listening(connection, program_id)
        heard = [
            (event["id"], webhook.id)
            for event in events
            for webhook in webhooks
            if webhook.hears(event["type"], is_test=event["is_test"])
        ]
        await connection.execute(
            """
            INSERT INTO webhook_delivery (program_id, id, event_id, webhook_id, state, created_at, queued_at,
                                          next_attempt_at)
            SELECT $1, u.id, u.event_id, u.webhook_id, 'queued', now(), now(), now()
            FROM unnest($2::text[], $3::text[], $4::text[]) AS u (id, event_id, webhook_id)
            """,
            program_id,
            [new_id() for _ in heard],
            [event_id for event_id, _ in heard],
            [webhook_id for _, webhook_id in heard],
        )
        await connection.execute(
            "UPDATE gift_card_event SET handed_out_at = now() WHERE program_id = $1 AND id = ANY ($2::text[])",
            program_id,
            [event["id"] for event in events],
        )
        return len(events), {webhook_id for _, webhook_id in heard}

    return await database.repeat(work)


async def waiting(database: Database) -> tuple[list[str], list[tuple[str, str]]]:
    """Programs with events that nobody has handed out, and (program, endpoint) with deliveries that are due."""
    async with database.read() as connection:
        programs = await connection.fetch(
            "SELECT DISTINCT program_id FROM gift_card_event WHERE handed_out_at IS NULL LIMIT $1", _RESCUED_AT_ONCE
        )
        due = await connection.fetch(
            "SELECT DISTINCT program_id, webhook_id FROM webhook_delivery"
            " WHERE state = 'queued' AND next_attempt_at <= now() LIMIT $1",
            _RESCUED_AT_ONCE,
        )
    return [row["program_id"] for row in programs], [(row["program_id"], row["webhook_id"]) for row in due]


# ── one try ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def claim(database: Database, program_id: str, webhook_id: str, most: int) -> list[Claimed]:
    """What is due for the endpoint, the longest waiting first, claimed until the lease ends."""

    async def work(connection: Connection) -> list[Claimed]:
        rows = await connection.fetch(
            """
            UPDATE webhook_delivery SET attempts = attempts + 1, last_error = NULL,
                                        next_attempt_at = now() + $4::interval
             WHERE program_id = $1 AND id IN (
                   SELECT id FROM webhook_delivery
                    WHERE program_id = $1 AND webhook_id = $2 AND state = 'queued' AND next_attempt_at <= now()
                    ORDER BY next_attempt_at LIMIT $3 FOR UPDATE SKIP LOCKED)
            RETURNING program_id, id, webhook_id, event_id, attempts, queued_at
            """,
            program_id,
            webhook_id,
            most,
            LEASE,
        )
        events = await connection.fetch(
            "SELECT id, body FROM gift_card_event WHERE program_id = $1 AND id = ANY ($2::text[])",
            program_id,
            [row["event_id"] for row in rows],
        )
        bodies = {event["id"]: event["body"].encode() for event in events}
        return [Claimed(**row, body=bodies[row["event_id"]]) for row in rows]

    return await database.repeat(work)


async def mark_delivered(database: Database, delivery: Claimed, status: int) -> None:
    """The endpoint took it, whatever else was decided about it meanwhile."""

    async def work(connection: Connection) -> None:
        await connection.execute(
            "UPDATE webhook_delivery SET state = 'delivered', delivered_at = now(), next_attempt_at = NULL,"
            " last_status = $3, last_error = NULL WHERE program_id = $1 AND id = $2 AND state <> 'delivered'",
            delivery.program_id,
            delivery.id,
            status,
        )
        await store.note_success(connection, delivery.webhook_id)

    await database.repeat(work)


async def put_off(database: Database, delivery: Claimed, status: int | None, reason: str, wait: timedelta) -> None:
    """It is tried again after `wait`, by a job that is written together with the reason."""

    async def work(connection: Connection) -> None:
        if not await _note(connection, delivery, "queued", status, reason, wait):
            return
        await store.note_failure(connection, delivery.webhook_id, reason)
        await wake(connection, [(delivery.program_id, delivery.webhook_id)], wait)

    await database.repeat(work)


async def give_up(
    database: Database, delivery: Claimed, status: int | None, reason: str, why: str, *, at_once: bool
) -> bool:
    """It failed for good, and the endpoint is disabled for that: at once, or unless it took something since.

    Whether the endpoint was disabled by this.
    """

    async def work(connection: Connection) -> bool:
        if not await _note(connection, delivery, "failed", status, reason, None):
            return False
        await store.note_failure(connection, delivery.webhook_id, reason)
        since = None if at_once else delivery.queued_at
        merchant_id = await store.disable_silent(connection, delivery.webhook_id, why, since)
        if merchant_id is None:
            return False
        await audit.record(
            connection,
            actor=WORKER,
            action="webhook:disabled",
            merchant_id=merchant_id,
            subject=delivery.webhook_id,
            details={"reason": why},
            before={"enabled": True},
            after={"enabled": False},
        )
        return True

    return await database.repeat(work)


async def fail_all(database: Database, program_id: str, webhook_id: str, reason: str) -> None:
    """Nothing that waits for this endpoint is sent: it is disabled or gone. All of it can be replayed later."""
    async with database.read() as connection:
        await connection.execute(
            "UPDATE webhook_delivery SET state = 'failed', last_error = $3, next_attempt_at = NULL"
            " WHERE program_id = $1 AND webhook_id = $2 AND state = 'queued'",
            program_id,
            webhook_id,
            reason,
        )


async def _note(
    connection: Connection, delivery: Claimed, state: str, status: int | None, reason: str, wait: timedelta | None
) -> bool:
    """False where the claim is not the newest any more: somebody else decides then."""
    return bool(
        await connection.fetchval(
            "UPDATE webhook_delivery SET state = $4, last_status = $5, last_error = $6,"
            " next_attempt_at = now() + $7::interval"
            " WHERE program_id = $1 AND id = $2 AND state = 'queued' AND attempts = $3 RETURNING true",
            delivery.program_id,
            delivery.id,
            delivery.attempts,
            state,
            status,
            reason,
            wait,
        )
    )


async def wake(connection: Connection, places: Sequence[tuple[str, str]], wait: timedelta) -> None:
    """Jobs that have a worker look at these endpoints (program id, webhook id), on this connection's transaction."""
    await enqueue(
        connection,
        DELIVER_EVENTS,
        [({"program": program_id, "webhook": webhook_id}, wait) for program_id, webhook_id in places],
    )
