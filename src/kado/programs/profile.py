"""What a program tells about itself and its company, for mails, pages and papers."""

import re
from collections.abc import Mapping
from typing import Final

from kado import clock
from kado.errors import Invalid
from kado.languages.choose import spoken

MEMBERS: Final = (
    "description",
    "language",
    "timeZone",
    "country",
    "company",
    "address",
    "phone",
    "terms",
    "website",
    "email",
)
"""By the API's names."""

LONGEST: Final[Mapping[str, int]] = {
    "description": 10_000,
    "country": 50,
    "company": 255,
    "address": 1000,
    "phone": 50,
    "terms": 10_000,
    "website": 2083,
}
"""How many characters a text has at most."""

_WEBSITE: Final = re.compile(r"https?://.+")


def check_website(address: str) -> str:
    """The address of a website, if it is one of the web. Raises `Invalid`."""
    if not _WEBSITE.fullmatch(address):
        raise Invalid(("body", "website"), "A website begins with https:// or http://.", "website_invalid")
    return address


def check_zone(name: str) -> str:
    """The name of a time zone, if there is one of this name. Raises `Invalid`."""
    if not clock.is_zone(name):
        raise Invalid(("body", "timeZone"), "This is not a time zone by its name, such as Europe/Berlin.", "time_zone")
    return name


def check_language(tag: str) -> str:
    """The language, if Kado speaks it. Raises `Invalid`."""
    if spoken(tag) is None:
        raise Invalid(("body", "language"), "Kado does not speak this language.", "language_unknown")
    return tag
