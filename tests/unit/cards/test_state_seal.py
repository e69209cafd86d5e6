"""The seal over the facts that no entry records: any change past Kado shows."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from kado import clock
from kado.cards.card import Card
from kado.cards.chain import seal_state, state_is_sealed
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
}


def sealed(card: Card, keyring: Keyring = NEW) -> Card:
    card.state_seal = seal_state(keyring, card)
    return card


def test_a_seal_is_a_version_and_a_mac(make_card: MakeCard) -> None:
    card = sealed(make_card())
    assert len(card.state_seal) == 36
    assert card.state_seal[:4] == NEW.version
    assert state_is_sealed(NEW, card)


def test_a_card_without_holds_successor_or_reversals_is_sealed_as_before_there_were_any(make_card: MakeCard) -> None:
    card = make_card()
    moments = (card.activated_at, card.expires_at, card.suspended_at, card.suspended_until, card.voided_at)
    facts = [card.program_id, card.id, card.merchant_id, card.is_test, card.initial_value, card.max_balance]
    facts += [None if moment is None else clock.micros(moment) for moment in moments]
    text = json.dumps(facts, separators=(",", ":")).encode()
    assert seal_state(NEW, card) == NEW.version + NEW.mac("seal", text)


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


def test_the_balance_and_people_are_not_sealed_here(make_card: MakeCard) -> None:
    """The entries prove the balance; a person must be erasable."""
    card = sealed(make_card())
    card.balance, card.customer_name, card.customer_email = 1, "Ada", "ada@example.com"
    assert state_is_sealed(NEW, card)


def test_an_old_seal_holds_while_its_secret_is_configured(make_card: MakeCard) -> None:
    card = sealed(make_card(), OLD)
    assert state_is_sealed(BOTH, card)
    assert not state_is_sealed(NEW, card)
