"""Every SQL statement of delivery: whose turn a message is, and what became of it.

A message is claimed by a lease, in a short transaction: `next_attempt_at` moves ahead and the claim is `attempts`. So
no row stays locked and no connection stays busy while a mail server thinks, and what a dead worker held comes back when
the lease ends. A worker that outlives its lease cannot write over the next outcome: its claim is not the newest.

Times are the database's (`now()`, not `clock_timestamp()`: all transactions here are short, a job's time in the same
transaction is counted from it, and a distributed engine takes only stable functions in an UPDATE).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from kado import clock
from kado.storage.database import Connection, Database
from kado.storage.outbox import SEND_MESSAGE, enqueue_sends

LEASE: Final = timedelta(minutes=2)
OVERDUE: Final = timedelta(seconds=60)
_TURN: Final = timedelta(milliseconds=500)
_RESCUED_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that is this worker's to send until the lease ends."""

    program_id: str
    id: str
    card_id: str
    kind: str
    channel: str
    recipient: str
    sender_name: str | None
    custom_message: str | None
    created_at: datetime
    attempts: int
    request_id: str | None = None
    """The request that caused it."""
    language: str | None = None
    time_zone: str | None = None
    entry_seq: int | None = None
    claimed_at: datetime = clock.EPOCH


async def claim(database: Database, program_id: str, message_id: str) -> Claimed | None:
    """The message, if it is queued and due. If it is queued and not due, its job is put off until then.

    Codes of one card leave one after the other: each code voids the one before, so whoever is sent the last mail must
    also hold the last code.
    """

    async def work(connection: Connection) -> Claimed | None:
        wait = await _wait(connection, program_id, message_id)
        if wait is None:
            return None
        if wait > timedelta(0):
            await enqueue_sends(connection, [(program_id, message_id, wait)])
            return None
        row = await connection.fetchrow(
            """
            UPDATE message SET attempts = attempts + 1, last_error = NULL, next_attempt_at = now() + $3::interval
             WHERE program_id = $1 AND id = $2
            RETURNING program_id, id, card_id, kind, channel, recipient, sender_name, custom_message, created_at,
                      attempts, request_id, language, time_zone, entry_seq, now() AS claimed_at
            """,
            program_id,
            message_id,
            LEASE,
        )
        return Claimed(**row) if row else None

    return await database.repeat(work)


async def _wait(connection: Connection, program_id: str, message_id: str) -> timedelta | None:
    """How long the message must wait for its turn; None when there is nothing to send (any more).

    Locks the messages of its card, in id order, for the rest of this transaction. A superseded message counts until its
    lease ends: it may be on its way all the same.
    """
    rows = await connection.fetch(
        """
        SELECT id, kind, state, next_attempt_at - now() AS due_in,
               kind = 'security_code' AND state IN ('queued', 'superseded') AND attempts > 0 AND last_error IS NULL
                   AND next_attempt_at > now() AS code_in_flight
          FROM message
         WHERE program_id = $1
           AND card_id = (SELECT card_id FROM message WHERE program_id = $1 AND id = $2)
         ORDER BY id
           FOR UPDATE
        """,
        program_id,
        message_id,
    )
    own = next((row for row in rows if row["id"] == message_id), None)
    if own is None or own["state"] != "queued":
        return None
    if own["due_in"] is not None and own["due_in"] > timedelta(0):
        return timedelta(seconds=own["due_in"].total_seconds())
    if own["kind"] == "security_code" and any(row["code_in_flight"] for row in rows):
        return _TURN
    return timedelta(0)


async def mark_sent(database: Database, message: Claimed) -> None:
    """It left, whatever else was decided about it meanwhile."""
    async with database.read() as connection:
        await connection.execute(
            """
            UPDATE message SET state = 'sent', sent_at = now(), next_attempt_at = NULL, last_error = NULL
             WHERE program_id = $1 AND id = $2 AND state <> 'sent'
            """,
            message.program_id,
            message.id,
        )


async def mark_ended(database: Database, message: Claimed, state: str, reason: str) -> None:
    """It was given up (`failed`) or is not needed any more (`superseded`)."""
    async with database.read() as connection:
        await connection.execute(
            """
            UPDATE message SET state = CASE state WHEN 'queued' THEN $4 ELSE state END, last_error = $5,
                               next_attempt_at = NULL
             WHERE program_id = $1 AND id = $2 AND state IN ('queued', 'superseded') AND attempts = $3
            """,
            message.program_id,
            message.id,
            message.attempts,
            state,
            reason,
        )


async def put_off(database: Database, message: Claimed, reason: str, wait: timedelta) -> None:
    """It is tried again after `wait`, by a job that is written together with the reason.

    Unless it was superseded while it was on its way: then its turn just ends.
    """

    async def work(connection: Connection) -> None:
        again = await connection.fetchval(
            """
            UPDATE message SET last_error = $4,
                               next_attempt_at = CASE state WHEN 'queued' THEN now() + $5::interval END
             WHERE program_id = $1 AND id = $2 AND state IN ('queued', 'superseded') AND attempts = $3
            RETURNING state = 'queued'
            """,
            message.program_id,
            message.id,
            message.attempts,
            reason,
            wait,
        )
        if again:
            await enqueue_sends(connection, [(message.program_id, message.id, wait)])

    await database.repeat(work)


async def rescue(database: Database) -> int:
    """New jobs for messages that are overdue and have none, as after a crash at the wrong moment. How many it were."""
    async with database.transaction() as connection:
        overdue = await connection.fetch(
            """
            SELECT program_id, id FROM message WHERE state = 'queued' AND next_attempt_at < now() - $1::interval
             ORDER BY next_attempt_at LIMIT $2
            """,
            OVERDUE,
            _RESCUED_AT_ONCE,
        )
        if not overdue:
            return 0
        # A second statement and not a join: the two tables may live on different machines.
        having_jobs = await connection.fetch(
            """
            WITH job AS MATERIALIZED (
                SELECT convert_from(payload, 'UTF8')::json ->> 'message' AS message FROM pgqueuer WHERE entrypoint = $1
            )
            SELECT message FROM job WHERE message = ANY ($2::text[])
            """,
            SEND_MESSAGE,
            [row["id"] for row in overdue],
        )
        known = {row["message"] for row in having_jobs}
        lost = [(row["program_id"], row["id"], timedelta(0)) for row in overdue if row["id"] not in known]
        if lost:
            await enqueue_sends(connection, lost)
        return len(lost)


async def forget_old_jobs(database: Database) -> None:
    """Delete the queue's own notes about finished jobs. What an operator needs to know stands in `message`."""
    async with database.transaction() as connection:
        await connection.execute("DELETE FROM pgqueuer_log WHERE created < now() - interval '1 day'")
        await connection.execute("DELETE FROM pgqueuer_statistics WHERE created < now() - interval '30 days'")
