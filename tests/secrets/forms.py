"""What secrets and people's contacts look like, whoever they are of: for logs of which nobody knows what was sent.

Nothing that Kado writes into a log has one of these forms: ids have 24 hexadecimal digits, and names are words.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from urllib.parse import unquote_plus

FORMS = {
    "email": re.compile(r"[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+"),
    "phone": re.compile(r"(?<![\w.:-])\+[1-9][0-9]{7,14}(?![0-9])"),
    "card number": re.compile(r"(?<![0-9A-Za-z.])[0-9]{4}([ -]?)[0-9]{4}\1[0-9]{4}\1[0-9]{4}(?![0-9A-Za-z])"),
    "key": re.compile(r"kado_[a-z]+_[A-Za-z0-9_-]{16,}|whsec_[A-Za-z0-9+/]{16,}"),
    "token": re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
    "signature or hash": re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{32,}(?![0-9A-Za-z])"),
    "random text": re.compile(r"(?<![\w/+-])(?=(?:[^0-9\s]*[0-9]){5})(?=\S*[A-Z])[A-Za-z0-9_-]{40,}(?![\w/+-])"),
}
# What bytes can be told from: the longer forms are found as they are.
_INSIDE = ("email", "phone", "card number", "key", "token")
_DIFFERENT = re.compile(
    r"\b[0-9a-f]{24}\b|\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?"
    r"|(?<=milliseconds=)[0-9.]+|(?<=milliseconds\": )[0-9.]+"
)
_ENCODED = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){8,}")
_PRINTABLE = re.compile(rb"[\x20-\x7e]{8,}")


def found_in_log(text: str) -> list[str]:
    """The same for many lines of a log, most of which differ in nothing but ids and times."""
    lines = {_DIFFERENT.sub(_plain, line) for line in text.splitlines()}
    return [f"{hit} in {line[:200]!r}" for line in sorted(lines) for hit in found_by_form(line)]


def _plain(found: re.Match[str]) -> str:
    """Of an id that the same is left for all; what is readable text in hexadecimal digits is none."""
    is_text = len(found[0]) == 24 and not found[0].isdigit() and bytes.fromhex(found[0]).isascii()
    return found[0] if is_text else "-"


def found_by_form(text: str) -> list[str]:
    """What of these forms is in a text: as it is, percent-encoded, and inside of base64 or hexadecimal digits."""
    hits = [f"{kind}: {found[0]}" for kind, form in FORMS.items() for found in form.finditer(text)]
    hits += _inside(unquote_plus(text), "percent-encoded") if "%" in text else []
    for plain in _decoded(text):
        hits += _inside(plain, "encoded")
    return hits


def _inside(text: str, how: str) -> list[str]:
    return [f"{kind}, {how}: {found[0]}" for kind in _INSIDE for found in FORMS[kind].finditer(text)]


def _decoded(text: str) -> Iterator[str]:
    """Every run of readable characters that the text has in one of the two codings, wherever a group begins."""
    for run in _ENCODED.findall(text):
        plain = run.rstrip("=").replace("-", "+").replace("_", "/")
        for at in range(4):
            part = plain[at:]
            part = part[:-1] if len(part) % 4 == 1 else part  # one character alone is not even a byte
            yield from _readable(base64.b64decode(part + "=" * (-len(part) % 4)))
    for run in _HEX.findall(text):
        yield from _readable(binascii.unhexlify(run))


def _readable(content: bytes) -> Iterator[str]:
    return (found.decode() for found in _PRINTABLE.findall(content))
