"""Security codes on their way to a person: made at the moment of sending, so that none waits in a table."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from kado import audit
from kado.cards import events, store
from kado.cards.chain import change_sealed
from kado.cards.numbers import hide_code, new_code, show_number
from kado.crypto import Keyring
from kado.money import Currency
from kado.storage.database import Connection, Database
from kado.storage.outbox import enqueue_events


@dataclass(frozen=True, slots=True)
class CodeForDelivery:
    """What a message about a card says. The code stands in clear here alone, while it is sent."""

    code: str = field(repr=False)
    card_number: str = field(repr=False)
    last_four: str
    balance: int
    value: int
    """Minor units, as `balance` too."""
    currency: Currency
    expires_at: datetime
    customer_name: str | None
    sender_name: str | None
    custom_message: str | None
    merchant_name: str
    program_name: str
    url: str = field(repr=False)


MESSENGER: Final = "system:messenger"
"""Who makes a code: whatever sends it, at the moment of sending."""

_IS_WAITING: Final = "SELECT state = 'queued' FROM message WHERE program_id = $1 AND id = $2"


async def make_code(
    database: Database,
    keyring: Keyring,
    public_url: str,
    program_id: str,
    card_id: str,
    *,
    message_id: str | None = None,
) -> CodeForDelivery | None:
    """Give the card a new code; the one before is void from now on. None for a card that cannot be used any more.

    None as well where the message that the code is for was superseded: whoever it would go to may not be the card's
    owner any more.
    """

    async def work(connection: Connection) -> CodeForDelivery | None:
        locked = await store.lock_cards(connection, program_id, [card_id])
        card, now = locked.cards.get((program_id, card_id)), locked.now
        if card is None or now is None or card.voided_at is not None or card.expires_at <= now:
            return None
        # A statement of its own, after the lock: whatever superseded the message is over by now, and seen.
        if message_id is not None and not await connection.fetchval(_IS_WAITING, program_id, message_id):
            return None
        program = locked.programs[program_id]
        code = new_code(program.code_format)
        hidden = hide_code(keyring, program_id, card_id, code)
        before = {"securityCode": None if card.code_hash is None else "***"}
        change_sealed(keyring, card, code_hash=hidden.hash, code_version=hidden.version)
        await store.write_codes(connection, program_id, [card])
        await audit.record(
            connection,
            actor=MESSENGER,
            action="card:code-made",
            merchant_id=card.merchant_id,
            program_id=program_id,
            subject=card_id,
            details={} if message_id is None else {"message": message_id},
            before=before,
            after={"securityCode": "***"},
        )
        return CodeForDelivery(
            code=code,
            card_number=show_number(keyring, program_id, card_id, card.number_sealed),
            last_four=card.last_four,
            balance=card.balance,
            value=card.initial_value,
            currency=program.currency,
            expires_at=card.expires_at,
            customer_name=card.customer_name,
            sender_name=card.sender_name,
            custom_message=card.custom_message,
            merchant_name=card.merchant_name,
            program_name=program.name,
            url=page_url(public_url, card.pass_sid),
        )

    return await database.repeat(work)


async def mark_delivered(database: Database, program_id: str, card_id: str) -> None:
    """A code left for the card's recipient; the first time is kept, and heard by whoever listens."""

    async def work(connection: Connection) -> None:
        row = await connection.fetchrow(
            """
            UPDATE card c SET delivered_at = statement_timestamp() FROM program p
            WHERE c.program_id = $1 AND c.id = $2 AND c.delivered_at IS NULL AND p.id = c.program_id
            RETURNING c.delivered_at AS at,
                      EXISTS (SELECT FROM webhook w WHERE w.merchant_id = p.merchant_id AND w.enabled) AS is_heard""",
            program_id,
            card_id,
        )
        if row is None or not row["is_heard"]:
            return
        locked = await store.lock_cards(connection, program_id, [card_id])
        card, program = locked.cards[program_id, card_id], locked.programs[program_id]
        delivered = events.of_state(events.EventType.DELIVERED, card, program, row["at"])
        await enqueue_events(connection, [delivered])

    await database.repeat(work)


def page_url(public_url: str, pass_sid: str) -> str:
    """The holder's page of a card."""
    return f"{public_url}/cards/{pass_sid}"
