"""How each language writes money, days and times (CLDR, by Babel)."""

from datetime import datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_skeleton
from babel.numbers import format_currency, format_decimal, format_percent

from kado.languages.choose import Language
from kado.money import Currency

# English dates and amounts as most of the world writes them: 5 March 2026, and not March 5, 2026.
_LOCALES: Final = {language: "en_GB" if language is Language.ENGLISH else language.value for language in Language}


def money(minor: int, currency: Currency, language: Language) -> str:
    """Minor units as people write them: `25,00 €`, with all the currency's decimals and nothing rounded."""
    return format_currency(
        currency.decimal(minor), currency.code, locale=_LOCALES[language], decimal_quantization=False
    )


def count(number: int, language: Language) -> str:
    """A whole number as people write it: `1.234.567`."""
    return format_decimal(number, locale=_LOCALES[language])


def day(moment: datetime, language: Language, zone: ZoneInfo) -> str:
    """The day of a moment where the reader lives: `5. März 2026`."""
    return format_date(moment.astimezone(zone), "long", locale=_LOCALES[language])


def month(moment: datetime, language: Language, zone: ZoneInfo) -> str:
    """The month of a moment where the reader lives: `März 2026`."""
    return format_skeleton("yMMMM", moment.astimezone(zone), locale=_LOCALES[language])


def percent(signed: str, language: Language) -> str:
    """A decimal number of percents with its sign, so that more and less are told apart: `+12,5 %`."""
    share = Decimal(signed) / 100
    sign = "+" if share > 0 else "−" if share < 0 else ""
    return sign + format_percent(abs(share), locale=_LOCALES[language], decimal_quantization=False)


def time_of(moment: datetime, language: Language, zone: ZoneInfo) -> str:
    """Day and time of a moment where the reader lives, with the zone: `5. März 2026, 14:30 MEZ`."""
    there = moment.astimezone(zone)
    return f"{format_date(there, 'long', locale=_LOCALES[language])}, " + format_datetime(
        there, "HH:mm z", locale=_LOCALES[language], tzinfo=zone
    )
