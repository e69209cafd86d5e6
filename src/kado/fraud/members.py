"""Reads a rule's `config` member by member; whatever does not fit is refused with its name. No I/O."""

import re
from collections.abc import Iterable, Mapping
from datetime import time
from decimal import Decimal
from enum import StrEnum
from typing import Final, NoReturn, TypeVar
from zoneinfo import ZoneInfo

from kado.errors import Invalid
from kado.money import Currency, TooManyDecimals

E = TypeVar("E", bound=StrEnum)
Loc = tuple[str | int, ...]

TEXT_MAX: Final = 100
_AMOUNT: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,3})?")
_ZONE: Final = re.compile(r"[A-Za-z0-9_+-]{1,30}(/[A-Za-z0-9_+-]{1,30}){0,2}", re.ASCII)
_TIME: Final = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")


class Members:
    """The members of one object. Each is taken once; `done` refuses those that nobody asked for."""

    def __init__(self, loc: Loc, given: object) -> None:
        self.loc = loc
        if not isinstance(given, Mapping):
            raise Invalid(loc, "Input should be an object", "dict_type")
        # A member that is null is one that is left out.
        self._rest = {str(name): value for name, value in given.items() if value is not None}

    def take(self, name: str) -> object:
        """The member as it is; None where there is none."""
        return self._rest.pop(name, None)

    def done(self) -> None:
        """Raises `Invalid` for the first member that nobody asked for."""
        for name in self._rest:
            self.refuse(name, "There is no such member in the config of this rule.")

    def refuse(self, name: str, message: str) -> NoReturn:
        """Raises `Invalid` for this member."""
        raise Invalid((*self.loc, name), message)

    def whole(self, name: str, low: int, high: int) -> int | None:
        """A whole number from low to high."""
        value = self.take(name)
        if value is None:
            return None
        if type(value) is not int or not low <= value <= high:
            self.refuse(name, f"Input should be a whole number from {low} to {high}.")
        return value

    def flag(self, name: str) -> bool:
        """True or false; false where it is left out."""
        value = self.take(name)
        if value is None:
            return False
        if type(value) is not bool:
            self.refuse(name, "Input should be true or false.")
        return value

    def amount(self, name: str, currency: Currency) -> int | None:
        """An amount above zero, in minor units: a decimal string, or an exact number."""
        value = self.take(name)
        if value is None:
            return None
        text = str(value) if type(value) is int else format(value, "f") if isinstance(value, Decimal) else value
        if not isinstance(text, str) or not _AMOUNT.fullmatch(text):
            self.refuse(name, 'Input should be an amount such as "25.00".')
        try:
            minor = currency.minor(Decimal(text))
        except TooManyDecimals as error:
            self.refuse(name, f"{error}.")
        if minor <= 0:
            self.refuse(name, "Input should be more than zero.")
        return minor

    def one_of(self, name: str, words: type[E]) -> E | None:
        """One of these words."""
        value = self.take(name)
        if value is None:
            return None
        return self._word(name, words, value)

    def several_of(self, name: str, words: type[E]) -> frozenset[E] | None:
        """Some of these words, at least one."""
        if (given := self._list(name, len(words))) is None:
            return None
        return frozenset(self._word(name, words, one) for one in given)

    def texts(self, name: str, most: int) -> list[str] | None:
        """At most so many texts, at least one, each of 1 to 100 printable characters."""
        if (given := self._list(name, most)) is None:
            return None
        for one in given:
            if not isinstance(one, str) or not 1 <= len(one) <= TEXT_MAX or not one.isprintable() or not one.strip():
                self.refuse(name, f"Input should be a list of texts of 1 to {TEXT_MAX} printable characters.")
        return [str(one) for one in given]

    def objects(self, name: str, least: int, most: int) -> list[object]:
        """A list of so many things."""
        given = self._list(name, most) or []
        if len(given) < least:
            self.refuse(name, f"Input should be a list of {least} to {most}.")
        return given

    def clock(self, name: str) -> time | None:
        """A time of day, as `08:30`."""
        value = self.take(name)
        if value is None:
            return None
        if not isinstance(value, str) or not _TIME.fullmatch(value):
            self.refuse(name, "Input should be a time such as 08:30, from 00:00 to 23:59.")
        return time.fromisoformat(value)

    def zone(self, name: str) -> str | None:
        """The name of a time zone that is known here, as `Europe/Berlin`."""
        value = self.take(name)
        if value is None:
            return None
        if not isinstance(value, str) or not _ZONE.fullmatch(value) or not _is_zone(value):
            self.refuse(name, "Input should be a time zone such as Europe/Berlin.")
        return value

    def _list(self, name: str, most: int) -> list[object] | None:
        value = self.take(name)
        if value is None:
            return None
        if not isinstance(value, list) or not 1 <= len(value) <= most:
            self.refuse(name, f"Input should be a list of 1 to {most}.")
        return value

    def _word(self, name: str, words: type[E], value: object) -> E:
        known: Iterable[str] = [word.value for word in words]
        if not isinstance(value, str) or value not in known:
            self.refuse(name, f"Input should be one of {', '.join(known)}.")
        return words(value)


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # a folder of zones is an OSError, an unknown zone a KeyError
        return False
    return True
