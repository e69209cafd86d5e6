"""What must happen after a commit, written down before it: messages, events, and the jobs that send them.

A row in `message` or `gift_card_event` is what an operator sees and replays; the job beside it makes a worker act. Both
are written in the transaction of the change that they report, so they exist exactly if the change does.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias, cast

import asyncpg
import structlog

from kado.storage.database import Connection

SEND_MESSAGE: Final = "send_message"
"""The name of the job that sends one message; its payload is `{"program": id, "message": id}`."""

HAND_OUT_EVENTS: Final = "hand_out_events"
"""The name of the job that settles who hears a program's new events; its payload is `{"program": id}`."""

DELIVER_EVENTS: Final = "deliver_events"
"""The name of the job that sends an endpoint what is due; its payload is `{"program": id, "webhook": id}`."""

TELL_WALLETS: Final = "tell_wallets"
"""The name of the job that tells wallets of a program's cards what is due; its payload is `{"program": id}`."""

SEND_OTP: Final = "send_otp"
"""The name of the job that sends a customer's one-time password; its payload is `{"otp": id}`."""

SEND_REPORT: Final = "send_report"
"""The name of the job that sends one report by mail; its payload is `{"program": id, "mail": id}`."""

REQUEST: Final = "request"
"""The member of a job's payload that names the request which caused it, where it is known."""


MessageKind: TypeAlias = Literal[
    "security_code", "code_sent_elsewhere", "receipt", "expiry_reminder", "balance_changed", "till_receipt"
]
"""What a message says: the code; that a code went elsewhere; to the giver, what was sent; that money expires soon; what
became of the card's money; to whoever asked at a till, what was done there."""


@dataclass(frozen=True, slots=True)
class Message:
    """A mail or text message to be sent to someone about a card."""

    program_id: str
    id: str
    card_id: str
    kind: MessageKind
    channel: Literal["email", "sms"]
    recipient: str
    sender_name: str | None
    custom_message: str | None
    created_at: datetime
    send_at: datetime | None = None
    """Not before this moment; at once when empty."""
    request_id: str | None = None
    """The request that caused it, as the log calls it."""
    language: str | None = None
    """In which language it is (BCP 47), where that is not the card's."""
    time_zone: str | None = None
    """By which clock it says times (IANA), where that is not the card's."""
    entry_seq: int | None = None
    """The entry of the card that it tells of, where it tells of one."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a card or in a program, as whoever listens will hear it."""

    program_id: str
    id: str
    card_id: str | None
    """The card; None for what concerns a whole program."""
    type: str
    is_test: bool
    body: str
    """The JSON that is sent, made by `kado.cards.events` or `kado.anomalies.events`."""
    created_at: datetime


async def enqueue(connection: Connection, job: str, wanted: Sequence[tuple[Mapping[str, str], timedelta]]) -> None:
    """Jobs of one kind, each with its payload and after its delay, on this connection's transaction."""
    # Imported here: it takes a quarter of the start of a command, and most commands leave nothing to be done.
    from pgqueuer import AsyncpgDriver, Queries  # noqa: PLC0415

    # The driver only fetches, which a connection borrowed from a pool can do as well.
    queries = Queries(AsyncpgDriver(cast("asyncpg.Connection[asyncpg.Record]", connection)))
    await queries.enqueue(
        [job] * len(wanted),
        [json.dumps(payload).encode() for payload, _ in wanted],
        [0] * len(wanted),
        [delay for _, delay in wanted],
    )


async def enqueue_messages(connection: Connection, messages: Sequence[Message]) -> None:
    """Write the messages and their jobs on this connection's transaction."""
    await connection.execute(
        """
        INSERT INTO message (program_id, id, card_id, kind, channel, recipient, sender_name, custom_message, state,
                             created_at, next_attempt_at, request_id, language, time_zone, entry_seq)
        SELECT u.program_id, u.id, u.card_id, u.kind, u.channel, u.recipient, u.sender_name, u.custom_message, 'queued',
               u.created_at, u.send_at, u.request_id, u.language, u.time_zone, u.entry_seq
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                    $9::timestamptz[], $10::timestamptz[], $11::text[], $12::text[], $13::text[], $14::bigint[])
             AS u (program_id, id, card_id, kind, channel, recipient, sender_name, custom_message, created_at, send_at,
                   request_id, language, time_zone, entry_seq)
        """,
        [m.program_id for m in messages],
        [m.id for m in messages],
        [m.card_id for m in messages],
        [m.kind for m in messages],
        [m.channel for m in messages],
        [m.recipient for m in messages],
        [m.sender_name for m in messages],
        [m.custom_message for m in messages],
        [m.created_at for m in messages],
        [m.send_at or m.created_at for m in messages],
        [m.request_id for m in messages],
        [m.language for m in messages],
        [m.time_zone for m in messages],
        [m.entry_seq for m in messages],
    )
    await enqueue_sends(
        connection,
        [(m.program_id, m.id, max(timedelta(0), (m.send_at or m.created_at) - m.created_at)) for m in messages],
    )


async def enqueue_sends(connection: Connection, jobs: Sequence[tuple[str, str, timedelta]]) -> None:
    """Jobs that send the messages (program id, message id) after a delay, on this connection's transaction."""
    await enqueue(
        connection,
        SEND_MESSAGE,
        [({"program": program_id, "message": message_id}, delay) for program_id, message_id, delay in jobs],
    )


async def enqueue_events(connection: Connection, events: Sequence[Event]) -> None:
    """Write the events and one job for each of their programs on this connection's transaction."""
    await connection.execute(
        """
        INSERT INTO gift_card_event (program_id, id, card_id, type, is_test, body, created_at)
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::text[],
                             $7::timestamptz[])
        """,
        [event.program_id for event in events],
        [event.id for event in events],
        [event.card_id for event in events],
        [event.type for event in events],
        [event.is_test for event in events],
        [event.body for event in events],
        [event.created_at for event in events],
    )
    programs = sorted({event.program_id for event in events})
    await enqueue(connection, HAND_OUT_EVENTS, [({"program": program_id}, timedelta(0)) for program_id in programs])


async def enqueue_wallets(connection: Connection, cards: Sequence[tuple[str, str]], now: datetime) -> None:
    """Note that these cards (program id, card id) became different at `now`, for the wallets that hold them, and one
    job for each of their programs, on this connection's transaction. The cards are locked."""
    by_program: dict[str, list[str]] = {}
    for program_id, card_id in cards:
        by_program.setdefault(program_id, []).append(card_id)
    for program_id, card_ids in by_program.items():
        await connection.execute(
            """
            UPDATE wallet_registration SET state = 'queued', turn = turn + 1, attempts = 0, last_error = NULL,
                                           changed_at = greatest(changed_at, $3), next_attempt_at = now()
             WHERE program_id = $1 AND card_id = ANY($2::text[])
            """,
            program_id,
            card_ids,
            now,
        )
    await enqueue(connection, TELL_WALLETS, [({"program": program_id}, timedelta(0)) for program_id in by_program])


async def enqueue_otp(connection: Connection, otp_id: str, delay: timedelta = timedelta(0)) -> None:
    """A job that makes a one-time password and sends it, on this connection's transaction."""
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    known = {} if request_id is None else {REQUEST: str(request_id)}
    await enqueue(connection, SEND_OTP, [({"otp": otp_id, **known}, delay)])
