"""The hash chain through a card's entries, and the seal over the facts that no entry records.

Entry: SHA-256 over the UTF-8 text of a JSON array without spaces, in this order: program, card, sequence number, type,
amount, balance before, balance after, time (microseconds since 1970), reference, POS transaction, cashier, terminal,
merchant, entry id, hash of the idempotency key (hex), hash of the previous entry (hex); and, only where there is one,
the id of the entry that this one answers (counterpart). Anyone with the rows can recompute it. Descriptions and
people's data stay outside, so that erasing a person never breaks a chain.
"""

import hashlib
from datetime import datetime
from typing import Final

import msgspec

from kado import clock
from kado.cards.card import Card
from kado.crypto import VERSION_BYTES, Keyring, Undecipherable, equal

GENESIS: Final = bytes(32)
"""What the first entry of a card has in place of a previous hash."""

# Byte for byte what `json.dumps(facts, ensure_ascii=False, separators=(",", ":"))` gives, thirty times as fast.
_encode = msgspec.json.Encoder().encode


def entry_hash(
    program_id: str,
    card_id: str,
    seq: int,
    kind: str,
    amount: int,
    balance_before: int,
    balance_after: int,
    created_at: datetime,
    reference_id: str | None,
    pos_transaction_id: str | None,
    cashier_id: str | None,
    terminal_id: str | None,
    merchant_id: str,
    entry_id: str,
    key_hash: bytes | None,
    previous_hash: bytes,
    counterpart_id: str | None = None,
) -> bytes:
    """The hash of one entry; amounts in minor units."""
    facts: tuple[object, ...] = (
        program_id,
        card_id,
        seq,
        kind,
        amount,
        balance_before,
        balance_after,
        clock.micros(created_at),
        reference_id,
        pos_transaction_id,
        cashier_id,
        terminal_id,
        merchant_id,
        entry_id,
        None if key_hash is None else key_hash.hex(),
        previous_hash.hex(),
    )
    if counterpart_id is not None:  # only then, so that entries from before there were any keep their hashes
        facts = (*facts, counterpart_id)
    return hashlib.sha256(_encode(facts)).digest()


def seal_state(keyring: Keyring, card: Card) -> bytes:
    """Version and HMAC over the facts of a card that change without an entry; nobody without the secret can make it."""
    return keyring.version + keyring.mac("seal", _state(card))


def state_is_sealed(keyring: Keyring, card: Card) -> bool:
    """Whether the card's state is what Kado last wrote. False also where the secret is not configured any more."""
    try:
        expected = keyring.mac("seal", _state(card), version=card.state_seal[:VERSION_BYTES])
    except Undecipherable:
        return False
    return equal(card.state_seal[VERSION_BYTES:], expected)


def _state(card: Card) -> bytes:
    moments = (card.activated_at, card.expires_at, card.suspended_at, card.suspended_until, card.voided_at)
    facts = [
        card.program_id,
        card.id,
        card.merchant_id,
        card.is_test,
        card.initial_value,
        card.max_balance,
        *(None if moment is None else clock.micros(moment) for moment in moments),
    ]
    if card.held or card.successor_id is not None or card.has_reversals:  # only then, as above
        facts += [card.held, card.successor_id, card.succession, card.has_reversals]
    return _encode(facts)
