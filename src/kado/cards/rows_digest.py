"""The digest over the rows beside a card: its holds and its reversals, which are no entries and have no chain.

Key version (4 bytes) and 32 bytes: the HMACs of all rows, combined by exclusive or, so that one row's part is
exchanged without reading the others. It stands in the card's row, under the card's seal. A row that was changed,
removed, invented or moved to another card contradicts it. The version stays the one that the digest began with, since
what an older secret made can only be taken out again under the same one.
"""

from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from kado import clock
from kado.cards.card import Hold
from kado.cards.posting import ReferenceKind
from kado.crypto import VERSION_BYTES, Keyring, Undecipherable

DIGEST_BYTES: Final = VERSION_BYTES + 32

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
        for row in (before, after):
            if row is not None:
                digest = with_row(keyring, digest, row)
    except Undecipherable:
        pass
    return digest


def with_row(keyring: Keyring, digest: bytes, row: Row) -> bytes:
    """The digest with one row more, or one less: both are the same. Raises `crypto.Undecipherable`."""
    version = digest[:VERSION_BYTES]
    mac = keyring.mac("seal", *_facts(row), version=version)
    summed = int.from_bytes(digest[VERSION_BYTES:], "big") ^ int.from_bytes(mac, "big")
    return version + summed.to_bytes(32, "big")


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
