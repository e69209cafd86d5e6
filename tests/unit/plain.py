"""Second readings of what Kado reads, written as plainly as possible and from the standards, to compare with."""

from fractions import Fraction
from typing import Final

DIGITS: Final = "0123456789"
_ESCAPES: Final = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class Wrong(Exception):
    """It is none."""


def amount(text: str) -> Fraction | None:
    """A decimal: a sign perhaps, digits, a point perhaps, digits; at least one digit. None where it is none."""
    unsigned = text[1:] if text[:1] in ("+", "-") else text
    whole, _, rest = unsigned.partition(".")
    digits = whole + rest
    if not digits or not all(one in DIGITS for one in digits):
        return None
    value = Fraction(int(digits), 10 ** len(rest))
    return -value if text.startswith("-") else value


def json(text: str, deepest: int) -> object:
    """The value of a JSON text (RFC 8259), numbers as fractions. Raises `Wrong`, also for what Kado refuses beside it:
    a name twice, more levels than `deepest`, NUL and halves of surrogate pairs."""
    value, at = _value(text, _blank(text, 0), deepest)
    if _blank(text, at) != len(text):
        raise Wrong
    return value


def _blank(text: str, at: int) -> int:
    while text[at : at + 1] in (" ", "\t", "\n", "\r"):
        at += 1
    return at


def _value(text: str, at: int, levels: int) -> tuple[object, int]:
    for word, value in (("true", True), ("false", False), ("null", None)):
        if text.startswith(word, at):
            return value, at + len(word)
    match text[at : at + 1]:
        case '"':
            return _string(text, at)
        case "[":
            return _list(text, at, levels)
        case "{":
            return _object(text, at, levels)
    return _number(text, at)


def _number(text: str, at: int) -> tuple[Fraction, int]:
    end = at
    while text[end : end + 1] and text[end] in DIGITS + "+-.eE":
        end += 1
    mantissa, letter, power = text[at:end].lower().partition("e")
    unsigned = mantissa.removeprefix("-")
    whole, point, rest = unsigned.partition(".")
    parts = [whole, *([rest] if point else []), *([power[1:] if power[:1] in ("+", "-") else power] if letter else [])]
    if not all(part and all(one in DIGITS for one in part) for part in parts) or (whole[0] == "0" and whole != "0"):
        raise Wrong
    value = amount(mantissa)
    assert value is not None
    exponent = int(power or "0")
    adjusted = exponent + len(whole + rest) - len(rest) - 1
    if (point or letter) and abs(exponent) > 10_000:
        raise Wrong
    if (point or letter) and value and abs(adjusted - (len(whole + rest) - len((whole + rest).lstrip("0")))) > 400:
        raise Wrong
    if (point or letter) and not value and abs(exponent - len(rest)) > 400:
        raise Wrong
    return value * Fraction(10) ** exponent, end


def _string(text: str, at: int) -> tuple[str, int]:
    said, at = "", at + 1
    while text[at : at + 1] != '"':
        if at >= len(text) or text[at] < " ":
            raise Wrong
        if text[at] != "\\":
            said, at = said + text[at], at + 1
        elif text[at + 1 : at + 2] == "u":
            said, at = said + chr(_hex(text[at + 2 : at + 6])), at + 6
        elif text[at + 1 : at + 2] in _ESCAPES:
            said, at = said + _ESCAPES[text[at + 1]], at + 2
        else:
            raise Wrong
    # Two halves that stand side by side are one character.
    said = said.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    if any(one == "\0" or 0xD800 <= ord(one) <= 0xDFFF for one in said):
        raise Wrong
    return said, at + 1


def _hex(text: str) -> int:
    if len(text) != 4 or not all(one in DIGITS + "abcdefABCDEF" for one in text):
        raise Wrong
    return int(text, 16)


def _list(text: str, at: int, levels: int) -> tuple[list[object], int]:
    if levels == 0:
        raise Wrong
    found: list[object] = []
    at = _blank(text, at + 1)
    while text[at : at + 1] != "]":
        if found:
            at = _comma(text, at)
        value, at = _value(text, at, levels - 1)
        found.append(value)
        at = _blank(text, at)
    return found, at + 1


def _object(text: str, at: int, levels: int) -> tuple[dict[str, object], int]:
    if levels == 0:
        raise Wrong
    found: dict[str, object] = {}
    at = _blank(text, at + 1)
    while text[at : at + 1] != "}":
        if found:
            at = _comma(text, at)
        if text[at : at + 1] != '"':
            raise Wrong
        name, at = _string(text, at)
        at = _blank(text, at)
        if text[at : at + 1] != ":" or name in found:
            raise Wrong
        found[name], at = _value(text, _blank(text, at + 1), levels - 1)
        at = _blank(text, at)
    return found, at + 1


def _comma(text: str, at: int) -> int:
    if text[at : at + 1] != ",":
        raise Wrong
    return _blank(text, at + 1)
