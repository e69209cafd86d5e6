"""A bound on waiting: how many may stand in a queue, and what becomes of those who come when it is full.

A queue that gets shorter quickly may be longer for a moment: a late-comer waits under a second for a place in it. A
queue that does not move is as long as it is allowed to be, and whoever comes then is told to come back at once, rather
than after everybody's patience.
"""

import time
from collections import Counter
from collections.abc import Callable
from typing import Final
from weakref import WeakSet

import structlog

from kado.errors import Unavailable
from kado.observability.meters import TURNED_AWAY, WAITING
from kado.observability.tally import Labels

PLACES: Final = 200
"""How many may wait, unless `KADO_WAITING_MAX` says otherwise."""

_MOMENT_SECONDS: Final = 0.7
_OVERFLOW: Final = 20
_SAY_AGAIN_SECONDS: Final = 5.0
_log: Final = structlog.get_logger("kado.queue")


class Crowd:
    """The rule for one queue, and a count of whom it turned away. `name` stands in the log.

    `length` says how many wait, to whoever looks from outside.
    """

    def __init__(self, name: str, places: int = PLACES, length: Callable[[], int] = lambda: 0) -> None:
        self.name = name
        self.length = length
        self.places = places
        self.moment = _MOMENT_SECONDS
        self.turned_away_total = 0
        self._said_at = float("-inf")
        _crowds.add(self)

    def comes(self, waiting: int) -> bool:
        """Whether somebody comes too late to have a place, `waiting` being how many wait with them.

        Raises `Unavailable` when not even late-comers can be kept.
        """
        if waiting > _OVERFLOW * self.places:
            raise self.turned_away(waiting)
        return waiting > self.places

    def turned_away(self, waiting: int) -> Unavailable:
        """The refusal for whoever got no place. The log says it too, but not for each of them."""
        self.turned_away_total += 1
        TURNED_AWAY.add((self.name,))
        now = time.monotonic()
        if now - self._said_at > _SAY_AGAIN_SECONDS:
            self._said_at = now
            _log.warning("queue full", queue=self.name, waiting=waiting, turned_away_total=self.turned_away_total)
        return Unavailable("busy", "Too many requests are waiting. Send it again in a moment, with the same key.", 1)


_crowds: Final[WeakSet[Crowd]] = WeakSet()


def _lengths() -> Counter[Labels]:
    lengths: Counter[Labels] = Counter()
    for crowd in list(_crowds):
        lengths[crowd.name,] += crowd.length()
    return lengths


WAITING.read_from(_lengths)
