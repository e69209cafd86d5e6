"""Which answers are counted for which program: what a look at unusual traffic rests on."""

import re
from collections.abc import Callable
from typing import Final

from kado.anomalies.counts import RequestCounts

_IN_PROGRAM: Final = re.compile("(?:/v2/giftcards/programs|/balance)/([0-9a-f]{24})(?:/.*)?")
_REFUSED_CHECK: Final = frozenset({400, 404, 429})
"""A check that found no card, needed a captcha or came too often. A body that cannot be read tried nothing."""


def counting(counts: RequestCounts, guessable: re.Pattern[str]) -> Callable[[str, int], None]:
    """Takes the path and the status of every answer, and notes those that are about a program.

    `guessable` are the paths where number and code are tried.
    """

    def count(path: str, status: int) -> None:
        found = _IN_PROGRAM.fullmatch(path)
        if found is not None:
            refused_check = status in _REFUSED_CHECK and guessable.fullmatch(path) is not None
            counts.note(found[1], status, proved_nothing=status == 401 or refused_check)

    return count
