"""Security codes that were made under an older secret give way: to new ones that are sent, or to none.

Nobody knows a code, so it cannot come under another secret. Whoever wants to be rid of the older secret before the last
of those cards has ended sends their holders new codes; a card without a recipient keeps its code, or loses it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple

from kado import audit
from kado.cards import store
from kado.cards.card import Card
from kado.cards.chain import change_sealed
from kado.cards.issue import delivery_of
from kado.cards.stretch import Stretch, look
from kado.crypto import Keyring
from kado.storage.database import Connection, Database
from kado.storage.outbox import enqueue_messages

Way = Literal["send", "void"]
"""`send`: a new code to the card's own address or number; the old one is good until it leaves. `void`: no code."""

_HAS_OLDER: Final = """
    c.code_hash IS NOT NULL AND c.code_version <> $1 AND c.voided_at IS NULL AND c.expires_at > clock_timestamp()"""


class Renewed(NamedTuple):
    """How many codes gave way, or will as soon as their message leaves, and how many cards have no recipient."""

    done: int
    without_recipient: int


async def next_older(database: Database, keyring: Keyring, program_id: str, after: str) -> Stretch | None:
    """The next cards of the program whose code is not under the current secret; None after its last card."""
    return await look(database, _HAS_OLDER, keyring.version, program_id, after)


async def renew(
    database: Database, keyring: Keyring, program_id: str, card_ids: Sequence[str], way: Way, *, actor: str
) -> Renewed:
    """Let the codes of these cards give way, in one transaction. Raises `Unavailable`."""

    async def work(connection: Connection) -> Renewed:
        locked = await store.lock_cards(connection, program_id, card_ids)
        cards = [card for card in locked.cards.values() if card.code_version not in (None, keyring.version)]
        if not cards or locked.now is None:
            return Renewed(0, 0)
        if way == "void":
            for card in cards:
                change_sealed(keyring, card, code_hash=None, code_version=None)
            await store.write_codes(connection, program_id, cards)
            done = Renewed(len(cards), 0)
        else:
            done = await _send(connection, program_id, cards, locked.now)
        if done.done:
            await audit.record(
                connection,
                actor=actor,
                action="secret:codes-sent-anew" if way == "send" else "secret:codes-voided",
                merchant_id=locked.programs[program_id].merchant_id,
                program_id=program_id,
                details={"cards": done.done, "ids": [card.id for card in cards]},
                before={"securityCode": "***"} if way == "void" else None,
                after={"securityCode": None} if way == "void" else None,
            )
        return done

    return await database.repeat(work)


async def _send(connection: Connection, program_id: str, cards: Sequence[Card], now: datetime) -> Renewed:
    reachable = [card for card in cards if card.customer_email or card.customer_phone]
    rows = await connection.fetch(
        "SELECT card_id FROM message WHERE program_id = $1 AND card_id = ANY($2::text[]) AND kind = 'security_code'"
        " AND state = 'queued'",
        program_id,
        [card.id for card in reachable],
    )
    waiting = {row["card_id"] for row in rows}  # that message brings a new code already
    messages = [one for card in reachable if card.id not in waiting for one in delivery_of(card, now)]
    if messages:
        await enqueue_messages(connection, messages)
    return Renewed(len(reachable), len(cards) - len(reachable))
