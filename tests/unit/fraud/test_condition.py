"""What single conditions say: hours on the clocks of a place, addresses, windows."""

from datetime import UTC, datetime, timedelta

import pytest

from kado import money
from kado.fraud.condition import Hours, Window, lies_in
from kado.fraud.config import Around, RuleType, read
from kado.fraud.move import Kind, Move, Scope, subject_of
from kado.fraud.networks import parse_network, why_not

AROUND = Around(money.currency("EUR"))


def at(text: str, cashier_id: str | None = None) -> Move:
    moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return Move(Kind.REDEMPTION, 100, moment, "p", "c", is_test=False, merchant_id="m", cashier_id=cashier_id)


def hours(**config: object) -> Hours:
    condition, _ = read(RuleType.TIME_RESTRICTION, {"timeZone": "Europe/Berlin", **config}, AROUND)
    assert isinstance(condition, Hours)
    return condition


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-07-01T05:59:59", False),  # summer: 07:59:59 there
        ("2026-07-01T06:00:00", True),
        ("2026-07-01T17:59:59.999999", True),
        ("2026-07-01T18:00:00", False),
        ("2026-01-07T06:30:00", False),  # winter: 07:30 there
        ("2026-01-07T18:30:00", True),
        ("2026-03-29T00:30:00", False),  # the night in which an hour is left out
        ("2026-03-29T06:00:00", True),
    ],
)
def test_hours_are_those_on_the_clocks_of_the_place(moment: str, is_open: bool) -> None:
    assert hours(**{"from": "08:00", "to": "20:00"}).speaks_against(at(moment)) is not is_open


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-27T20:59:00", False),  # Friday, 21:59
        ("2026-11-27T21:00:00", True),
        ("2026-11-28T02:59:00", True),  # Saturday, 03:59: the hours of Friday
        ("2026-11-28T03:00:00", False),
        ("2026-11-28T21:30:00", False),  # Saturday evening has none
        ("2026-11-27T02:00:00", False),  # Friday, 03:00: the hours of Thursday, which has none
    ],
)
def test_hours_over_midnight_belong_to_the_day_on_which_they_began(moment: str, is_open: bool) -> None:
    rule = hours(**{"from": "22:00", "to": "04:00", "weekdays": ["friday"]})
    assert rule.speaks_against(at(moment)) is not is_open


@pytest.mark.parametrize(
    ("address", "network", "is_in"),
    [
        ("203.0.113.7", "203.0.113.0/24", True),
        ("203.0.114.7", "203.0.113.0/24", False),
        ("2001:db8:1:2::/64", "2001:db8:1::/48", True),
        ("2001:db8:1:2::/64", "2001:db8:1:2::5", True),
        ("2001:db8:1:2::/64", "2001:db8:2::/48", False),
        ("2001:db8:1:2::/64", "203.0.113.0/24", False),
        ("unknown", "203.0.113.0/24", False),
        (None, "203.0.113.0/24", False),
    ],
)
def test_an_address_lies_in_a_network_or_not(address: str | None, network: str, is_in: bool) -> None:
    parsed = parse_network(network)
    assert parsed is not None
    assert lies_in(address, [parsed]) is is_in


@pytest.mark.parametrize("text", ["", "x", "1.2.3", "1.2.3.4/33", "1.2.3.4/x", "fe80::1%eth0", "٣.2.3.4", "1" * 99,
                                  "::ffff:1.2.3.4/120"])  # fmt: skip
def test_what_is_no_network_is_none(text: str) -> None:
    assert parse_network(text) is None


@pytest.mark.parametrize("text", ["0.0.0.0/0", "203.0.0.0/15", "10.1.1.1", "127.0.0.0/24", "169.254.1.1", "::1",
                                  "fc00::1", "fe80::1", "ff02::1", "2001::/16", "224.0.0.1",
                                  "198.51.100.0/24"])  # fmt: skip
def test_what_nobody_should_block_has_a_reason(text: str) -> None:
    network, own = parse_network(text), parse_network("198.51.100.7")
    assert network is not None
    assert own is not None
    assert why_not(network, [own])


@pytest.mark.parametrize("minutes", [1, 7, 60, 10080])
def test_a_window_is_sixty_parts_and_the_one_that_is_under_way(minutes: int) -> None:
    window, now = Window(minutes), datetime(2026, 11, 26, 12, tzinfo=UTC)
    assert window.part * 60 == timedelta(minutes=minutes)
    assert window.bucket(now - timedelta(minutes=minutes)) >= window.first(now)
    assert window.bucket(now - timedelta(minutes=minutes) - window.part - timedelta(microseconds=1)) < window.first(now)


def test_a_till_is_known_by_its_merchant() -> None:
    moved = at("2026-01-01", cashier_id="7")
    assert subject_of(Scope.CASHIER, moved) == "cashier:m/7"
    assert subject_of(Scope.TERMINAL, moved) is None
