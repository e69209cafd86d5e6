"""No cent comes from nowhere: every card against its entries and every program against itself, in one snapshot.

Told by SQL as the superuser, and not by Kado.
"""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import asyncpg
from tests.serving.server import Server

# One statement sees one snapshot.
_BOOKS = """
    WITH entry AS (
        SELECT program_id, card_id, sum(amount)::bigint AS total, count(*) AS entries, max(seq) AS last
          FROM card_transaction GROUP BY program_id, card_id
    ), per_card AS (
        SELECT c.program_id, count(*) AS cards, sum(c.balance)::bigint AS balances,
               count(*) FILTER (WHERE c.balance <> coalesce(e.total, 0)) AS wrong,
               count(*) FILTER (WHERE c.seq <> coalesce(e.entries, 0) OR c.seq <> coalesce(e.last, 0)) AS gaps
          FROM card c LEFT JOIN entry e ON e.program_id = c.program_id AND e.card_id = c.id
         GROUP BY c.program_id
    ), per_type AS (
        SELECT program_id, json_object_agg(type, total) AS sums, sum(entries)::bigint AS entries
          FROM (SELECT program_id, type, sum(amount)::bigint AS total, count(*) AS entries
                  FROM card_transaction GROUP BY program_id, type) AS t
         GROUP BY program_id
    )
    SELECT c.program_id, c.cards, c.balances, c.wrong, c.gaps, t.sums, t.entries
      FROM per_card c JOIN per_type t ON t.program_id = c.program_id
"""

_WAITING = """
    SELECT (SELECT count(*) FROM pgqueuer) AS jobs,
           (SELECT count(*) FROM message WHERE state = 'queued') AS messages
"""

_PAUSE_SECONDS = 5.0
_IN_PROGRAM = ("ACTIVATION", "RELOAD", "REFUND", "REDEMPTION", "VOID")
_BETWEEN_CARDS = ("TRANSFER_IN", "TRANSFER_OUT", "CONSOLIDATION")


@dataclass(frozen=True, slots=True)
class Books:
    """The books of all programs at one moment. Amounts in minor units, signed as the entries are."""

    cards: int
    entries: int
    deviations: list[str]
    """What does not agree, of single cards."""
    programs_off: list[str]
    """What does not agree, of whole programs."""
    sums: dict[str, int]
    """Type of entry → sum over all programs."""


async def look(server: Server) -> Books:
    """The books as they are now."""
    connection = await server.superuser()
    try:
        return await books(connection)
    finally:
        await connection.close()


async def books(connection: "asyncpg.Connection[asyncpg.Record]") -> Books:
    """The same over a connection that may read everything."""
    rows = await connection.fetch(_BOOKS, timeout=120)
    deviations, off, all_sums = [], [], dict.fromkeys((*_IN_PROGRAM, *_BETWEEN_CARDS), 0)
    for row in rows:
        sums: dict[str, int] = json.loads(row["sums"])
        program = row["program_id"]
        if row["wrong"]:
            deviations.append(f"{row['wrong']} cards of {program} are not the sum of their entries")
        if row["gaps"]:
            deviations.append(f"{row['gaps']} cards of {program} have a gap in their numbers")
        inside = sum(sums.get(kind, 0) for kind in _IN_PROGRAM)
        if inside != row["balances"]:
            off.append(f"{program}: entries say {inside}, balances {row['balances']}")
        between = sum(sums.get(kind, 0) for kind in _BETWEEN_CARDS)
        if between:
            off.append(f"{program}: transfers and consolidations come to {between}")
        for kind, total in sums.items():
            all_sums[kind] = all_sums.get(kind, 0) + total
    return Books(
        sum(row["cards"] for row in rows), sum(row["entries"] for row in rows), deviations, off, all_sums
    )  # fmt: skip


@dataclass
class Watch:
    """Looks at the books again and again, and at what waits for the worker."""

    looks: int = 0
    deviations: list[str] = field(default_factory=list)
    programs_off: list[str] = field(default_factory=list)
    most_waiting: int = 0
    last: Books | None = None

    async def run(self, server: Server, over: asyncio.Event, each: Callable[[Books], None]) -> None:
        """Until `over`, and once more then. It takes a tenth of the time at most, however large the books are."""
        while True:
            is_last = over.is_set()
            began = time.monotonic()
            await self.once(server)
            assert self.last is not None
            each(self.last)
            if is_last:
                return
            try:
                async with asyncio.timeout(max(_PAUSE_SECONDS, 9 * (time.monotonic() - began))):
                    await over.wait()
            except TimeoutError:
                continue

    async def once(self, server: Server) -> None:
        self.last = await look(server)
        self.looks += 1
        self.deviations += self.last.deviations
        self.programs_off += self.last.programs_off
        self.most_waiting = max(self.most_waiting, await waiting(server))


async def waiting(server: Server) -> int:
    """Jobs and messages that wait for the worker."""
    connection = await server.superuser()
    try:
        row = await connection.fetchrow(_WAITING)
    finally:
        await connection.close()
    assert row is not None
    return int(row["jobs"]) + int(row["messages"])
