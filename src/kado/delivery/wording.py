"""Words of other people, made fit to stand in a mail: no control characters, no second thing that looks like a code."""

import re
import unicodedata
from typing import Final

CODE_GOES_HERE: Final = "\ue000"
"""Stands for the security code until everything around it has been made safe; no cleaned text contains it."""

# Marks that turn the direction of the text around, with which one name can be made to look like another.
_TURNING: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# What nobody sees (Default_Ignorable_Code_Point in Unicode's tables), but for what joins letters and emoji or chooses
# their form: with these, six digits that a reader takes for a code would be six digits to nobody else.
_UNSEEN: Final = re.compile(
    "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0\ufff0-\ufff8"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_JOINED_DIGITS: Final = re.compile("(?<=\\d)[\u200c\u200d\ufe00-\ufe0f]+(?!\u20e3)")
_LINE_ENDS: Final = re.compile("\r\n|[\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029]")
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})
_GAP: Final = re.compile(r"\n{3,}")
_FREE_SIX: Final = re.compile(r"(?<![0-9])[0-9]{6}(?![0-9])|(?<!\d)\d{6}(?!\d)")
_SCHEME_AND_HOST: Final = re.compile(r"https?://[^/?#]*", re.ASCII)


def lines(text: str) -> list[str]:
    """The text as clean lines, without empty ones at either end and without two empty ones in a row."""
    clean = "\n".join(_visible(line).rstrip() for line in _LINE_ENDS.split(text)).strip("\n")
    return _GAP.sub("\n\n", clean).split("\n") if clean else []


def one_line(text: str, length_max: int = 100) -> str:
    """The text as a single clean line, cut where it is longer than a line should be."""
    line = " ".join(" ".join(lines(text)).split())
    return line if len(line) <= length_max else line[: length_max - 1].rstrip() + "…"


def for_header(text: str, length_max: int = 100) -> str:
    """The text as a header may hold it.

    Encoded words are taken apart: the standard library decodes those it is given, and out of one can come a line end,
    and so another header.
    """
    return one_line(text, length_max).replace("=?", "= ?")


def broken_up(text: str) -> str:
    """The text with a space inside each free-standing group of six digits, of whatever script, so that none is left."""
    while (broken := _FREE_SIX.sub(lambda group: f"{group[0][:3]} {group[0][3:]}", text)) != text:
        text = broken
    return text


def isolated(text: str) -> str:
    """The text as it may stand in a sentence that runs the other way, so that neither turns the other around."""
    if any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in text):
        return f"\u2068{text}\u2069"
    return text


def plain_link(url: str) -> str | None:
    """The same link without a free-standing group of six digits: the last digit is written as a percent code.

    None where the group is in the host, which cannot be written in another way.
    """
    host = _SCHEME_AND_HOST.match(url)
    if host is None or _FREE_SIX.search(host[0]) or not url.isascii():
        return None
    return _FREE_SIX.sub(lambda group: f"{group[0][:5]}%{ord(group[0][5]):02X}", url)


def grouped(number: str) -> str:
    """A card number in groups of four."""
    return " ".join(number[at : at + 4] for at in range(0, len(number), 4))


def _visible(line: str) -> str:
    """The line without control characters, marks that turn its direction, and what nobody sees or is no character."""
    seen = "".join(character for character in line.replace("\t", " ") if _is_visible(character))
    return _JOINED_DIGITS.sub("", _UNSEEN.sub("", seen))


def _is_visible(character: str) -> bool:
    return unicodedata.category(character) not in ("Cc", "Cs", "Co") and character not in _TURNING
