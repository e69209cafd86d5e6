"""How often one address may come, counted in this process: nothing is guessed at behind it, it only costs time."""

import math
import time
from collections.abc import Callable
from typing import Final

from cachetools import TTLCache

from kado.audit.origin import origin
from kado.errors import TooMany

_SECONDS: Final = 60
_ADDRESSES: Final = 10_000


class Rates:
    """Counts by kind and address, in minutes that begin with the first request."""

    def __init__(self, timer: Callable[[], float] = time.monotonic) -> None:
        self._timer = timer
        self._minutes: TTLCache[tuple[str, str], list[float]] = TTLCache(_ADDRESSES, _SECONDS, timer)

    def count(self, kind: str, most: int) -> None:
        """One more of this kind from where the request comes. Raises `TooMany` beyond so many in a minute."""
        who, now = (kind, origin().address or ""), self._timer()
        seen = self._minutes.get(who)
        if seen is None:
            # The entry's life is counted from here: only its list grows afterwards.
            seen = self._minutes[who] = []
        if len(seen) >= most:
            left = math.ceil(seen[0] + _SECONDS - now)
            raise TooMany("too_many_requests", "Too many requests; come back later.", left)
        seen.append(now)
