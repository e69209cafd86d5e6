"""How many cards there are in each state, what is on them, and what ends soon: as of a moment ago.

Time alone changes the state of a card, so there is no sum to keep: cards are counted. In a program with many cards that
takes a part of a second; there a worker counts now and then (`count_many`), and whoever looks has the last count.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from kado.cards.card import CardStatus
from kado.cards.store import STATUS_NOW
from kado.programs.find import list_all
from kado.storage.copies import Reader
from kado.storage.database import Connection, Database

HORIZONS: Final = (30, 60, 90)
"""Days ahead for which is counted what ends within them."""

MANY: Final = 20_000
"""From so many cards on, a count serves for a while."""

_SERVES: Final = 20
"""How many times as long as it took: counting takes a twentieth of one connection at most."""

_FEW_SECONDS: Final = 600
"""So long a program is not asked again whether it has many cards by now."""

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


_KEEP: Final = """
    INSERT INTO card_count (program_id, counted_at, due_at, counts)
    VALUES ($1, $2, statement_timestamp() + $3::interval, $4::jsonb)
    ON CONFLICT (program_id) DO UPDATE SET counted_at = EXCLUDED.counted_at, due_at = EXCLUDED.due_at,
                                           counts = EXCLUDED.counts"""


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
    """The counts, for whoever looks."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def of(self, program_id: str) -> Counted:
        """The live cards of a program: as a worker counted them, or counted now. Raises `Unavailable`."""
        kept = await self._reader.looking(lambda connection: _kept(connection, program_id))
        if kept is not None:
            return kept
        return await self._reader.listing(lambda connection: _counted(connection, program_id), in_order=False)


async def count_many(database: Database, few_until: dict[str, float], many: int = MANY) -> None:
    """Count the cards of each program that has many and whose last count has served. Raises `Unavailable`.

    `few_until` is what this process remembers of the others.
    """
    for program in await list_all(database):
        if time.monotonic() < few_until.get(program.id, 0):
            continue
        turn = await _turn(database, program.id, many)
        if turn == "few":
            few_until[program.id] = time.monotonic() + _FEW_SECONDS
        if turn != "due":
            continue
        began = time.monotonic()
        async with database.read_list(in_order=False) as connection:
            counted = await _counted(connection, program.id)
        serves = timedelta(seconds=_SERVES * (time.monotonic() - began))
        async with database.read() as connection:
            await connection.execute(_KEEP, program.id, counted.at, serves, json.dumps(_told(counted)))


async def _turn(database: Database, program_id: str, many: int) -> Literal["few", "later", "due"]:
    """Whether it is time to count: the last count has served, or there are many cards by now and no count."""
    async with database.read() as connection:
        is_due = await connection.fetchval(
            "SELECT due_at <= statement_timestamp() FROM card_count WHERE program_id = $1", program_id
        )
        if is_due is not None:
            return "due" if is_due else "later"
        found = await connection.fetchval(
            "SELECT count(*) FROM (SELECT FROM card WHERE program_id = $1 AND NOT is_test LIMIT $2) c", program_id, many
        )
    return "due" if found >= many else "few"


async def _kept(connection: Connection, program_id: str) -> Counted | None:
    # Where no worker runs, nobody is told what was true long ago.
    row = await connection.fetchrow(
        "SELECT counted_at, counts FROM card_count"
        " WHERE program_id = $1 AND due_at > statement_timestamp() - interval '10 minutes'",
        program_id,
    )
    if row is None:
        return None
    told = json.loads(row["counts"])
    return Counted(
        row["counted_at"],
        {CardStatus(state): Cards(*found) for state, found in told["states"].items()},
        {int(days): Cards(*found) for days, found in told["ending"].items()},
    )


def _told(counted: Counted) -> dict[str, dict[str, tuple[int, int]]]:
    """The counts as JSON knows them."""
    return {
        "states": {state.value: (one.count, one.minor) for state, one in counted.states.items()},
        "ending": {str(days): (one.count, one.minor) for days, one in counted.ending.items()},
    }


async def _counted(connection: Connection, program_id: str) -> Counted:
    rows = await connection.fetch(_COUNT, program_id)
    active = [row for row in rows if row["status"] == CardStatus.ACTIVE]
    return Counted(
        rows[0]["counted_at"] if rows else None,
        {CardStatus(row["status"]): Cards(row["cards"], row["minor"]) for row in rows},
        {
            days: Cards(sum(row[f"in_{days}"] for row in active), sum(row[f"minor_{days}"] for row in active))
            for days in HORIZONS
        },
    )
