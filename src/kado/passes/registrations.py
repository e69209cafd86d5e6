"""Which wallets hold a card: devices come and go, the object at Google stays. Every SQL statement about that.

Whoever adds or removes one locks the card first, so that no posting passes by unseen: a card that was not held when a
posting locked it had nothing to be told by that posting.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from kado.cards.card import Card
from kado.cards.find import Found
from kado.crypto import Keyring, token_hash
from kado.errors import Refusal
from kado.ids import new_id
from kado.storage.database import Connection, Database
from kado.storage.outbox import TELL_WALLETS, enqueue

DEVICES_MAX: Final = 20
"""On how many devices one card may be: whoever has its link could fill the table otherwise."""

STILL_COMING: Final = timedelta(seconds=60)
"""A change bears the time at which it began. One that is older than this is surely committed."""

Wallet = Literal["apple", "google"]


@dataclass(frozen=True, slots=True)
class Device:
    """A device with Apple Wallet, as it names itself: both are secrets of its owner's."""

    identifier: str
    push_token: str

    @property
    def hash(self) -> bytes:
        """By what it is known here."""
        return device_hash(self.identifier)


@dataclass(frozen=True, slots=True)
class Changed:
    """Passes of a device that became different, by their serial numbers, and the tag to ask with next time."""

    serial_numbers: list[str]
    tag: str


def device_hash(identifier: str) -> bytes:
    """By what a device is known: it chose its identifier at random, so nothing else needs to protect it."""
    return hashlib.sha256(identifier.encode()).digest()


def bound_to(program_id: str, registration_id: str) -> bytes:
    """What the encryption of a push token is bound to."""
    return f"wallet:{program_id}:{registration_id}".encode()


async def register(
    database: Database, keyring: Keyring, card: Card, pass_type: str, device: Device, token: str
) -> bool:
    """The device wants to hear of changes of the card; False where it did already.

    It is told once at once: the pass it holds may be older than the card. Raises `Refusal` beyond `DEVICES_MAX`.
    """

    async def work(connection: Connection) -> bool:
        await _lock(connection, card)
        known = await connection.fetchval(
            "SELECT id FROM wallet_registration WHERE program_id = $1 AND card_id = $2 AND wallet = 'apple'"
            " AND device_hash = $3",
            card.program_id,
            card.id,
            device.hash,
        )
        if known is None and await _count(connection, card) >= DEVICES_MAX:
            raise Refusal("too_many_devices", "This card is on as many devices as it may be.")
        registration_id = known or new_id()
        sealed = keyring.encrypt(
            "stored-secret", device.push_token.encode(), bound_to(card.program_id, registration_id)
        )
        await connection.execute(
            """
            INSERT INTO wallet_registration (program_id, id, card_id, wallet, held_as, device_hash, push_token,
                                             token_hash)
            VALUES ($1, $2, $3, 'apple', $4, $5, $6, $7)
            ON CONFLICT (program_id, id) DO UPDATE SET held_as = $4, push_token = $6, token_hash = $7,
                state = 'queued', turn = wallet_registration.turn + 1, attempts = 0, next_attempt_at = now()
            """,
            card.program_id,
            registration_id,
            card.id,
            pass_type,
            device.hash,
            sealed,
            token_hash(token),
        )
        await _held(connection, card)
        return known is None

    return await database.repeat(work)


async def keep_object(database: Database, card: Card, object_id: str) -> None:
    """The card has an object at Google from now on, which is to be written."""

    async def work(connection: Connection) -> None:
        await _lock(connection, card)
        await connection.execute(
            """
            INSERT INTO wallet_registration (program_id, id, card_id, wallet, held_as, device_hash)
            VALUES ($1, $2, $3, 'google', $4, '')
            ON CONFLICT (program_id, card_id, wallet, device_hash) DO UPDATE SET held_as = $4, state = 'queued',
                turn = wallet_registration.turn + 1, attempts = 0, next_attempt_at = now()
            """,
            card.program_id,
            new_id(),
            card.id,
            object_id,
        )
        await _held(connection, card)

    await database.repeat(work)


async def unregister(database: Database, card: Card, identifier: str) -> None:
    """The device does not hold the card any more; nothing happens where it did not."""

    async def work(connection: Connection) -> None:
        await _lock(connection, card)
        await connection.execute(
            "DELETE FROM wallet_registration WHERE program_id = $1 AND card_id = $2 AND wallet = 'apple'"
            " AND device_hash = $3",
            card.program_id,
            card.id,
            device_hash(identifier),
        )
        await _release(connection, card.program_id, card.id)

    await database.repeat(work)


async def forget(database: Database, program_id: str, card_id: str, registration_id: str, turn: int) -> None:
    """The wallet is gone, as it said itself; unless it registered anew meanwhile."""

    async def work(connection: Connection) -> None:
        await connection.execute(
            "SELECT FROM card WHERE program_id = $1 AND id = $2 FOR NO KEY UPDATE", program_id, card_id
        )
        await connection.execute(
            "DELETE FROM wallet_registration WHERE program_id = $1 AND id = $2 AND turn = $3",
            program_id,
            registration_id,
            turn,
        )
        await _release(connection, program_id, card_id)

    await database.repeat(work)


async def ask_anew(database: Database, card: Card, now: datetime) -> int:
    """All wallets that hold the card are told again, as if it had changed now; how many they are."""

    async def work(connection: Connection) -> int:
        rows = await connection.fetch(
            """
            UPDATE wallet_registration SET state = 'queued', turn = turn + 1, attempts = 0, last_error = NULL,
                                           changed_at = greatest(changed_at, $3), next_attempt_at = now()
             WHERE program_id = $1 AND card_id = $2 RETURNING id
            """,
            card.program_id,
            card.id,
            now,
        )
        if rows:
            await enqueue(connection, TELL_WALLETS, [({"program": card.program_id}, timedelta(0))])
        return len(rows)

    return await database.repeat(work)


async def tokens_of(database: Database, card: Card) -> list[bytes]:
    """The hashes of the tokens that devices registered with."""
    async with database.read() as connection:
        rows = await connection.fetch(
            "SELECT token_hash FROM wallet_registration WHERE program_id = $1 AND card_id = $2 AND wallet = 'apple'",
            card.program_id,
            card.id,
        )
    return [row["token_hash"] for row in rows]


async def changed_at(database: Database, found: Found) -> datetime:
    """When what the card's passes show last became different."""
    card = found.card
    async with database.read() as connection:
        moment: datetime | None = await connection.fetchval(
            "SELECT max(changed_at) FROM wallet_registration WHERE program_id = $1 AND card_id = $2",
            card.program_id,
            card.id,
        )
    if moment is not None:
        return moment
    # Nobody noted it, since no wallet holds the card: then it follows from the card, and from what time has made true.
    ends = [card.expires_at, *([card.suspended_until] if card.suspended_until is not None else [])]
    return max([card.updated_at, *(end for end in ends if end <= found.now)])


async def changed(database: Database, identifier: str, pass_type: str, tag: str | None) -> Changed | None:
    """What of this type became different on the device since the tag; None for nothing. A tag of others is no tag."""
    since = int(tag) if tag is not None and tag.isascii() and tag.isdigit() and len(tag) < 18 else 0
    async with database.read_list(in_order=False) as connection:
        rows = await connection.fetch(
            "SELECT c.pass_sid, (extract(epoch FROM r.changed_at) * 1000000)::bigint AS at,"
            " (extract(epoch FROM now()) * 1000000)::bigint AS now"
            " FROM wallet_registration r JOIN card c ON c.program_id = r.program_id AND c.id = r.card_id"
            " WHERE r.device_hash = $1 AND r.held_as = $2 AND r.wallet = 'apple'",
            device_hash(identifier),
            pass_type,
        )
    found = [row for row in rows if row["at"] > since]
    if not found:
        return None
    # A change that began earlier may be committed later: for a moment, the next question reaches back behind it.
    newest = min(max(row["at"] for row in found), found[0]["now"] - STILL_COMING // timedelta(microseconds=1))
    return Changed(sorted(row["pass_sid"] for row in found), str(max(newest, since)))


async def _lock(connection: Connection, card: Card) -> None:
    await connection.execute(
        "SELECT FROM card WHERE program_id = $1 AND id = $2 FOR NO KEY UPDATE", card.program_id, card.id
    )


async def _count(connection: Connection, card: Card) -> int:
    count: int = await connection.fetchval(
        "SELECT count(*) FROM wallet_registration WHERE program_id = $1 AND card_id = $2", card.program_id, card.id
    )
    return count


async def _held(connection: Connection, card: Card) -> None:
    await connection.execute(
        "UPDATE card SET in_wallets = true WHERE program_id = $1 AND id = $2 AND NOT in_wallets",
        card.program_id,
        card.id,
    )
    await enqueue(connection, TELL_WALLETS, [({"program": card.program_id}, timedelta(0))])


async def _release(connection: Connection, program_id: str, card_id: str) -> None:
    await connection.execute(
        "UPDATE card SET in_wallets = false WHERE program_id = $1 AND id = $2 AND in_wallets AND NOT EXISTS"
        " (SELECT FROM wallet_registration r WHERE r.program_id = $1 AND r.card_id = $2)",
        program_id,
        card_id,
    )
