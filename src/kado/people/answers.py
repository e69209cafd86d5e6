"""Stored answers without the people in them: a repetition still gets its answer, so no till is left in the dark.

What a card's answers are is told by the keys of its entries; answers of changes that leave no entry name the card.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec

from kado.cards.idempotency import bound_to
from kado.crypto import Keyring, Undecipherable
from kado.people.person import Person
from kado.storage.database import Connection

MEMBERS: Final = frozenset(
    "customerId customerEmail customerPhone customerName senderName customMessage suspendedReason description".split()
)
"""Of the contract's bodies: what may name a person."""

_AT_ONCE: Final = 200
_SLICE: Final = 50
_CLOCKS_APART: Final = timedelta(minutes=1)
"""An answer's time is that of its decision, which comes before its commit."""

_decode: Final = msgspec.json.Decoder(float_hook=Decimal).decode
_encode: Final = msgspec.json.Encoder(decimal_format="number").encode


async def take_people_out(
    connection: Connection,
    keyring: Keyring,
    program_id: str,
    card_ids: Sequence[str],
    *,
    of: Person | None = None,
    since: datetime | None = None,
) -> int:
    """Write the answers about these cards anew, without anybody in them, or without one person; how many changed.

    With `since`, only answers that may have been given after that moment. One that no configured secret opens is
    emptied: the key stays used, and a repetition is told that the answer is gone.
    """
    rows = await connection.fetch(
        """
        SELECT k.key_hash FROM card_transaction t
        JOIN idempotency_key k ON k.program_id = t.program_id AND k.key_hash = t.key_hash
        WHERE t.program_id = $1 AND t.card_id = ANY($2::text[]) AND ($3::timestamptz IS NULL OR k.created_at > $3)
        UNION
        SELECT k.key_hash FROM idempotency_key k
        WHERE k.program_id = $1 AND k.card_id = ANY($2::text[]) AND ($3::timestamptz IS NULL OR k.created_at > $3)
        ORDER BY key_hash""",
        program_id,
        list(card_ids),
        since and since - _CLOCKS_APART,
    )
    hashes = [row["key_hash"] for row in rows]
    changed = 0
    for start in range(0, len(hashes), _AT_ONCE):
        found = await connection.fetch(
            "SELECT key_hash, answer FROM idempotency_key WHERE program_id = $1 AND key_hash = ANY($2::bytea[])"
            " AND answer <> '' ORDER BY key_hash",
            program_id,
            hashes[start : start + _AT_ONCE],
        )
        for at, row in enumerate(found):
            if at % _SLICE == 0:
                await asyncio.sleep(0)
            changed += await _rewrite(connection, keyring, program_id, row["key_hash"], row["answer"], of)
    return changed


def without_people(body: bytes, of: Person | None = None) -> bytes | None:
    """The body with everything that may name somebody emptied (or only where it is about one person).

    None where nothing of it is there, so that most answers stay what they were, byte for byte.
    """
    if not any(f'"{member}"'.encode() in body for member in MEMBERS):
        return None
    try:
        said = _decode(body)
    except msgspec.DecodeError:
        return None
    return _encode(said) if _emptied(said, of) else None


def _emptied(said: object, of: Person | None) -> bool:
    """Empty it in place; whether that changed anything."""
    changed = False
    if isinstance(said, list):
        for one in said:
            changed |= _emptied(one, of)
    elif isinstance(said, dict):
        if of is None or _is_about(said, of):
            for member in MEMBERS & said.keys():
                changed |= said[member] is not None
                said[member] = None
        for one in said.values():
            changed |= _emptied(one, of)
    return changed


def _is_about(said: dict[str, Any], person: Person) -> bool:
    pairs = (
        (said.get("customerId"), person.customer_id),
        (str(said.get("customerEmail") or "").lower() or None, person.email),
        (said.get("customerPhone"), person.phone),
    )
    return any(known is not None and found == known for found, known in pairs)


async def _rewrite(
    connection: Connection, keyring: Keyring, program_id: str, key_hash: bytes, answer: bytes, of: Person | None
) -> bool:
    place = bound_to(program_id, key_hash)
    try:
        body = without_people(keyring.decrypt("answer", answer, place), of)
        if body is None:
            return False
        said = keyring.encrypt("answer", body, place)
    except Undecipherable:
        said = b""
    await connection.execute(
        "UPDATE idempotency_key SET answer = $3 WHERE program_id = $1 AND key_hash = $2", program_id, key_hash, said
    )
    return True
