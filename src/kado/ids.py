"""Identifiers: 24 lower-case hexadecimal characters, four bytes of seconds and eight random ones.

An id names a thing; it never proves a right to it.
"""

import re
import secrets
import time

_FORM = re.compile(r"[0-9a-f]{24}", re.ASCII)


def new_id() -> str:
    """A fresh id. The seconds only make ids sort roughly by age; nothing is decided by them."""
    return f"{int(time.time()) & 0xFFFFFFFF:08x}{secrets.token_bytes(8).hex()}"


def id_of(wish: bytes, seconds: int) -> str:
    """The id of what one wish makes, which was first asked for around this time: the same however often it is asked."""
    return f"{seconds & 0xFFFFFFFF:08x}{wish[:8].hex()}"


def is_id(text: str) -> bool:
    """Whether the text has the form of an id."""
    return _FORM.fullmatch(text) is not None
