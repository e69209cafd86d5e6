"""What people type into forms: money in any language's way, days, addresses; and what cannot be."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from kado.errors import Invalid
from kado.money import currency
from kado.web import typed

EUR, JPY, KWD = currency("EUR"), currency("JPY"), currency("KWD")


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("12,50", 1250),
        ("12.50", 1250),
        (" 12,5 ", 1250),
        ("12", 1200),
        ("1.234,50", 123450),
        ("1,234.50", 123450),
        ("1\u202f234,50", 123450),
        ("1 234", 123400),
        ("1'234.50", 123450),
        ("1.234.567", 123456700),
        ("0,01", 1),
    ],
)
def test_an_amount_is_read_as_people_write_it(text: str, minor: int) -> None:
    assert typed.amount({"amount": text}, "amount", EUR) == minor


@pytest.mark.parametrize(
    "text",
    [
        "1.234",
        "12,345",
        "1,23,45",
        "12.50.5",
        "-5",
        "+5",
        "5 €",
        "EUR 5",
        "1e3",
        "٥",
        "NaN",
        "1,2,3",
        "9" * 16,
        "12.",
        ".5",
        "1'234.567",
        "1,234,567.890",
        "1.234,567.89",
        "1" + ".234" * 10,
    ],
)
def test_what_might_be_a_slip_is_no_amount(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        typed.amount({"amount": text}, "amount", EUR)
    assert refusal.value.loc == ("body", "amount")


def test_each_currency_has_its_own_decimals() -> None:
    assert typed.amount({"a": "1.234"}, "a", KWD) == 1234
    assert typed.amount({"a": "1,234.567"}, "a", KWD) == 1234567
    assert typed.amount({"a": "1'234,567"}, "a", KWD) == 1234567
    assert typed.amount({"a": "1234"}, "a", JPY) == 1234
    with pytest.raises(Invalid):
        typed.amount({"a": "1.234"}, "a", JPY)


def test_nothing_is_none_and_what_is_needed_is_asked_for() -> None:
    assert typed.amount({"a": "  "}, "a", EUR) is None
    for text, kind in (("", "missing"), ("0", "greater_than"), ("0,00", "greater_than")):
        with pytest.raises(Invalid) as refusal:
            typed.positive({"a": text}, "a", EUR)
        assert refusal.value.code == kind


def test_a_day_lasts_until_its_end_where_people_live() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert typed.end_of_day({"d": "2026-07-01"}, "d", berlin) == datetime(2026, 7, 1, 21, 59, 59, tzinfo=UTC)
    assert typed.end_of_day({"d": "2026-10-25"}, "d", berlin) == datetime(2026, 10, 25, 22, 59, 59, tzinfo=UTC)
    assert typed.end_of_day({"d": ""}, "d", berlin) is None
    for text in ("2026-02-30", "x", "9999-12-31", "0000-00-00"):
        with pytest.raises(Invalid):
            typed.end_of_day({"d": text}, "d", berlin)


def test_lines_and_words_hold_what_can_be_printed() -> None:
    assert typed.line({"n": "  Ada  "}, "n", 255) == "Ada"
    assert typed.words({"w": "a\r\nb\rc"}, "w", 500) == "a\nb\nc"
    for text in ("a\nb", "a\0b", "\ud800", "x" * 256):
        with pytest.raises(Invalid):
            typed.line({"n": text}, "n", 255)


def test_numbers_and_addresses() -> None:
    assert typed.whole({"n": "12"}, "n", 1, 60) == 12
    assert typed.email({"e": " Ada@EXAMPLE.com "}, "e") == "Ada@example.com"
    assert typed.phone({"p": "+49 (30) 901-820"}, "p") == "+4930901820"
    for read, name, text in ((typed.email, "e", "ada"), (typed.phone, "p", "030 901820")):
        with pytest.raises(Invalid):
            read({name: text}, name)
    for text in ("0", "61", "1.5", "x", "٥"):
        with pytest.raises(Invalid):
            typed.whole({"n": text}, "n", 1, 60)
