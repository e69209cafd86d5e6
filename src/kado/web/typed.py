"""What people type into forms, as the rooms want it. Each raises `Invalid` with the field's name."""

import re
from decimal import Decimal
from typing import Final

from email_validator import EmailNotValidError, validate_email

from kado.errors import Invalid
from kado.money import Currency, TooManyDecimals

_AMOUNT: Final = re.compile(r"([0-9]{1,9})(?:[.,]([0-9]{1,3}))?", re.ASCII)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_BUT_BREAKS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def amount(text: str, currency: Currency, field: str = "amount") -> int:
    """Minor units, of an amount with a point or a comma before its decimals and nothing between thousands: one that
    could be read in two ways is refused."""
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        raise Invalid(("body", field), "Type an amount in digits, such as 12.50.", "amount_unreadable")
    try:
        minor = currency.minor(Decimal(f"{found[1]}.{found[2]}" if found[2] else found[1]))
    except TooManyDecimals as error:
        raise Invalid(("body", field), f"{error}.", "amount_unreadable") from None
    if minor == 0:
        raise Invalid(("body", field), "The amount is more than nothing.", "amount_unreadable")
    return minor


def email(text: str, field: str) -> str:
    """An address in the one form in which it is stored."""
    try:
        return validate_email(text.strip(), check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        raise Invalid(("body", field), "This is not an email address.", "email_unreadable") from None


def line(text: str, field: str, longest: int) -> str | None:
    """One line; None where nothing was typed."""
    stripped = text.strip()
    if len(stripped) > longest or _CONTROL.search(stripped):
        raise Invalid(("body", field), f"It has at most {longest} characters and no control characters.", "too_long")
    return stripped or None


def lines(text: str, field: str, longest: int) -> str | None:
    """The same with breaks, which a browser sends as CR LF."""
    stripped = text.replace("\r\n", "\n").strip()
    if len(stripped) > longest or _BUT_BREAKS.search(stripped):
        raise Invalid(("body", field), f"It has at most {longest} characters and no control characters.", "too_long")
    return stripped or None
