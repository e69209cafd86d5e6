"""Recipients as they may be shown to someone who is not the recipient."""

import re
from typing import Final

_PLAIN: Final = re.compile(r"[A-Za-z0-9]", re.ASCII)
_LAST_LABEL: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,18}", re.ASCII)
_PHONE: Final = re.compile(r"\+[0-9]{7,15}", re.ASCII)


def mask(recipient: str) -> str:
    """An address as `a***@e***.com`, a number as `+49*****678`: enough to recognise one's own, nothing to write to.

    Always ASCII, and of a length that tells nothing about the length of what it hides.
    """
    if "@" in recipient:
        local, _, domain = recipient.rpartition("@")
        first, dot, last = domain.rpartition(".")
        ending = f".{last}" if dot and _LAST_LABEL.fullmatch(last) else ""
        return f"{_first(local)}***@{_first(first or domain)}***{ending}"
    if _PHONE.fullmatch(recipient):
        return f"{recipient[:3]}*****{recipient[-3:]}"
    return "*****"


def _first(text: str) -> str:
    return text[:1] if _PLAIN.match(text) else ""
