"""Requests as they are answered: counted in memory, written down every few seconds, never while somebody waits.

A process that is killed loses what it has counted since; nothing is decided about money or codes by these counts.
"""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog

from kado.anomalies import store
from kado.errors import Unavailable
from kado.storage.database import Connection, Database

FLUSH_SECONDS: Final = 5.0
_KEPT_MINUTES: Final = 60
"""While the database is away this much is kept; what is older is forgotten."""

_STRANGERS_MAX: Final = 1000
"""Programs that nobody has heard of yet. Whoever makes ids up fills no memory with them."""

_SAY_AGAIN_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 2.0
_log: Final = structlog.get_logger("kado.anomalies")


@dataclass(slots=True)
class Count:
    """What a minute had."""

    requests: int = 0
    refused: int = 0
    errors: int = 0
    auth_failures: int = 0


class RequestCounts:
    """The counts of one process. `note` is cheap and touches nothing but memory; `run` writes them down."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counts: dict[tuple[str, int], Count] = {}
        self._known: set[str] = set()
        self._strangers: set[str] = set()
        self._said_at = float("-inf")

    def note(self, program_id: str, status: int, *, proved_nothing: bool) -> None:
        """One more answer to a request whose address names this program."""
        if program_id not in self._known:
            if len(self._strangers) >= _STRANGERS_MAX and program_id not in self._strangers:
                return
            self._strangers.add(program_id)
        count = self._counts.setdefault((program_id, _minute()), Count())
        count.requests += 1
        if status >= 500:
            count.errors += 1
        elif status >= 400:
            count.refused += 1
        if proved_nothing:
            count.auth_failures += 1

    async def flush(self) -> None:
        """Write down what was counted so far, set-based. Raises `Unavailable`; nothing is lost then.

        Where a commit's outcome is not known, some of it may be counted twice.
        """
        taken, self._counts, self._strangers = self._counts, {}, set()
        if not taken:
            return
        now = time.monotonic()
        rows = [
            (program_id, now - 60 * minute, count.requests, count.refused, count.errors, count.auth_failures)
            for (program_id, minute), count in sorted(taken.items())
        ]

        async def work(connection: Connection) -> set[str]:
            return await store.add_counts(connection, rows)

        try:
            known = await self._database.repeat(work)
        except BaseException:
            self._put_back(taken)
            raise
        # Programs are never deleted, so these are as many as there are programs.
        self._known |= known

    async def run(self) -> None:
        """Flush every few seconds until cancelled. While the database is away it keeps what it can."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            try:
                await self.flush()
            except Exception as error:  # noqa: BLE001 - counting goes on, whatever became of this
                self._complain(error)

    async def close(self) -> None:
        """Write down the rest, within a moment, before a graceful stop."""
        with suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(_STOP_SECONDS):
                await self.flush()

    def _put_back(self, taken: dict[tuple[str, int], Count]) -> None:
        oldest = _minute() - _KEPT_MINUTES
        for key, count in taken.items():
            if key[1] >= oldest:
                kept = self._counts.setdefault(key, Count())
                kept.requests += count.requests
                kept.refused += count.refused
                kept.errors += count.errors
                kept.auth_failures += count.auth_failures
        self._strangers |= {program_id for program_id, _ in self._counts} - self._known

    def _complain(self, error: Exception) -> None:
        now = time.monotonic()
        if now - self._said_at > _SAY_AGAIN_SECONDS:
            self._said_at = now
            _log.warning("anomalies.counts_wait", error=type(error).__name__)


def _minute() -> int:
    """Minutes on a clock that nobody sets; what minute that is on the wall, the database says."""
    return int(time.monotonic()) // 60
