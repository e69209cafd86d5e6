"""Looks at full card numbers, on their way to the log.

An answer does not wait for the row that says who saw it: reads go on while the database takes no writes. What was seen
is gathered and written in lists, a moment later. While it cannot be written it waits, within bounds; what would go
beyond them, and what is left when the server stops, becomes a line of the server's own log instead.
"""

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Final, NamedTuple

import asyncpg
import structlog

from kado.audit import Row, arrays, insertion
from kado.audit.origin import Origin, origin
from kado.errors import Unavailable
from kado.storage.database import AWAY, Connection, Database

ACTION: Final = "pii_access"
"""The contract's word for it."""

CARDS_WAITING_MAX: Final = 100_000
"""So many looks at one card may wait, or so few at very many: some twenty megabytes."""

_TOGETHER: Final = 500
_GATHER_SECONDS: Final = 0.05
_PAUSE_SECONDS: Final = 1.0
_STOP_SECONDS: Final = 3.0
_log: Final = structlog.get_logger("kado.audit")
# A commit whose outcome was lost is tried again with the same rows.
_INSERT: Final = insertion() + " ON CONFLICT (id) DO NOTHING"


class _Look(NamedTuple):
    actor: str
    merchant_id: str
    program_id: str
    card_ids: Sequence[str]
    source: Origin
    seen_at: float  # by the monotonic clock


class Looks:
    """What this process has shown. `most` is how many cards may wait to be written down."""

    def __init__(self, database: Database, most: int = CARDS_WAITING_MAX) -> None:
        self._database = database
        self._most = most
        self._waiting: deque[_Look] = deque()
        self._cards = 0
        self._writing: asyncio.Task[None] | None = None
        self._is_stuck = False

    def note(self, actor: str, merchant_id: str, cards: Iterable[tuple[str, str]]) -> None:
        """The numbers of these cards (program id, card id) are shown to this caller. Returns at once."""
        by_program: dict[str, list[str]] = {}
        for program_id, card_id in cards:
            by_program.setdefault(program_id, []).append(card_id)
        for program_id, ids in by_program.items():
            look = _Look(actor, merchant_id, program_id, ids, origin(), time.monotonic())
            if self._cards + len(ids) > self._most:
                _lost(look)
                continue
            self._waiting.append(look)
            self._cards += len(ids)
        if self._waiting and (self._writing is None or self._writing.done()):
            self._writing = asyncio.create_task(self._write())

    async def written(self) -> None:
        """Wait until everything that was noted so far is in the log."""
        if self._writing is not None:
            await asyncio.shield(self._writing)

    async def close(self) -> None:
        """Write down what is left, while there is time; what remains then stands in the server's log alone."""
        if self._writing is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._writing, _STOP_SECONDS)
        for look in self._waiting:
            _lost(look)
        self._waiting.clear()

    async def _write(self) -> None:
        await asyncio.sleep(_GATHER_SECONDS)
        while self._waiting:
            looks = [self._waiting[at] for at in range(min(_TOGETHER, len(self._waiting)))]
            await self._until_written(looks)
            for look in looks:
                self._waiting.popleft()
                self._cards -= len(look.card_ids)

    async def _until_written(self, looks: Sequence[_Look]) -> None:
        """Try for as long as it takes, with the same rows: a commit whose answer was lost may have happened."""
        rows: list[Row] = []
        while True:
            try:
                rows = rows or await self._rows(looks)
                await self._database.repeat(partial(_insert, rows))
            except (Unavailable, *AWAY, asyncpg.PostgresError) as error:
                if not self._is_stuck:
                    _log.warning("looks at numbers wait", error=type(error).__name__, looks=len(self._waiting))
                self._is_stuck = True
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            if self._is_stuck:
                _log.info("looks at numbers are written again", looks=len(self._waiting))
            self._is_stuck = False
            return

    async def _rows(self, looks: Sequence[_Look]) -> list[Row]:
        """Each at the time of its look, by the database's clock."""
        async with self._database.read() as connection:
            asked = time.monotonic()  # before: with the time after, a look would come before it happened
            now: datetime = await connection.fetchval("SELECT clock_timestamp()")
        began = now - timedelta(seconds=asked)
        return [of_look(*look[:-1], began + timedelta(seconds=look.seen_at)) for look in looks]


def of_look(
    actor: str, merchant_id: str, program_id: str, card_ids: Sequence[str], source: Origin, at: datetime | None = None
) -> Row:
    """The row of a look at these cards of one program."""
    return Row(
        at=at,
        actor=actor,
        action=ACTION,
        merchant_id=merchant_id,
        program_id=program_id,
        subject=card_ids[0] if len(card_ids) == 1 else None,
        details={"cards": list(card_ids)},
        source=source,
    )


async def _insert(rows: Sequence[Row], connection: Connection) -> None:
    await connection.execute(_INSERT, *arrays(rows))


def _lost(look: _Look) -> None:
    """It is written here because it cannot be written there. Ids are no secrets; the address stays out of logs."""
    _log.warning(
        "look at numbers not in the audit log",
        actor=look.actor,
        program=look.program_id,
        cards=list(look.card_ids),
        request_id=look.source.request_id,
    )
