"""Which language somebody is spoken to in."""

import re
from decimal import Decimal
from enum import StrEnum
from typing import Final


class Language(StrEnum):
    """The languages that Kado speaks, as BCP 47 writes them."""

    ENGLISH = "en"
    GERMAN = "de"
    FRENCH = "fr"
    SPANISH = "es"
    DUTCH = "nl"


_WISH: Final = re.compile(
    r"\s*([A-Za-z]{1,8})(?:-[A-Za-z0-9]{1,8})*\s*(?:;\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)\s*)?", re.ASCII
)
_WISHES_MAX: Final = 20


def spoken(tag: object) -> Language | None:
    """The language of a BCP 47 tag such as `de-AT`; None where Kado does not speak it, or it is no tag."""
    found = _WISH.fullmatch(tag) if isinstance(tag, str) and ";" not in tag else None
    return _by_tag(found[1]) if found is not None else None


def wanted(accept_language: str, usual: Language = Language.ENGLISH) -> Language:
    """The first of the languages that a browser asks for (RFC 9110, 12.5.4) which Kado speaks; else `usual`.

    A header that is no such list asks for nothing.
    """
    wishes = [found for one in accept_language.split(",")[:_WISHES_MAX] if (found := _WISH.fullmatch(one)) is not None]
    weighed = [(Decimal(found[2] or 1), _by_tag(found[1])) for found in wishes]
    # Of the same weight the one that was named first; what has none is not wanted.
    understood = [(weight, language) for weight, language in weighed if weight and language is not None]
    return max(understood, key=lambda wish: wish[0])[1] if understood else usual


def _by_tag(tag: str) -> Language | None:
    try:
        return Language(tag.lower())
    except ValueError:
        return None
