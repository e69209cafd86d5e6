"""How many cards there are in each state, what is on them, and what ends soon: as of a moment ago.

Time alone changes the state of a card, so there is no sum to keep: cards are counted. In a program with many cards that
takes a part of a second; there a count serves for a while, and whoever asks meanwhile has the last one.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg

from kado.cards.card import CardStatus
from kado.cards.store import STATUS_NOW
from kado.storage.copies import Reader
from kado.storage.database import Connection

HORIZONS: Final = (30, 60, 90)
"""Days ahead for which is counted what ends within them."""

MANY: Final = 20_000
"""From so many cards on, a count serves for a while."""

_SERVES: Final = 20
"""How many times as long as it took: counting takes a twentieth of one connection at most."""

_COUNT: Final = f"""
    SELECT {STATUS_NOW} AS status, count(*) AS cards, sum(c.balance)::bigint AS minor,
           statement_timestamp() AS counted_at,
           {
    ", ".join(
        f"count(*) FILTER (WHERE {{ends}} + interval '{days} days') AS in_{days},"
        f" coalesce(sum(c.balance) FILTER (WHERE {{ends}} + interval '{days} days'), 0)::bigint AS minor_{days}"
        for days in HORIZONS
    ).format(ends="c.balance > 0 AND c.expires_at <= statement_timestamp()")
}
    FROM card c WHERE c.program_id = $1 AND NOT c.is_test GROUP BY 1"""


@dataclass(frozen=True, slots=True)
class Cards:
    """How many, and what is on them in minor units."""

    count: int = 0
    minor: int = 0


@dataclass(frozen=True, slots=True)
class Counted:
    """The cards of a program at a moment. `ending` are those that can be spent and end within so many days."""

    at: datetime | None
    states: Mapping[CardStatus, Cards]
    ending: Mapping[int, Cards]

    def of(self, *states: CardStatus) -> Cards:
        """Those in any of these states."""
        found = [self.states.get(state, Cards()) for state in states]
        return Cards(sum(one.count for one in found), sum(one.minor for one in found))

    @property
    def total(self) -> int:
        """All of them."""
        return sum(one.count for one in self.states.values())


class States:
    """The counts of one process."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._last: dict[str, tuple[float, Counted]] = {}
        self._counting: dict[str, asyncio.Lock] = {}

    async def of(self, program_id: str) -> Counted:
        """The live cards of a program. Raises `Unavailable`."""
        known = self._last.get(program_id)
        if known is not None and time.monotonic() < known[0]:
            return known[1]
        lock = self._counting.setdefault(program_id, asyncio.Lock())
        if lock.locked() and known is not None:
            return known[1]
        async with lock:
            known = self._last.get(program_id)
            if known is not None and time.monotonic() < known[0]:
                return known[1]
            began = time.monotonic()
            counted = await self._count(program_id)
            self._last.pop(program_id, None)
            if counted.total >= MANY:
                ended = time.monotonic()
                self._last[program_id] = (ended + _SERVES * (ended - began), counted)
        return counted

    async def _count(self, program_id: str) -> Counted:
        async def work(connection: Connection) -> list[asyncpg.Record]:
            return list(await connection.fetch(_COUNT, program_id))

        rows = await self._reader.listing(work, in_order=False)
        active = [row for row in rows if row["status"] == CardStatus.ACTIVE]
        return Counted(
            rows[0]["counted_at"] if rows else None,
            {CardStatus(row["status"]): Cards(row["cards"], row["minor"]) for row in rows},
            {
                days: Cards(sum(row[f"in_{days}"] for row in active), sum(row[f"minor_{days}"] for row in active))
                for days in HORIZONS
            },
        )
