"""Cards without the people on them: the money, the number, the code and the history stay as they are.

A card that somebody holds can be spent afterwards as before. What goes: contacts and names, the words it was found by,
what was or is to be sent about it, notes of entries, holds and alerts, and all of that in answers kept for repetitions.
References that tills gave their sales stay, because the history's hashes cover them.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from kado.cards import store
from kado.cards.card import Card
from kado.cards.chain import change_sealed
from kado.crypto import Keyring
from kado.fraud.sweep import forget_notes
from kado.people.answers import take_people_out
from kado.storage.database import Connection, Database
from kado.storage.outbox import enqueue_wallets

AT_ONCE: Final = 20
"""Cards that one transaction keeps locked: tills that want one of them wait for some milliseconds."""

PERSONAL: Final = (
    "customer_id",
    "customer_email",
    "customer_phone",
    "customer_name",
    "sender_name",
    "custom_message",
    "suspended_reason",
)
"""What a card says of people."""

_BESIDE: Final = ("language", "time_zone")
"""What goes with them, and alone says nothing of anybody."""

BEARS_SOMEBODY: Final = "(" + " OR ".join(f"c.{name} IS NOT NULL" for name in PERSONAL) + ")"
"""The same as a condition on `card c`."""

Still = Callable[[Card, datetime], bool]
"""Whether a card that is locked now is still one of those that were meant, at the database's time."""


async def forget_on_cards(
    database: Database,
    keyring: Keyring,
    program_id: str,
    card_ids: Sequence[str],
    still: Still,
) -> list[str]:
    """Take everybody off these cards (`AT_ONCE` at most), all at once or not at all; the ids of those it was done to.

    Safe to repeat.
    """

    async def earlier(connection: Connection) -> datetime:
        now: datetime = await connection.fetchval("SELECT clock_timestamp()")
        await take_people_out(connection, keyring, program_id, card_ids)
        return now

    # Most answers are worked on before anything is locked, the latest ones under the lock.
    began = await database.repeat(earlier)

    async def work(connection: Connection) -> list[str]:
        locked = await store.lock_cards(connection, program_id, card_ids)
        if locked.now is None:
            return []
        cards = [card for card in locked.cards.values() if still(card, locked.now)]
        if not cards:
            return []
        for card in cards:
            at = max(locked.now, card.updated_at)
            change_sealed(keyring, card, updated_at=at, **dict.fromkeys((*PERSONAL, *_BESIDE)))
        await store.write_state(connection, cards)
        ids = [card.id for card in cards]
        await _forget_beside(connection, program_id, ids)
        if held := [card.id for card in cards if card.in_wallets]:
            await _forget_devices(connection, program_id, held, locked.now)
        await take_people_out(connection, keyring, program_id, ids, since=began)
        return ids

    return await database.repeat(work)


async def _forget_beside(connection: Connection, program_id: str, card_ids: list[str]) -> None:
    """What rows beside locked cards say of people."""
    # In the order in which a worker locks them that is about to send one.
    await connection.execute(
        "DELETE FROM message WHERE program_id = $1 AND id IN (SELECT id FROM message WHERE program_id = $1"
        " AND card_id = ANY($2::text[]) ORDER BY card_id, id FOR UPDATE)",
        program_id,
        card_ids,
    )
    await connection.execute(
        "UPDATE hold SET description = NULL WHERE program_id = $1 AND card_id = ANY($2::text[])"
        " AND description IS NOT NULL",
        program_id,
        card_ids,
    )
    await connection.fetchval("SELECT kado_forget_notes($1, $2::text[])", program_id, card_ids)
    await forget_notes(connection, program_id, card_ids)


async def _forget_devices(connection: Connection, program_id: str, card_ids: list[str], now: datetime) -> None:
    """Where people's devices can be reached is theirs. An object at Google loses what the card says of people."""
    await connection.execute(
        "DELETE FROM wallet_registration WHERE program_id = $1 AND card_id = ANY($2::text[]) AND wallet = 'apple'",
        program_id,
        card_ids,
    )
    await connection.execute(
        "UPDATE card SET in_wallets = EXISTS (SELECT FROM wallet_registration r WHERE r.program_id = $1"
        " AND r.card_id = card.id) WHERE program_id = $1 AND id = ANY($2::text[])",
        program_id,
        card_ids,
    )
    await enqueue_wallets(connection, [(program_id, card_id) for card_id in card_ids], now)
