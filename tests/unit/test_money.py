"""Amounts: exact both ways in every currency, and never rounded."""

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kado import money
from kado.money import Currency

EXPONENTS = {
    "USD": 2,
    "EUR": 2,
    "GBP": 2,
    "JPY": 0,
    "KRW": 0,
    "CLP": 0,
    "ISK": 0,
    "KWD": 3,
    "BHD": 3,
    "TND": 3,
    "HUF": 2,
}
ALL = sorted(money._CURRENCIES)


@pytest.mark.parametrize(("code", "exponent"), EXPONENTS.items())
def test_a_currency_has_the_decimals_of_iso_4217(code: str, exponent: int) -> None:
    assert money.currency(code) == Currency(code, exponent)


def test_every_currency_has_a_code_of_three_letters_and_stands_in_one_list() -> None:
    assert all(re.fullmatch("[A-Z]{3}", code) for code in ALL)
    listed = [
        code for codes in (money._NO_DECIMALS, money._TWO_DECIMALS, money._THREE_DECIMALS) for code in codes.split()
    ]
    assert sorted(listed) == ALL
    assert len(ALL) > 150


@pytest.mark.parametrize("code", ["usd", "", "US", "USDX", "XXX", "XAU", "BTC", " USD", "USD\n"])
def test_anything_else_is_no_currency(code: str) -> None:
    with pytest.raises(money.UnknownCurrency):
        money.currency(code)


@pytest.mark.parametrize(
    ("code", "text", "minor"),
    [
        ("USD", "25.00", 2500),
        ("USD", "25", 2500),
        ("USD", "25.5", 2550),
        ("USD", "0.01", 1),
        ("USD", "-0.01", -1),
        ("USD", "0", 0),
        ("USD", "10000", 1_000_000),
        ("JPY", "25", 25),
        ("KWD", "0.001", 1),
        ("KWD", "1.5", 1500),
        ("USD", "99999999999999999999999999.99", 9_999_999_999_999_999_999_999_999_999),
        ("KWD", "9999999999999999999999999.999", 9_999_999_999_999_999_999_999_999_999),
    ],
)
def test_major_units_become_minor_ones(code: str, text: str, minor: int) -> None:
    assert money.currency(code).minor(Decimal(text)) == minor


@pytest.mark.parametrize(
    ("code", "text"), [("USD", "0.001"), ("USD", "1.000"), ("JPY", "1.0"), ("KWD", "0.0001"), ("USD", "1E-3")]
)
def test_more_decimals_than_the_currency_has_are_refused_even_as_zeros(code: str, text: str) -> None:
    with pytest.raises(money.TooManyDecimals, match=code):
        money.currency(code).minor(Decimal(text))


@pytest.mark.parametrize(
    ("code", "minor", "text"),
    [
        ("USD", 0, "0.00"),
        ("USD", 1, "0.01"),
        ("USD", -1, "-0.01"),
        ("USD", 100, "1.00"),
        ("USD", -12_345, "-123.45"),
        ("JPY", 0, "0"),
        ("JPY", -7, "-7"),
        ("KWD", 5, "0.005"),
        ("KWD", -1_234_567, "-1234.567"),
    ],
)
def test_minor_units_are_shown_with_exactly_the_currencys_decimals(code: str, minor: int, text: str) -> None:
    assert money.currency(code).text(minor) == text
    assert str(money.currency(code).decimal(minor)) == text


@given(st.sampled_from(ALL), st.integers(-(10**18), 10**18))
def test_what_is_shown_is_read_back_as_the_same(code: str, minor: int) -> None:
    unit = money.currency(code)
    assert unit.minor(Decimal(unit.text(minor))) == minor
    assert unit.minor(unit.decimal(minor)) == minor
    assert re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?", unit.text(minor))
