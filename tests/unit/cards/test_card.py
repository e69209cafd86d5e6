"""What a card's facts mean at a moment: the first that fits of void, expiry, suspension, activation and balance."""

from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from kado.cards.card import Card, CardStatus
from kado.cards.store import CARD_COLUMNS, CARD_WIDTH

MakeCard = Callable[..., Card]
NOW = datetime(2026, 6, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)

# (voided, past its end, suspended, activated, balance) → status, for all that can be
TABLE = {
    facts: "voided" if facts[0] else "expired" if facts[1] else "suspended" if facts[2] else
    "pending" if not facts[3] else "active" if facts[4] else "depleted"
    for facts in product((False, True), repeat=5)
}  # fmt: skip


@pytest.mark.parametrize(("facts", "status"), TABLE.items())
def test_the_first_fact_that_fits_decides(
    make_card: MakeCard, facts: tuple[bool, bool, bool, bool, bool], status: str
) -> None:
    voided, over, suspended, activated, rich = facts
    card = make_card(
        voided_at=NOW if voided else None,
        expires_at=NOW - TICK if over else NOW + TICK,
        suspended_at=NOW - TICK if suspended else None,
        activated_at=NOW - TICK if activated else None,
        balance=1 if rich else 0,
    )
    assert card.status_at(NOW) is CardStatus(status)


def test_a_card_lives_until_its_end_and_not_at_it(make_card: MakeCard) -> None:
    card = make_card(expires_at=NOW)
    assert card.status_at(NOW - TICK) is CardStatus.ACTIVE
    assert card.status_at(NOW) is CardStatus.EXPIRED


def test_a_suspension_lasts_until_its_end_and_not_at_it(make_card: MakeCard) -> None:
    card = make_card(suspended_at=NOW - TICK, suspended_until=NOW)
    assert card.is_suspended_at(NOW - TICK)
    assert card.status_at(NOW - TICK) is CardStatus.SUSPENDED
    assert not card.is_suspended_at(NOW)
    assert card.status_at(NOW) is CardStatus.ACTIVE


def test_a_suspension_without_an_end_has_none(make_card: MakeCard) -> None:
    card = make_card(suspended_at=NOW, expires_at=datetime(9999, 12, 31, tzinfo=UTC))
    assert card.status_at(datetime(9999, 12, 30, tzinfo=UTC)) is CardStatus.SUSPENDED


@pytest.mark.parametrize(
    ("facts", "after"),
    [({"activated_at": None, "balance": 0}, "pending"), ({"balance": 0}, "depleted"), ({"balance": 1}, "active")],
)
def test_the_end_of_a_suspension_falls_back_by_the_same_rule(
    make_card: MakeCard, facts: dict[str, object], after: str
) -> None:
    card = make_card(suspended_at=NOW, suspended_until=NOW + TICK, **facts)
    assert [card.status_at(NOW).value, card.status_at(NOW + TICK).value] == ["suspended", after]


def test_what_is_held_cannot_be_spent(make_card: MakeCard) -> None:
    assert make_card(balance=10_000, held=2_500).available == 7_500


def test_the_columns_stand_in_the_order_of_the_fields() -> None:
    columns = [column.split(" AS ")[-1].split(".")[-1].strip() for column in CARD_COLUMNS.split(",")]
    renamed = {"status": "recorded_status"}
    assert [renamed.get(column, column) for column in columns] == [field.name for field in fields(Card)]
    assert len(columns) == CARD_WIDTH
