"""Python values and what they are on the wire: exact amounts, aware times, camelCase members, frozen records."""

import json
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any, ClassVar, Final, Self, TypeAlias

from kado_client.errors import UnexpectedAnswer

Amount: TypeAlias = Decimal | int | str
"""Major units of the program's currency: `Decimal("12.50")`, `"12.50"`, `12`. Never a float, which is not exact."""

Json: TypeAlias = Mapping[str, Any]

_EXACT: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_SEGMENT: Final = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")


# ── out ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def exact(amount: Amount) -> str:
    """The amount as it is sent. Raises `TypeError` for a float, `ValueError` for text that is no amount."""
    if isinstance(amount, bool) or not isinstance(amount, Decimal | int | str):
        raise TypeError(f"an amount is a Decimal, an int or a str, not {type(amount).__name__}")
    if isinstance(amount, str):
        if not _EXACT.fullmatch(amount):
            raise ValueError("an amount is written like 12.50")
        return amount
    if isinstance(amount, Decimal) and not amount.is_finite():
        raise ValueError("an amount is a finite number")
    return format(Decimal(amount), "f")


def members(**values: object) -> dict[str, Any]:
    """A body: snake_case becomes camelCase, and what is None is left out."""
    return {wire_name(name): _sent(value) for name, value in values.items() if value is not None}


def changes(values: Mapping[str, object]) -> dict[str, Any]:
    """A body in which None is meant, and sent as null."""
    return {wire_name(name): _sent(value) for name, value in values.items()}


def kado_headers(**values: str | None) -> dict[str, str]:
    """Headers beside a body: `time_zone` is sent as `Kado-Time-Zone`, and what is None is left out.

    Raises `ValueError`, without showing it, for what cannot be in a header.
    """
    for name, value in values.items():
        if value is not None and not _TOKEN.fullmatch(value):
            raise ValueError(f"{name} has visible ASCII characters only")
    return {_header_name(name): value for name, value in values.items() if value is not None}


def path_of(*segments: str) -> str:
    """A path; raises `ValueError` for an id that cannot be one, so that no id leads anywhere else."""
    for segment in segments:
        if not _SEGMENT.fullmatch(segment):
            raise ValueError(f"{segment!r} is not an id")
    return "/".join(segments)


def valid_key(key: str) -> str:
    """The same; raises `ValueError` for what no idempotency key can be."""
    if not _KEY.fullmatch(key):
        raise ValueError("an idempotency key is 1 to 255 visible ASCII characters")
    return key


def valid_token(token: str) -> str:
    """The same; raises `ValueError`, without showing it, for what cannot be in a header: often a line's end."""
    if not _TOKEN.fullmatch(token):
        raise ValueError("a key or token has visible ASCII characters only; does this one end with a line break?")
    return token


@cache
def wire_name(name: str) -> str:
    """`pos_transaction_id` is called `posTransactionId` on the wire."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _header_name(name: str) -> str:
    return "-".join(["Kado", *(word.capitalize() for word in name.split("_"))])


def time_text(moment: datetime) -> str:
    """ISO 8601. Raises `ValueError` for a time without a zone, which could mean any of a day's hours."""
    if moment.tzinfo is None:
        raise ValueError("a time needs a time zone: datetime.now(UTC)")
    return moment.isoformat()


def _sent(value: object) -> object:
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, Decimal):
        return exact(value)
    if isinstance(value, float):
        raise TypeError("a float is not exact; give a Decimal, an int or a str")
    if isinstance(value, Mapping):
        return members(**value)
    if isinstance(value, list | tuple):
        return [_sent(one) for one in value]
    return value


# ── in ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def parse(content: bytes) -> Any:  # noqa: ANN401 - JSON can be anything
    """JSON with its numbers exactly as they were written. Raises `ValueError` for what is not JSON."""
    return json.loads(content, parse_float=Decimal)


@dataclass(frozen=True, kw_only=True)
class Record:
    """An answer. Members that a later server adds are in `raw`; members that an earlier one lacks are None."""

    raw: Json = field(default_factory=dict, repr=False, compare=False)
    """The answer's body as it came, camelCase names and all."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    """The answer's headers, in lower case; empty for a record inside another."""

    _types: ClassVar[dict[str, Any]]

    def __init_subclass__(cls) -> None:
        cls._types = typing.get_type_hints(cls)

    @property
    def is_replay(self) -> bool:
        """Whether this is the stored answer to an earlier request with the same key."""
        return self.headers.get("idempotent-replayed") == "true"

    @classmethod
    def of(cls, data: object, headers: Mapping[str, str] | None = None) -> Self:
        """The record in a parsed body. Raises `UnexpectedAnswer` where a member is missing or of another kind."""
        if not isinstance(data, dict):
            raise UnexpectedAnswer(f"{cls.__name__}: not an object")
        values: dict[str, Any] = {}
        for one in fields(cls):
            name = wire_name(one.name)
            if one.name in ("raw", "headers"):
                continue
            if name in data:
                values[one.name] = _read(cls._types[one.name], data[name], f"{cls.__name__}.{one.name}")
            elif one.default is MISSING and one.default_factory is MISSING:
                raise UnexpectedAnswer(f"{cls.__name__}: {name} is missing")
        return cls(raw=data, headers=headers or {}, **values)


def _read(hint: Any, value: object, place: str) -> object:  # noqa: ANN401 - a type hint has no type of its own
    """The value as the field's type has it."""
    if typing.get_origin(hint) is types.UnionType:
        wanted = [part for part in typing.get_args(hint) if part is not type(None)]
        return None if value is None else _read(wanted[0], value, place)
    if typing.get_origin(hint) is tuple and isinstance(value, list):
        return tuple(_read(typing.get_args(hint)[0], one, place) for one in value)
    if isinstance(hint, type) and issubclass(hint, Record):
        return hint.of(value)
    read = _READERS.get(hint)
    try:
        return value if read is None else read(value)
    except (ValueError, TypeError, ArithmeticError):
        raise UnexpectedAnswer(f"{place} cannot be read") from None


def _amount(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, Decimal | int | str):
        raise TypeError
    return Decimal(value)


def _time(value: object) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


_READERS: Final[dict[object, Any]] = {Decimal: _amount, datetime: _time, str: _text, int: _number, bool: _truth}
