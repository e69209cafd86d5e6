"""Limits: the defaults, what may be narrowed, and which field is named when it may not."""

from decimal import Decimal

import pytest

from kado import money
from kado.errors import Invalid
from kado.programs import rules
from kado.programs.program import Limits, WantedLimits

EUR, JPY, BHD = money.currency("EUR"), money.currency("JPY"), money.currency("BHD")
DEFAULTS = rules.settle(EUR, WantedLimits())


@pytest.mark.parametrize(
    ("code", "limits"),
    [
        ("EUR", Limits(1, 1_000_000, 1_000_000, 500_000, None, 50_000)),
        ("JPY", Limits(1, 10_000, 10_000, 5_000, None, 500)),
        ("BHD", Limits(10, 10_000_000, 10_000_000, 5_000_000, None, 500_000)),
    ],
)
def test_the_defaults_are_the_apis_bounds_in_major_units(code: str, limits: Limits) -> None:
    assert rules.settle(money.currency(code), WantedLimits()) == limits


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (WantedLimits(max_balance=Decimal("10000.01")), "maxBalance"),
        (WantedLimits(max_balance=Decimal(0)), "maxBalance"),
        (WantedLimits(max_balance=Decimal("1e400")), "maxBalance"),
        (WantedLimits(max_balance=Decimal("NaN")), "maxBalance"),
        (WantedLimits(max_balance=Decimal("-Infinity")), "maxBalance"),
        (WantedLimits(max_balance=Decimal("25.001")), "maxBalance"),
        (WantedLimits(max_initial_value=Decimal("10000.01")), "maxInitialValue"),
        (WantedLimits(max_initial_value=Decimal(20), max_balance=Decimal(10)), "maxInitialValue"),
        (WantedLimits(min_initial_value=Decimal("0.00")), "minInitialValue"),
        (WantedLimits(min_initial_value=Decimal("0.001")), "minInitialValue"),
        (WantedLimits(min_initial_value=Decimal(20), max_initial_value=Decimal(10)), "minInitialValue"),
        (WantedLimits(min_initial_value=Decimal(20), max_balance=Decimal(10)), "minInitialValue"),
        (WantedLimits(max_reload=Decimal("5000.01")), "maxReload"),
        (WantedLimits(max_reload=Decimal(0)), "maxReload"),
        (WantedLimits(max_redeem=Decimal("10000.01")), "maxRedeem"),
        (WantedLimits(max_redeem=Decimal(0)), "maxRedeem"),
        (WantedLimits(cashier_issue_limit=Decimal("-0.01")), "cashierIssueLimit"),
        (WantedLimits(cashier_issue_limit=Decimal("10000.01")), "cashierIssueLimit"),
        (WantedLimits(max_offline_take=Decimal("500.01"), max_offline_total=Decimal(600)), "maxOfflineTake"),
        (WantedLimits(max_offline_take=Decimal(0), max_offline_total=Decimal(1)), "maxOfflineTake"),
        (WantedLimits(max_offline_take=Decimal(5), max_offline_total=Decimal("5000.01")), "maxOfflineTotal"),
        (WantedLimits(max_offline_take=Decimal(5), max_offline_total=Decimal("4.99")), "maxOfflineTotal"),
        (WantedLimits(max_offline_take=Decimal(5)), "maxOfflineTotal"),
        (WantedLimits(max_offline_total=Decimal(5)), "maxOfflineTake"),
    ],
)
def test_a_limit_that_widens_or_contradicts_is_refused_by_name(wanted: WantedLimits, field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        rules.settle(EUR, wanted)
    assert refusal.value.loc == ("body", field)


def test_limits_are_taken_as_asked_for() -> None:
    wanted = WantedLimits(Decimal(5), Decimal("50.5"), Decimal("100.00"), Decimal(20), Decimal("30.01"), Decimal(0))
    assert rules.settle(EUR, wanted) == Limits(500, 5050, 10_000, 2000, 3001, 0)
    without_a_line = WantedLimits(max_offline_take=Decimal(20), max_offline_total=Decimal(100))
    taken = rules.settle(EUR, without_a_line)
    assert (taken.max_offline_take, taken.max_offline_total) == (2000, 10_000)
    assert rules.settle(EUR, WantedLimits(), taken) == taken
    off = rules.settle(EUR, WantedLimits(max_offline_take=None, max_offline_total=None), taken)
    assert (off.max_offline_take, off.max_offline_total) == (None, None)


def test_a_currency_without_decimals_takes_whole_units_only() -> None:
    assert rules.settle(JPY, WantedLimits(min_initial_value=Decimal(1))).min_initial_value == 1
    with pytest.raises(Invalid):
        rules.settle(JPY, WantedLimits(min_initial_value=Decimal("1.5")))
    with pytest.raises(Invalid):
        rules.settle(JPY, WantedLimits(min_initial_value=Decimal("0.01")))


def test_a_currency_with_three_decimals_begins_at_one_hundredth() -> None:
    with pytest.raises(Invalid):
        rules.settle(BHD, WantedLimits(min_initial_value=Decimal("0.009")))


def test_the_greatest_first_value_follows_a_small_balance() -> None:
    limits = rules.settle(EUR, WantedLimits(max_balance=Decimal(100)))
    assert (limits.max_initial_value, limits.max_balance, limits.cashier_issue_limit) == (10_000, 10_000, 10_000)


def test_lowering_the_balance_alone_is_enough_later_too() -> None:
    limits = rules.settle(EUR, WantedLimits(max_balance=Decimal(100)), DEFAULTS)
    assert (limits.max_initial_value, limits.max_balance) == (10_000, 10_000)
    assert limits.max_reload == DEFAULTS.max_reload


def test_a_balance_below_the_least_first_value_is_blamed_on_the_balance() -> None:
    current = rules.settle(EUR, WantedLimits(min_initial_value=Decimal(50)))
    with pytest.raises(Invalid) as refusal:
        rules.settle(EUR, WantedLimits(max_balance=Decimal(20)), current)
    assert refusal.value.loc == ("body", "maxBalance")


def test_what_is_not_mentioned_stays_and_none_brings_the_default_back() -> None:
    current = rules.settle(
        EUR, WantedLimits(Decimal(5), Decimal(50), Decimal(100), Decimal(20), Decimal(30), Decimal(0))
    )
    assert rules.settle(EUR, WantedLimits(), current) == current
    assert rules.settle(EUR, WantedLimits(None, None, None, None, None, None), current) == DEFAULTS


@pytest.mark.parametrize("name", ["", " ", "x" * 256, "a\nb", "a\0b", "\ud800", "a\x85b"])
def test_a_name_has_no_control_characters(name: str) -> None:
    with pytest.raises(Invalid):
        rules.check_name(name)


@pytest.mark.parametrize("prefix", ["123456789", "12a", "-1", "\u0661", "1\n"])
def test_a_prefix_is_up_to_eight_digits(prefix: str) -> None:
    with pytest.raises(Invalid):
        rules.check_prefix(prefix)


@pytest.mark.parametrize("months", [0, -1, 61])
def test_a_card_lives_one_to_sixty_months(months: int) -> None:
    with pytest.raises(Invalid):
        rules.check_months(months)


@pytest.mark.parametrize("identifier", ["", "pass", "Pass.x", "x.pass.y", "pass.\n", "pass." + "x" * 251])
def test_a_pass_type_begins_with_pass(identifier: str) -> None:
    with pytest.raises(Invalid):
        rules.check_pass_type(identifier)


def test_an_unknown_currency_is_refused_by_name() -> None:
    with pytest.raises(Invalid) as refusal:
        rules.known_currency("XXX")
    assert refusal.value.loc == ("body", "currency")
