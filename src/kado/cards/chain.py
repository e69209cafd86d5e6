"""The hash chain through a card's entries, and the seal over what the card itself says.

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

State = list[object]
"""The facts of a card that its seal is over, as `state_of` puts them in order."""

_BALANCE, _SEQ, _UPDATED_AT, _HEAD_HASH = 5, 9, 11, 18
"""Where those facts stand that an entry moves."""

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
    """Version and HMAC over what a card is and who can use it; nobody without the secret can make it."""
    return seal_over(keyring, state_of(card))


def seal_over(keyring: Keyring, state: State) -> bytes:
    """The same, where the card's facts are there already."""
    return keyring.version + keyring.mac("seal", _encode(state))


def state_is_sealed(keyring: Keyring, card: Card) -> bool:
    """Whether the card's facts are what Kado last wrote. False also where the secret is not configured any more."""
    return is_sealed(keyring, card.state_seal, state_of(card))


def is_sealed(keyring: Keyring, seal: bytes, state: State) -> bool:
    """The same, where the card's facts are there already."""
    try:
        expected = keyring.mac("seal", _encode(state), version=seal[:VERSION_BYTES])
    except Undecipherable:
        return False
    return equal(seal[VERSION_BYTES:], expected)


def change_sealed(keyring: Keyring, card: Card, **changes: object) -> None:
    """Change facts of a card and seal it again. A seal that was broken before stays broken: it must be found."""
    was_sealed = state_is_sealed(keyring, card)
    for name, value in changes.items():
        setattr(card, name, value)
    if was_sealed:
        card.state_seal = seal_state(keyring, card)


def state_of(card: Card) -> State:
    """All that decides about money or about who can spend it, in a fixed order; what is only for people stays outside.

    Bytes as hex, moments as microseconds since 1970. The status follows from these facts, and `number_sealed` proves
    itself.
    """
    moments = (
        card.created_at,
        card.updated_at,
        card.activated_at,
        card.expires_at,
        card.suspended_at,
        card.suspended_until,
        card.voided_at,
        card.deliver_at,
    )
    secrets = (card.head_hash, card.number_index, card.key_version, card.code_hash, card.code_version, card.rows_digest)
    return [
        card.program_id,
        card.id,
        card.merchant_id,
        card.is_test,
        card.is_physical,
        card.balance,
        card.held,
        card.initial_value,
        card.max_balance,
        card.seq,
        *[None if moment is None else clock.micros(moment) for moment in moments],
        *[None if secret is None else secret.hex() for secret in secrets],
        [clock.micros(moment) for moment in card.codes_sent_at],
        card.pass_sid,
        card.customer_id,
        card.customer_email,
        card.customer_phone,
        card.successor_id,
        card.succession,
        card.has_reversals,
    ]


def move_state(state: State, card: Card) -> None:
    """Bring a card's facts up to date after entries moved its money, and nothing else of it changed."""
    state[_BALANCE] = card.balance
    state[_SEQ] = card.seq
    state[_UPDATED_AT] = clock.micros(card.updated_at)
    state[_HEAD_HASH] = card.head_hash.hex()
