"""What is said of a card: complete, in its currency, as its schema says, and nothing about people."""

import json
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
from tests.unit.cards.conftest import NOW, MakeCard

from kado import money
from kado.cards.card import Card, Entry, Hold, HoldStatus, TransactionType
from kado.cards.event_schemas import MEANINGS, schema_of
from kado.cards.events import EventType, events_of, of_state
from kado.cards.posting import Outcome
from kado.programs.program import CodeFormat, ExpiryRule, Program

PEOPLE = {
    "customer_email": "ada@example.com",
    "customer_phone": "+4930901820",
    "customer_name": "Ada Lovelace",
    "sender_name": "Charles Babbage",
    "custom_message": "Happy birthday",
    "suspended_reason": "Ada lost it",
}


def a_program(currency: str = "EUR", *, is_heard: bool = True) -> Program:
    return Program(
        id="aa" * 12,
        merchant_id="cc" * 12,
        merchant_name="Flower Shop",
        name="Cards",
        currency=money.currency(currency),
        pass_type_identifier="pass.x",
        min_initial_value=1,
        max_initial_value=1,
        max_balance=1,
        max_reload=1,
        max_redeem=None,
        cashier_issue_limit=0,
        expiry_rule=ExpiryRule.NEVER,
        expiry_months=12,
        code_format=CodeFormat.DIGITS,
        number_prefix="",
        requires_key=False,
        profile={},
        created_at=NOW,
        updated_at=None,
        is_heard=is_heard,
    )


def outcome(card: Card, *entries: Entry, program: Program | None = None, **more: Any) -> Outcome:
    return Outcome(card, program or a_program(), entries, NOW, **more)


def a_hold() -> Hold:
    return Hold(
        program_id="aa" * 12,
        id="ee" * 12,
        card_id="bb" * 12,
        merchant_id="cc" * 12,
        amount=500,
        captured=0,
        status=HoldStatus.OPEN,
        order_reference="order-1",
        pos_transaction_id=None,
        cashier_id=None,
        terminal_id=None,
        description="For Ada Lovelace",
        created_at=NOW,
        expires_at=NOW,
    )


def an_entry(kind: TransactionType, amount: int = -2_500, card_id: str = "bb" * 12) -> Entry:
    return Entry(
        program_id="aa" * 12,
        card_id=card_id,
        seq=3,
        id="dd" * 12,
        type=kind,
        amount=amount,
        balance_before=10_000 - amount,
        balance_after=10_000,
        created_at=NOW,
        reference_id="order-1",
        pos_transaction_id=None,
        cashier_id="C-7",
        terminal_id=None,
        merchant_id="cc" * 12,
        description="For Ada Lovelace",
        key_hash=None,
        previous_hash=b"",
        hash=b"",
    )


def checked(event: Any) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(event.body)
    jsonschema.Draft202012Validator(
        schema_of(EventType(said["type"])), format_checker=jsonschema.FormatChecker()
    ).validate(said)
    return said


def test_every_type_has_a_meaning_and_a_valid_schema() -> None:
    assert MEANINGS.keys() == set(EventType)
    for kind in EventType:
        jsonschema.Draft202012Validator.check_schema(schema_of(kind))


@pytest.mark.parametrize("kind", TransactionType)
def test_every_entry_but_a_new_code_is_heard(make_card: MakeCard, kind: TransactionType) -> None:
    heard = events_of("whatever", outcome(make_card(), an_entry(kind)))
    types = [checked(event)["data"]["transaction"]["transactionType"] for event in heard]
    assert types == ([] if kind is TransactionType.RESEND_CODE else [kind.value])


@pytest.mark.parametrize("kind", EventType)
def test_no_event_names_anybody(make_card: MakeCard, kind: EventType) -> None:
    card = make_card(**PEOPLE, pass_sid="ab" * 28, number_sealed=b"sealed")
    event = of_state(kind, card, a_program(), NOW, entry=an_entry(TransactionType.REDEMPTION))
    assert checked(event)["type"] == kind.value
    for secret in (*PEOPLE.values(), "ab" * 28, "Ada", "Lovelace", "sealed", "Flower Shop"):
        assert secret not in event.body


@pytest.mark.parametrize(
    ("currency", "balance", "available", "amount"),
    [("EUR", "100.00", "75.00", "-25.00"), ("JPY", "10000", "7500", "-2500"), ("KWD", "10.000", "7.500", "-2.500")],
)
def test_amounts_have_the_currencys_decimals(
    make_card: MakeCard, currency: str, balance: str, available: str, amount: str
) -> None:
    card, entry = make_card(held=2_500), an_entry(TransactionType.REDEMPTION)
    (event,) = events_of("redeem", outcome(card, entry, program=a_program(currency)))
    data = checked(event)["data"]
    assert (data["balance"], data["availableBalance"], data["transaction"]["amount"]) == (balance, available, amount)
    assert data["currency"] == currency


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("suspend", "giftcard.suspended"),
        ("unsuspend", "giftcard.unsuspended"),
        ("hold", "giftcard.held"),
        ("capture", "giftcard.captured"),
        ("release", "giftcard.released"),
        ("replace", "giftcard.replaced"),
        ("redeem", "giftcard.redeemed"),
    ],
)
def test_an_action_says_more_than_its_entry(make_card: MakeCard, action: str, expected: str) -> None:
    (event,) = events_of(action, outcome(make_card(), an_entry(TransactionType.REDEMPTION)))
    assert event.type == checked(event)["type"] == expected


def test_nothing_is_said_where_nobody_listens_or_nothing_happened(make_card: MakeCard) -> None:
    deaf = a_program(is_heard=False)
    assert events_of("redeem", outcome(make_card(), an_entry(TransactionType.REDEMPTION), program=deaf)) == []
    assert events_of("suspend", outcome(make_card(), program=deaf)) == []
    assert events_of("schedule", outcome(make_card())) == []


def test_an_event_is_marked_as_its_card_is(make_card: MakeCard) -> None:
    for is_test in (True, False):
        (event,) = events_of("suspend", outcome(make_card(is_test=is_test)))
        assert event.is_test is checked(event)["data"]["isTest"] is is_test


def test_each_card_of_a_transfer_has_an_event_of_its_own(make_card: MakeCard) -> None:
    other = make_card(id="ff" * 12, balance=1)
    entries = an_entry(TransactionType.TRANSFER_OUT), an_entry(TransactionType.TRANSFER_IN, 2_500, other.id)
    heard = [checked(event) for event in events_of("transfer", outcome(make_card(), *entries, others=(other,)))]
    assert [one["type"] for one in heard] == ["giftcard.transferred"] * 2
    assert [(one["data"]["cardId"], one["data"]["balance"]) for one in heard] == [
        ("bb" * 12, "100.00"),
        (other.id, "0.01"),
    ]


def test_a_replacement_names_the_new_card_which_is_heard_of_as_issued(make_card: MakeCard) -> None:
    fresh = make_card(id="ff" * 12)
    entries = an_entry(TransactionType.TRANSFER_OUT), an_entry(TransactionType.TRANSFER_IN, 2_500, fresh.id)
    old, new = (checked(event) for event in events_of("replace", outcome(make_card(), *entries, fresh=fresh)))
    assert (old["type"], old["data"]["newCardId"]) == ("giftcard.replaced", fresh.id)
    assert (new["type"], new["data"]["cardId"]) == ("giftcard.issued", fresh.id)


def test_a_hold_is_named_without_its_note(make_card: MakeCard) -> None:
    (event,) = events_of("hold", outcome(make_card(), holds=(a_hold(),)))
    assert checked(event)["data"]["hold"] == {"id": "ee" * 12, "amount": "5.00", "orderReference": "order-1"}
    assert "Ada" not in event.body


def test_what_a_reversal_lets_go_is_heard_of_too(make_card: MakeCard) -> None:
    entry = an_entry(TransactionType.REFUND, 2_500)
    heard = events_of("reverse", outcome(make_card(), entry, holds=(a_hold(),)))
    assert [event.type for event in heard] == ["giftcard.refunded", "giftcard.released"]


def test_members_of_its_own_stand_beside_the_usual_ones(make_card: MakeCard) -> None:
    hold = {"id": "ee" * 12, "amount": "5.00", "orderReference": "order-1"}
    event = of_state(EventType.HELD, make_card(), a_program(), datetime(2026, 5, 5, tzinfo=UTC), more={"hold": hold})
    said = checked(event)
    assert (said["data"]["hold"], said["timestamp"]) == (hold, "2026-05-05T00:00:00Z")
