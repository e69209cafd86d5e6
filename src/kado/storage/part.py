"""Part of a long list, and how many there are in all, as far as that is counted."""

from dataclasses import dataclass
from typing import Final, Generic, TypeVar

T = TypeVar("T")

COUNT_MAX: Final = 1000
"""How far is counted beyond the page: to count a million takes a million times as long as to count one."""


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """What was asked for of a list. There are `total` in all, or, if that `is_minimum`, at least so many."""

    found: list[T]
    total: int
    is_minimum: bool


def part_of(found: list[T], counted: int, far: int) -> Part[T]:
    """The part, where `counted` is how many there are, counted up to `far` and one more."""
    return Part(found, min(counted, far), is_minimum=counted > far)
