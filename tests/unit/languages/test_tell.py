"""How each language writes money, days and times."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from kado.languages import tell
from kado.languages.choose import Language
from kado.money import currency

MOMENT = datetime(2026, 12, 24, 23, 30, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("language", "money", "day"),
    [
        (Language.ENGLISH, "€1,250.05", "25 December 2026"),
        (Language.GERMAN, "1.250,05\xa0€", "25. Dezember 2026"),
        (Language.FRENCH, "1\u202f250,05\xa0€", "25 décembre 2026"),
        (Language.SPANISH, "1.250,05\xa0€", "25 de diciembre de 2026"),
        (Language.DUTCH, "€\xa01.250,05", "25 december 2026"),
    ],
)
def test_each_language_has_its_own_way(language: Language, money: str, day: str) -> None:
    assert tell.money(125005, currency("EUR"), language) == money
    assert tell.day(MOMENT, language, BERLIN) == day


@pytest.mark.parametrize(("code", "minor", "text"), [("JPY", 1234, "1.234\xa0¥"), ("KWD", 1234, "1,234\xa0KWD")])
def test_a_currency_keeps_its_decimals_and_nothing_is_rounded(code: str, minor: int, text: str) -> None:
    assert tell.money(minor, currency(code), Language.GERMAN) == text


def test_a_moment_is_told_where_the_reader_lives() -> None:
    assert tell.time_of(MOMENT, Language.GERMAN, BERLIN) == "25. Dezember 2026, 00:30 MEZ"
    assert tell.time_of(MOMENT, Language.GERMAN, ZoneInfo("UTC")) == "24. Dezember 2026, 23:30 UTC"


def test_numbers_are_grouped_as_people_read_them() -> None:
    said = {language: tell.count(1234567, language) for language in Language}
    assert (said[Language.ENGLISH], said[Language.GERMAN]) == ("1,234,567", "1.234.567")
