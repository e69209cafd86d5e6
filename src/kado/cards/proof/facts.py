"""A card's own facts: whether they agree with each other and with what only the keys can make."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from kado.cards.card import Card, CardStatus, Hold
from kado.cards.chain import state_is_sealed
from kado.cards.numbers import show_number
from kado.cards.proof.findings import Faults, Reason
from kado.cards.rows_digest import Row, digest_of
from kado.crypto import VERSION_BYTES, Keyring, Undecipherable, equal

if TYPE_CHECKING:
    import asyncpg


def moment(column: str) -> str:
    """SQL for a time that Python can always read: what lies outside its years (an edit) becomes the first of them."""
    return (
        f"CASE WHEN {column} BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 23:59:59.999999+00' THEN {column}"
        f" WHEN {column} IS NOT NULL THEN timestamptz '0001-01-01 00:00:00+00' END"
    )


def _moments(column: str) -> str:
    """The same for a list of times; hardly any card has one."""
    return (
        f"CASE WHEN cardinality({column}) > 0 THEN ARRAY(SELECT {moment('sent')} FROM unnest({column})"
        f" WITH ORDINALITY AS u (sent, place) ORDER BY place) ELSE {column} END"
    )


_SELECT: Final = f"""
    SELECT program_id, id, merchant_id, is_test, balance, held, initial_value, max_balance, status, seq, head_hash,
           {moment("created_at")}, {moment("updated_at")}, {moment("activated_at")}, {moment("expires_at")},
           {moment("suspended_at")}, {moment("suspended_until")}, {moment("voided_at")}, state_seal, number_index,
           number_sealed, last_four, key_version, code_hash, code_version, {_moments("codes_sent_at")}, pass_sid,
           customer_id, customer_email, customer_phone, is_physical, {moment("deliver_at")}, successor_id, succession,
           has_reversals, rows_digest
    FROM card {{where}} ORDER BY program_id, id"""
"""What the seal of a card covers. Of people only what decides who gets its codes."""

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
    is_test: bool = False


def account_of(row: "asyncpg.Record", keyring: Keyring, now: datetime, beside: Sequence[Row]) -> Account:
    """Check one row against itself, and against its holds and reversals (`beside`).

    Whatever the row holds, it becomes a fault and not an exception.
    """
    card, faults = _card(row), Faults()
    try:
        _check_state(card, keyring, now, faults)
        _check_number(card, keyring, faults)
        _check_rows(card, keyring, beside, faults)
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
        bool(card.is_test),
    )


def _card(row: "asyncpg.Record") -> Card:
    """A card with the columns of the query above, and nothing in its other fields."""
    (program_id, card_id, merchant_id, is_test, balance, held, initial_value, max_balance, status, seq, head_hash,
     created_at, updated_at, activated_at, expires_at, suspended_at, suspended_until, voided_at, state_seal,
     number_index, number_sealed, last_four, key_version, code_hash, code_version, codes_sent_at, pass_sid,
     customer_id, customer_email, customer_phone, is_physical, deliver_at, successor_id, succession, has_reversals,
     rows_digest) = row  # fmt: skip
    return Card(
        program_id, card_id, merchant_id, "", is_test, balance, held, initial_value, max_balance, status, seq,
        head_hash, created_at, updated_at, activated_at, expires_at, suspended_at, suspended_until, None, voided_at,
        state_seal, number_index, number_sealed, last_four, key_version, code_hash, code_version, codes_sent_at,
        pass_sid, customer_id, customer_email, customer_phone, None, None, None, None, is_physical=is_physical,
        deliver_at=deliver_at, delivered_at=None, successor_id=successor_id, succession=succession,
        has_reversals=has_reversals, rows_digest=rows_digest,
    )  # fmt: skip


def _check_state(card: Card, keyring: Keyring, now: datetime, faults: Faults) -> None:
    if not state_is_sealed(keyring, card):
        faults.add(
            Reason.STATE_CHANGED,
            "the card's row is not what Kado wrote under its secret: balance, limits, state, number, code or holder",
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


def _check_rows(card: Card, keyring: Keyring, beside: Sequence[Row], faults: Faults) -> None:
    held = sum(row.rest for row in beside if isinstance(row, Hold))
    if card.held != held:
        faults.add(Reason.HELD_MISMATCH, f"the card says that {card.held} minor units are held, its open holds {held}")
    if not beside and card.rows_digest is None:
        return
    try:
        digest = digest_of(keyring, (card.rows_digest or keyring.version)[:VERSION_BYTES], beside)
    except Undecipherable:
        digest = b""
    if digest != card.rows_digest:
        faults.add(Reason.ROWS_CHANGED, "a hold or a reversal of the card was changed, removed or invented")


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
