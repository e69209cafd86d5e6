"""The seal over the facts that no entry records: any change past Kado shows."""

from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import pytest

from kado.cards.card import Card
from kado.cards.chain import change_sealed, move_state, seal_state, state_is_sealed, state_of
from kado.crypto import Keyring

MakeCard = Callable[..., Card]
OLD, NEW = Keyring(["the-old-secret-of-the-operator-0123456789"]), Keyring(["the-new-secret-of-the-operator-98"])
BOTH = Keyring(["the-new-secret-of-the-operator-98", "the-old-secret-of-the-operator-0123456789"])
LATER = datetime(2030, 1, 1, tzinfo=UTC)

SEALED: dict[str, Any] = {
    "program_id": "dd" * 12,
    "id": "dd" * 12,
    "merchant_id": "dd" * 12,
    "is_test": True,
    "initial_value": 10_001,
    "max_balance": 1_000_001,
    "activated_at": None,
    "expires_at": LATER,
    "suspended_at": LATER,
    "suspended_until": LATER,
    "voided_at": LATER,
    "held": 1,
    "successor_id": "dd" * 12,
    "succession": "replacement",
    "has_reversals": True,
    "is_physical": True,
    "balance": 1,
    "seq": 1234,
    "head_hash": b"x" * 32,
    "created_at": LATER,
    "updated_at": LATER,
    "deliver_at": LATER,
    "number_index": b"x" * 32,
    "key_version": b"xxxx",
    "code_hash": b"x" * 32,
    "code_version": b"xxxx",
    "codes_sent_at": [LATER],
    "pass_sid": "dd" * 28,
    "customer_id": "dd" * 12,
    "customer_email": "thief@example.com",
    "customer_phone": "+15550001",
    "rows_digest": b"x" * 36,
}
OUTSIDE = {
    "merchant_name": "a name",
    "recorded_status": "follows from the others",
    "suspended_reason": "words",
    "number_sealed": "proves itself",
    "last_four": "compared with the number",
    "customer_name": "words",
    "sender_name": "words",
    "custom_message": "words",
    "language": "words",
    "time_zone": "words",
    "design_template": "a look",
    "in_wallets": "who is told of a change",
    "delivered_at": "written when a message left",
    "state_seal": "is it",
}


def sealed(card: Card, keyring: Keyring = NEW) -> Card:
    card.state_seal = seal_state(keyring, card)
    return card


def test_a_seal_is_a_version_and_a_mac(make_card: MakeCard) -> None:
    card = sealed(make_card())
    assert len(card.state_seal) == 36
    assert card.state_seal[:4] == NEW.version
    assert state_is_sealed(NEW, card)


def test_every_fact_of_a_card_is_sealed_or_has_a_reason_not_to_be() -> None:
    assert {field.name for field in fields(Card)} == SEALED.keys() | OUTSIDE.keys()


def test_a_broken_seal_stays_broken_when_kado_changes_the_card(make_card: MakeCard) -> None:
    card = sealed(make_card())
    card.expires_at = LATER
    change_sealed(NEW, card, code_hash=b"y" * 32)
    assert not state_is_sealed(NEW, card)
    whole = sealed(make_card())
    change_sealed(NEW, whole, code_hash=b"y" * 32)
    assert state_is_sealed(NEW, whole)


@pytest.mark.parametrize("name", [name for name in SEALED if name != "succession"])
def test_a_fact_that_was_changed_breaks_the_seal(make_card: MakeCard, name: str) -> None:
    card = sealed(make_card())
    setattr(card, name, SEALED[name])
    assert not state_is_sealed(NEW, card)


def test_how_a_card_was_succeeded_is_sealed_with_its_successor(make_card: MakeCard) -> None:
    card = sealed(make_card(successor_id="dd" * 12, succession="replacement"))
    card.succession = "consolidation"
    assert not state_is_sealed(NEW, card)


def test_two_moments_that_change_places_break_the_seal(make_card: MakeCard) -> None:
    card = sealed(make_card(suspended_at=LATER))
    card.suspended_at, card.voided_at = None, LATER
    assert not state_is_sealed(NEW, card)


def test_a_seal_with_one_bit_changed_is_none(make_card: MakeCard) -> None:
    card = sealed(make_card())
    good = card.state_seal
    for bit in range(36 * 8):
        changed = bytearray(good)
        changed[bit // 8] ^= 1 << bit % 8
        card.state_seal = bytes(changed)
        assert not state_is_sealed(NEW, card)


def test_what_is_only_for_people_is_not_sealed(make_card: MakeCard) -> None:
    """A name is erased without a trace of it left in a proof."""
    card = sealed(make_card())
    card.customer_name, card.sender_name, card.custom_message = "Ada", "Eva", "Enjoy"
    assert state_is_sealed(NEW, card)


def test_an_old_seal_holds_while_its_secret_is_configured(make_card: MakeCard) -> None:
    card = sealed(make_card(), OLD)
    assert state_is_sealed(BOTH, card)
    assert not state_is_sealed(NEW, card)


def test_what_an_entry_moves_is_brought_up_to_date_in_its_place(make_card: MakeCard) -> None:
    card = make_card()
    state = state_of(card)
    card.balance, card.seq, card.head_hash, card.updated_at = 9_000, 3, b"x" * 32, LATER
    assert state != state_of(card)
    move_state(state, card)
    assert state == state_of(card)
