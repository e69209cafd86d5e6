"""JSON as it was written, or a refusal that says where it went wrong.

The C decoder reads a body once, with hooks. Only when a hook objects is the body read a second time, with markers in
place of what was objected to, so that the way to the offending member can be told.
"""

import json
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn, TypeVar

Location = tuple[str | int, ...]

DEPTH_MAX: Final = 32
# int() of very long text is slow, and refused by Python from 4300 digits on; a Decimal keeps every digit.
_INT_DIGITS_MAX: Final = 40
# No quantity needs more, and turning 1e999999999 into a whole number would fill the memory.
_EXPONENT_MAX: Final = 400
_KEY_SHOWN_MAX: Final = 64

_NOT_TEXT: Final = re.compile("[\x00\ud800-\udfff]")
_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NOT_A_BRACKET: Final = re.compile(rb"[^\[\]{}]++")


class MalformedJson(ValueError):
    """The body is not JSON that we read. `loc` is the way to the member below the body, as far as it is known."""

    def __init__(self, loc: Location, message: str, kind: str) -> None:
        super().__init__(message)
        self.loc = loc
        self.message = message
        self.kind = kind


def parse(body: bytes) -> object:
    """The value of the body: numbers exact (int or Decimal, never float), keys unique, text that a database can hold.

    Raises `MalformedJson`: not UTF-8, a byte order mark, not JSON, NaN or infinity, an exponent beyond ±400, a key
    twice, deeper than 32, a NUL or half a surrogate pair in a string or key.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedJson((), "The body is not UTF-8", "json_encoding") from None
    if text.startswith("\ufeff"):
        raise MalformedJson((), "The body starts with a byte order mark", "json_encoding")
    if body.count(b"[") + body.count(b"{") > DEPTH_MAX:
        _refuse_depth(body)
    try:
        value: object = _strict.decode(text)
    except _Objection:
        _explain(text)
    except json.JSONDecodeError as error:
        raise MalformedJson((error.pos,), f"The body is not JSON: {error.msg}", "json_invalid") from None
    if b"\\u" in body:
        _refuse_objections(value)
    return value


def _refuse_depth(body: bytes) -> None:
    """Brackets inside strings do not count, so strings go first."""
    depth = 0
    for bracket in _NOT_A_BRACKET.sub(b"", _STRING.sub(b"", body)):
        if bracket in b"[{":
            depth += 1
            if depth > DEPTH_MAX:
                raise MalformedJson((), f"The body is nested deeper than {DEPTH_MAX} levels", "json_depth")
        else:
            depth -= 1


# ── what the decoder's hooks object to ─────────────────────────────────────────────────────────────────────────────


class _Objection(Exception):
    """What a hook refuses. Raised by the first reading, left in the value as a marker by the second."""

    def __init__(self, message: str, kind: str, key: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.key = key


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) <= _INT_DIGITS_MAX else Decimal(text)


def _decimal(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise _Objection("The number is out of range", "json_number") from None
    if not -_EXPONENT_MAX <= value.adjusted() <= _EXPONENT_MAX:
        raise _Objection("The number is out of range", "json_number")
    return value


def _constant(name: str) -> NoReturn:
    raise _Objection(f"{name} is not a JSON number", "json_number")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _Objection("The key occurs more than once", "json_duplicate_key", _first_repeated(pairs))
    return value


def _first_repeated(pairs: list[tuple[str, object]]) -> str | None:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            return key
        seen.add(key)
    return None


_strict: Final = json.JSONDecoder(
    parse_float=_decimal, parse_int=_integer, parse_constant=_constant, object_pairs_hook=_object
)


# ── where it was ───────────────────────────────────────────────────────────────────────────────────────────────────

_Given = TypeVar("_Given")


def _marking(hook: Callable[[_Given], object]) -> Callable[[_Given], Any]:
    """The hook, leaving its objection in the value instead of raising it."""

    def mark(given: _Given) -> object:
        try:
            return hook(given)
        except _Objection as objection:
            return objection

    return mark


_marked: Final = json.JSONDecoder(
    parse_float=_marking(_decimal),
    parse_int=_integer,
    parse_constant=_marking(_constant),
    object_pairs_hook=_marking(_object),
)


def _explain(text: str) -> NoReturn:
    """Read again to tell where the first reading stopped. A syntax error further on does not change the verdict."""
    try:
        _refuse_objections(_marked.decode(text))
    except json.JSONDecodeError as error:
        raise MalformedJson((error.pos,), f"The body is not JSON: {error.msg}", "json_invalid") from None
    raise AssertionError("the two decoders have the same hooks, so what one refuses the other has marked")


def _refuse_objections(value: object, loc: Location = ()) -> None:
    """Walk the value, never deeper than `DEPTH_MAX`; raises for the first marker and the first unusable text."""
    if type(value) is str:
        if _NOT_TEXT.search(value):
            raise MalformedJson(loc, "The text contains a NUL or half a surrogate pair", "json_text")
    elif type(value) is dict:
        for key, member in value.items():
            if _NOT_TEXT.search(key):
                raise MalformedJson(loc, "A key contains a NUL or half a surrogate pair", "json_text")
            _refuse_objections(member, (*loc, key[:_KEY_SHOWN_MAX]))
    elif type(value) is list:
        for index, member in enumerate(value):
            _refuse_objections(member, (*loc, index))
    elif isinstance(value, _Objection):
        raise MalformedJson(_way_to(value, loc), value.message, value.kind)


def _way_to(objection: _Objection, loc: Location) -> Location:
    """The place of the marker, with the repeated key where that can be shown."""
    if objection.key is None or _NOT_TEXT.search(objection.key):
        return loc
    return (*loc, objection.key[:_KEY_SHOWN_MAX])
