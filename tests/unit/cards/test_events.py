"""What is said of a card: complete, in its currency, as its schema says, and nothing about people."""

import json
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
from tests.unit.cards.conftest import NOW, MakeCard

from kado import money
from kado.cards.card import Entry, TransactionType
from kado.cards.event_schemas import MEANINGS, schema_of
from kado.cards.events import EventType, events_of, of_entry, of_state
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


def an_entry(kind: TransactionType, amount: int = -2_500) -> Entry:
    return Entry(
        program_id="aa" * 12,
        card_id="bb" * 12,
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
    event = of_entry(an_entry(kind), make_card(), a_program(), NOW)
    if kind is TransactionType.RESEND_CODE:
        assert event is None
    else:
        assert checked(event)["data"]["transaction"]["transactionType"] == kind.value


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
    (event,) = events_of("redeem", entry, card, a_program(currency), NOW)
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
    (event,) = events_of(action, an_entry(TransactionType.REDEMPTION), make_card(), a_program(), NOW)
    assert event.type == checked(event)["type"] == expected


def test_nothing_is_said_where_nobody_listens_or_nothing_happened(make_card: MakeCard) -> None:
    entry = an_entry(TransactionType.REDEMPTION)
    assert events_of("redeem", entry, make_card(), a_program(is_heard=False), NOW) == []
    assert events_of("suspend", None, make_card(), a_program(is_heard=False), NOW) == []
    assert events_of("schedule", None, make_card(), a_program(), NOW) == []


def test_an_event_is_marked_as_its_card_is(make_card: MakeCard) -> None:
    for is_test in (True, False):
        (event,) = events_of("suspend", None, make_card(is_test=is_test), a_program(), NOW)
        assert event.is_test is checked(event)["data"]["isTest"] is is_test


def test_members_of_its_own_stand_beside_the_usual_ones(make_card: MakeCard) -> None:
    hold = {"id": "ee" * 12, "amount": "5.00", "orderReference": "order-1"}
    event = of_state(EventType.HELD, make_card(), a_program(), datetime(2026, 5, 5, tzinfo=UTC), more={"hold": hold})
    said = checked(event)
    assert (said["data"]["hold"], said["timestamp"]) == (hold, "2026-05-05T00:00:00Z")
