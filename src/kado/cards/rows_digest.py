"""The digest over the rows beside a card: its holds and its reversals, which are no entries and have no chain.

Key version (4 bytes) and 32 bytes: the sum (modulo 2^256) of the HMACs of all rows, so that one row's part
is exchanged without reading the others. It stands in the card's row, under the card's seal. A row that was changed,
removed, invented or moved to another card contradicts it. The version stays the one that the digest began with, since
what an older secret made can only be taken out again under the same one.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import msgspec

from kado import clock
from kado.cards.card import Hold
from kado.cards.posting import ReferenceKind
from kado.crypto import VERSION_BYTES, Keyring, Undecipherable

_encode = msgspec.json.Encoder().encode


class Reversal(NamedTuple):
    """A reference of a merchant's own with which nothing more may arrive on a card."""

    program_id: str
    card_id: str
    merchant_id: str
    kind: ReferenceKind
    reference: str
    reversed_at: datetime


Row = Hold | Reversal


def rows_changed(keyring: Keyring, digest: bytes | None, before: Row | None, after: Row) -> bytes | None:
    """The digest once a row is `after` and no longer `before` (None: it is new).

    Where the secret of the digest is not configured any more the digest stays as it is, and is found to be wrong.
    """
    digest = digest or keyring.version + bytes(32)
    try:
        if before is not None:
            digest = _moved(keyring, digest, before, -1)
        return _moved(keyring, digest, after, 1)
    except Undecipherable:
        return digest


def digest_of(keyring: Keyring, version: bytes, rows: Iterable[Row]) -> bytes:
    """The digest over these rows. Raises `crypto.Undecipherable` for a version that is not configured."""
    digest = version + bytes(32)
    for row in rows:
        digest = _moved(keyring, digest, row, 1)
    return digest


def _moved(keyring: Keyring, digest: bytes, row: Row, by: int) -> bytes:
    version = digest[:VERSION_BYTES]
    mac = int.from_bytes(keyring.mac("seal", *_facts(row), version=version), "big")
    total = (int.from_bytes(digest[VERSION_BYTES:], "big") + by * mac) % 2**256
    return version + total.to_bytes(32, "big")


def _facts(row: Row) -> tuple[bytes, bytes]:
    """What sort of row it is and what it says; notes for people stay outside."""
    if isinstance(row, Reversal):
        return b"reversal", _encode((*row[:5], clock.micros(row.reversed_at)))
    facts = (
        row.program_id,
        row.id,
        row.card_id,
        row.merchant_id,
        row.amount,
        row.captured,
        row.status,
        row.order_reference,
        row.pos_transaction_id,
        row.cashier_id,
        row.terminal_id,
        clock.micros(row.created_at),
        clock.micros(row.expires_at),
        None if row.ended_at is None else clock.micros(row.ended_at),
    )
    return b"hold", _encode(facts)
