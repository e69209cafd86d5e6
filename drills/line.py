"""What a drill says: the promises that it put to the test, and how it tells what it is doing."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """One promise that was put to the test, and what came of it. `guarantee` is its number in the list of them."""

    guarantee: int
    what: str
    figure: str
    held: bool


Tell = Callable[[str], None]
"""Takes a short text about what is going on, for whoever watches."""

Drill = Callable[[Tell, float], list[Line]]
"""A drill: at full size with 1, quicker and weaker with a smaller number. An exception means that it was not held."""
