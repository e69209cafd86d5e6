"""What was typed into a form, as values: money, days, addresses, words. What cannot be is refused, by its field's name.

The names are those of the API, so that what a room says of a field finds it on the page.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from kado import clock, contacts
from kado.errors import Invalid
from kado.money import Currency, TooManyDecimals

Fields = Mapping[str, str]

NAME_MAX: Final = 255
REFERENCE_MAX: Final = 100
PLACE_MAX: Final = 50
WORDS_MAX: Final = 500
REASON_MAX: Final = 500
NUMBER_MAX: Final = 40

# Digits with one separator before the decimals, or with groups of three and the other separator.
_PLAIN: Final = re.compile(r"[0-9]{1,15}(?:[.,][0-9]{1,4})?", re.ASCII)
_GROUPED: Final = re.compile(r"[0-9]{1,3}([.,'])[0-9]{3}(?:\1[0-9]{3}){0,3}(?:(?!\1)[.,][0-9]{1,4})?", re.ASCII)
_SPACES: Final = re.compile(r"[\s\u00a0\u202f]+")


def said(fields: Fields, name: str) -> str:
    """What was typed, without spaces around it; empty where nothing was."""
    return fields.get(name, "").strip()


def is_ticked(fields: Fields, name: str) -> bool:
    """Whether the box was ticked."""
    return bool(fields.get(name))


def line(fields: Fields, name: str, longest: int) -> str | None:
    """One line of text; None where nothing was typed. Raises `Invalid`."""
    text = said(fields, name)
    if not contacts.is_one_line(text):
        raise Invalid(("body", name), "This holds characters that cannot be printed.", "string_control_character")
    return _short(text, name, longest)


def words(fields: Fields, name: str, longest: int) -> str | None:
    """Text that may have several lines; None where nothing was typed. Raises `Invalid`."""
    text = said(fields, name).replace("\r\n", "\n").replace("\r", "\n")
    if not contacts.is_plain(text):
        raise Invalid(("body", name), "This holds characters that cannot be printed.", "string_control_character")
    return _short(text, name, longest)


def needed(value: str | None, name: str) -> str:
    """The value, which must be there. Raises `Invalid`."""
    if value is None:
        raise Invalid(("body", name), "This is needed.", "missing")
    return value


def amount(fields: Fields, name: str, currency: Currency) -> int | None:
    """Money in minor units, as people of any language write it: 12,50 and 12.50 and 1.234,50; None for nothing.

    Raises `Invalid`, also for more decimals than the currency has: 1.234 is no thousand, for it may be a slip.
    """
    text = _SPACES.sub("", said(fields, name))
    if not text:
        return None
    if _PLAIN.fullmatch(text):
        plain = text.replace(",", ".")
    elif (grouped := _GROUPED.fullmatch(text)) is not None:
        plain = text.replace(grouped[1], "").replace(",", ".")
    else:
        raise _not_an_amount(name)
    try:
        return currency.minor(Decimal(plain))
    except TooManyDecimals as error:
        raise Invalid(("body", name), str(error), "decimal_max_places") from None


def positive(fields: Fields, name: str, currency: Currency) -> int:
    """Money that must be there, and more than nothing. Raises `Invalid`."""
    found = amount(fields, name, currency)
    if found is None:
        raise Invalid(("body", name), "This is needed.", "missing")
    if found <= 0:
        raise Invalid(("body", name), "This has to be more than nothing.", "greater_than")
    return found


def whole(fields: Fields, name: str, least: int, most: int) -> int | None:
    """A whole number from `least` to `most`; None for nothing. Raises `Invalid`."""
    text = said(fields, name)
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 9) or not least <= int(text) <= most:
        raise Invalid(("body", name), f"This is a whole number from {least} to {most}.", "number_out_of_range")
    return int(text)


def email(fields: Fields, name: str) -> str | None:
    """An email address; None for nothing. Raises `Invalid`."""
    text = said(fields, name)
    found = contacts.email_address(text) if text else None
    if text and found is None:
        raise Invalid(("body", name), "This is not an email address.", "email")
    return found


def phone(fields: Fields, name: str) -> str | None:
    """A phone number in E.164 form; None for nothing. Raises `Invalid`."""
    text = said(fields, name)
    found = contacts.phone_number(text) if text else None
    if text and found is None:
        raise Invalid(("body", name), "This is not a phone number in international form, such as +4930901820.", "phone")
    return found


def end_of_day(fields: Fields, name: str, zone: ZoneInfo) -> datetime | None:
    """The last moment of a day (YYYY-MM-DD) where the program's people live, in UTC; None for nothing.

    Raises `Invalid`.
    """
    text = said(fields, name)
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
        return clock.where(datetime.combine(day, time()) + timedelta(days=1), zone) - timedelta(seconds=1)
    except (ValueError, OverflowError):
        raise Invalid(("body", name), "This is not a day.", "datetime_parsing") from None


def moment(fields: Fields, name: str) -> datetime | None:
    """A day and a time without an offset (YYYY-MM-DDThh:mm), for whoever knows where it is meant; None for nothing.

    Raises `Invalid`.
    """
    text = said(fields, name)
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(("body", name), "This is not a day and a time.", "datetime_parsing") from None
    return found


def _short(text: str, name: str, longest: int) -> str | None:
    if len(text) > longest:
        raise Invalid(("body", name), f"This has at most {longest} characters.", "string_too_long")
    return text or None


def _not_an_amount(name: str) -> Invalid:
    return Invalid(("body", name), "This is not an amount of money.", "decimal_parsing")
