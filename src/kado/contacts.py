"""What people type of themselves and each other: addresses, phone numbers, lines and texts, made safe to keep."""

import re
from typing import Final

import phonenumbers
from email_validator import EmailNotValidError, validate_email

EMAIL_MAX: Final = 254

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_CONTROL_BUT_BREAKS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
# International form: a plus, then digits and the separators that people write between them.
_PHONE: Final = re.compile(r"\+[0-9 ()\-]{6,40}")


def is_one_line(text: str) -> bool:
    """Whether there is no control character in it, and no half of one that takes two."""
    return _CONTROL.search(text) is None


def is_plain(text: str) -> bool:
    """The same, but for line feeds and tabs."""
    return _CONTROL_BUT_BREAKS.search(text) is None


def email_address(text: str) -> str | None:
    """The address with its domain in normal form; None for what is not one bare address: no display name, no quotes."""
    if len(text) <= EMAIL_MAX and is_one_line(text):
        try:
            return validate_email(text, check_deliverability=False, test_environment=True).normalized
        except EmailNotValidError:
            pass
    return None


def phone_number(text: str) -> str | None:
    """The number in E.164 form ("+49 (30) 901-820" → "+4930901820"); None where no phone could have it."""
    found = _e164(text) if _PHONE.fullmatch(text) else None
    # Zeros behind the country go away, but only one at a time, and six characters may be fewer digits: what is read
    # differently a second time is no number.
    if found is None or _PHONE.fullmatch(found) is None or _e164(found) != found:
        return None
    return found


def _e164(text: str) -> str | None:
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
