"""A list of postings, watched: how many they were, what the steps took, what came of each."""

import time
from collections.abc import Iterable
from typing import Final

from kado.observability import tracing
from kado.observability.meters import LIST_SECONDS, LIST_SIZE, POSTINGS
from kado.observability.tally import Labels

_size: Final = LIST_SIZE.cell()
_decide, _write, _commit = (LIST_SECONDS.cell((step,)) for step in ("decide", "write", "commit"))


class Watch:
    """One list on its way to its commit. What is rolled back is counted when it comes again."""

    __slots__ = ("_began", "_decided", "_written")

    def __init__(self) -> None:
        self._began = self._decided = self._written = time.perf_counter_ns()

    def decided(self) -> None:
        """The cards are locked and read, and it is settled what becomes of each posting."""
        self._decided = self._written = time.perf_counter_ns()

    def written(self) -> None:
        """All of it has been sent to the database, but for what the commit takes along."""
        self._written = time.perf_counter_ns()

    def committed(self, outcomes: Iterable[Labels], request_ids: Iterable[str | None]) -> None:
        """It is on the disk. `outcomes`: kind and outcome of every posting; `request_ids`: who asked for them."""
        now = time.perf_counter_ns()
        size = 0
        for outcome in outcomes:
            POSTINGS.cell(outcome)[0] += 1
            size += 1
        LIST_SIZE.note_in(_size, size)
        LIST_SECONDS.note_in(_decide, self._decided - self._began)
        LIST_SECONDS.note_in(_write, self._written - self._decided)
        LIST_SECONDS.note_in(_commit, now - self._written)
        if tracing.is_on():
            steps = {
                "kado.list.size": size,
                "kado.list.decide_us": (self._decided - self._began) // 1000,
                "kado.list.write_us": (self._written - self._decided) // 1000,
                "kado.list.commit_us": (now - self._written) // 1000,
            }
            tracing.posting_list(self._began, now, list(request_ids), steps)
