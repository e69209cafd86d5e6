"""Security codes on their way to a person: made at the moment of sending, so that none waits in a table."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from kado.cards import events, store
from kado.cards.numbers import hide_code, new_code, show_number
from kado.crypto import Keyring
from kado.money import currency
from kado.storage.database import Connection, Database
from kado.storage.outbox import enqueue_events


@dataclass(frozen=True, slots=True)
class CodeForDelivery:
    """What a message about a card says. The code stands in clear here alone, while it is sent."""

    code: str = field(repr=False)
    card_number: str = field(repr=False)
    last_four: str
    balance_text: str
    value_text: str
    currency: str
    expires_at: datetime
    customer_name: str | None
    sender_name: str | None
    custom_message: str | None
    merchant_name: str
    program_name: str
    url: str = field(repr=False)


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
        row = await connection.fetchrow(
            """
            SELECT c.number_sealed, c.last_four, c.balance, c.initial_value, c.expires_at, c.customer_name,
                   c.sender_name, c.custom_message, c.pass_sid, m.name AS merchant_name, p.name AS program_name,
                   p.currency, p.code_format
            FROM card c JOIN program p ON p.id = c.program_id JOIN merchant m ON m.id = c.merchant_id
            WHERE c.program_id = $1 AND c.id = $2 AND c.voided_at IS NULL AND c.expires_at > clock_timestamp()
            FOR UPDATE OF c""",
            program_id,
            card_id,
        )
        if row is None:
            return None
        # A statement of its own, after the lock: whatever superseded the message is over by now, and seen.
        if message_id is not None and not await connection.fetchval(_IS_WAITING, program_id, message_id):
            return None
        code = new_code(row["code_format"])
        hidden = hide_code(keyring, program_id, card_id, code)
        await connection.execute(
            "UPDATE card SET code_hash = $3, code_version = $4 WHERE program_id = $1 AND id = $2",
            program_id,
            card_id,
            hidden.hash,
            hidden.version,
        )
        unit = currency(row["currency"])
        return CodeForDelivery(
            code=code,
            card_number=show_number(keyring, program_id, card_id, row["number_sealed"]),
            last_four=row["last_four"],
            balance_text=unit.text(row["balance"]),
            value_text=unit.text(row["initial_value"]),
            currency=unit.code,
            expires_at=row["expires_at"],
            customer_name=row["customer_name"],
            sender_name=row["sender_name"],
            custom_message=row["custom_message"],
            merchant_name=row["merchant_name"],
            program_name=row["program_name"],
            url=page_url(public_url, row["pass_sid"]),
        )

    return await database.repeat(work)


async def mark_delivered(database: Database, program_id: str, card_id: str) -> None:
    """A code left for the card's recipient; the first time is kept, and heard by whoever listens."""

    async def work(connection: Connection) -> None:
        row = await connection.fetchrow(
            """
            UPDATE card c SET delivered_at = clock_timestamp() FROM program p
            WHERE c.program_id = $1 AND c.id = $2 AND c.delivered_at IS NULL AND p.id = c.program_id
            RETURNING c.delivered_at AS at,
                      EXISTS (SELECT FROM webhook w WHERE w.merchant_id = p.merchant_id AND w.enabled) AS is_heard""",
            program_id,
            card_id,
        )
        if row is None or not row["is_heard"]:
            return
        locked = await store.lock_cards(connection, [(program_id, card_id)])
        card, program = locked.cards[program_id, card_id], locked.programs[program_id]
        delivered = events.of_state(events.EventType.DELIVERED, card, program, row["at"])
        await enqueue_events(connection, [delivered])

    await database.repeat(work)


def page_url(public_url: str, pass_sid: str) -> str:
    """The holder's page of a card."""
    return f"{public_url}/cards/{pass_sid}"
