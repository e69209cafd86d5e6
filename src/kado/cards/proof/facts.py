"""A card's own facts: whether they agree with each other and with what only the keys can make."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from kado.cards.card import Card, CardStatus
from kado.cards.chain import state_is_sealed
from kado.cards.numbers import show_number
from kado.cards.proof.findings import Faults, Reason
from kado.clock import EPOCH
from kado.crypto import Keyring, Undecipherable, equal

if TYPE_CHECKING:
    import asyncpg


def moment(column: str) -> str:
    """SQL for a time that Python can always read: what lies outside its years (an edit) becomes the first of them."""
    return (
        f"CASE WHEN {column} BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 23:59:59.999999+00' THEN {column}"
        f" WHEN {column} IS NOT NULL THEN timestamptz '0001-01-01 00:00:00+00' END"
    )


_SELECT: Final = f"""
    SELECT program_id, id, merchant_id, is_test, balance, held, initial_value, max_balance, status, seq, head_hash,
           {moment("updated_at")}, {moment("activated_at")}, {moment("expires_at")}, {moment("suspended_at")},
           {moment("suspended_until")}, {moment("voided_at")}, state_seal, number_index, number_sealed, last_four,
           key_version, successor_id, succession, has_reversals
    FROM card {{where}} ORDER BY program_id, id"""
"""What proves something; people's data is not even read."""

ALL_CARDS: Final = _SELECT.format(where="")
CARDS_OF_PROGRAM: Final = _SELECT.format(where="WHERE program_id = $1")


class Account(NamedTuple):
    """What is left of a card once its facts are checked: what its entries must agree with, and what is wrong so far."""

    owner: tuple[str, str]
    """Program and card."""
    balance: int
    seq: int
    head_hash: bytes
    max_balance: int
    is_activated: bool
    is_voided: bool
    faults: Faults


OPEN_HOLDS: Final = """
    SELECT program_id, card_id, sum(amount - captured)::bigint AS held FROM hold WHERE status = 'open'
    GROUP BY program_id, card_id"""


def account_of(row: "asyncpg.Record", keyring: Keyring, now: datetime, held: int) -> Account:
    """Check one row against itself, and against what its open holds set aside (`held`, minor units).

    Whatever the row holds, it becomes a fault and not an exception.
    """
    card, faults = _card(row), Faults()
    if card.held != held:
        faults.add(Reason.HELD_MISMATCH, f"the card says that {card.held} minor units are held, its open holds {held}")
    try:
        _check_state(card, keyring, now, faults)
        _check_number(card, keyring, faults)
    except (TypeError, ValueError, OverflowError) as error:  # a NULL where the schema forbids one, or the like
        faults.add(Reason.CARD_UNREADABLE, f"the card's row cannot be read ({type(error).__name__})")
    return Account(
        (card.program_id, card.id),
        card.balance or 0,
        card.seq or 0,
        card.head_hash or b"",
        -1 if card.max_balance is None else card.max_balance,
        card.activated_at is not None,
        card.voided_at is not None,
        faults,
    )


def _card(row: "asyncpg.Record") -> Card:
    """A card with the columns of the query above, and nothing in its other fields."""
    (program_id, card_id, merchant_id, is_test, balance, held, initial_value, max_balance, status, seq, head_hash,
     updated_at, activated_at, expires_at, suspended_at, suspended_until, voided_at, state_seal, number_index,
     number_sealed, last_four, key_version, successor_id, succession, has_reversals) = row  # fmt: skip
    return Card(
        program_id, card_id, merchant_id, "", is_test, balance, held, initial_value, max_balance, status, seq,
        head_hash, EPOCH, updated_at, activated_at, expires_at, suspended_at, suspended_until, None, voided_at,
        state_seal, number_index, number_sealed, last_four, key_version, None, None, [], "", None, None, None, None,
        None, None, None, is_physical=False, deliver_at=None, delivered_at=None,
        successor_id=successor_id, succession=succession, has_reversals=has_reversals,
    )  # fmt: skip


def _check_state(card: Card, keyring: Keyring, now: datetime, faults: Faults) -> None:
    if not state_is_sealed(keyring, card):
        faults.add(
            Reason.STATE_CHANGED,
            "merchant, value, maximum, activation, expiry, suspension, void, held money, successor or reversals are not"
            " what Kado wrote under its secret",
        )
    until = max(now, card.updated_at)
    if card.recorded_status != card.status_at(until) and card.recorded_status not in tuple(_earlier(card, until)):
        faults.add(Reason.STATUS_MISMATCH, f"the status is {card.recorded_status}, which the card's facts contradict")
    if not 0 <= card.held <= card.balance:
        faults.add(Reason.HELD_OUT_OF_BOUNDS, "more is held than there is on the card, or less than nothing")


def _earlier(card: Card, until: datetime) -> Iterator[CardStatus]:
    """What else may be written: what was true at the last change, or what time alone made of it on the way."""
    yield card.status_at(card.updated_at)
    for turn in (card.suspended_until, card.expires_at):
        if turn is not None and card.updated_at < turn <= until:
            yield card.status_at(turn)


def _check_number(card: Card, keyring: Keyring, faults: Faults) -> None:
    try:
        number = show_number(keyring, card.program_id, card.id, card.number_sealed)
    except (Undecipherable, ValueError):
        faults.add(Reason.NUMBER_UNREADABLE, "the card number does not open with any configured secret")
        return
    try:
        index = keyring.mac("number-index", card.program_id.encode(), number.encode(), version=card.key_version)
    except Undecipherable:
        index = b""
    if not equal(index, card.number_index) or number[-4:] != card.last_four:
        faults.add(Reason.NUMBER_MISMATCH, "the card is found by, or shown with, another number than its own")
