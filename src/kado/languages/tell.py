"""How each language writes money, days and times (CLDR, by Babel)."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.numbers import format_currency

from kado.languages.choose import Language
from kado.money import Currency

# English dates and amounts as most of the world writes them: 5 March 2026, and not March 5, 2026.
_LOCALES: Final = {language: "en_GB" if language is Language.ENGLISH else language.value for language in Language}


def money(minor: int, currency: Currency, language: Language) -> str:
    """Minor units as people write them: `25,00 €`, with all the currency's decimals and nothing rounded."""
    return format_currency(
        currency.decimal(minor), currency.code, locale=_LOCALES[language], decimal_quantization=False
    )


def day(moment: datetime, language: Language, zone: ZoneInfo) -> str:
    """The day of a moment where the reader lives: `5. März 2026`."""
    return format_date(moment.astimezone(zone), "long", locale=_LOCALES[language])


def time_of(moment: datetime, language: Language, zone: ZoneInfo) -> str:
    """Day and time of a moment where the reader lives, with the zone: `5. März 2026, 14:30 MEZ`."""
    there = moment.astimezone(zone)
    return f"{format_date(there, 'long', locale=_LOCALES[language])}, " + format_datetime(
        there, "HH:mm z", locale=_LOCALES[language], tzinfo=zone
    )
