"""What is owed: the sum of all balances, counted once, and then kept up with by the entries since.

To read a million cards every minute would cost more than all else that the worker does. The sealer notes up to when
nothing older can still be committed (`seal_progress`); so the sums at that moment are exact, those at the next such
moment are these and the entries between, and those of now are these and the entries after. From time to time all cards
are counted again, and what comes to another sum than the entries say is a matter for `kado verify`.

Live cards only. An expired balance is still on its card, and counts.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from kado.money import currency
from kado.observability.meters import CARDS, OWED, OWED_CORRECTED
from kado.observability.tally import Labels
from kado.storage.database import Connection, Database

_COUNT_AGAIN_SECONDS: Final = 3600
_LONG_SECONDS: Final = 600
_log: Final = structlog.get_logger("kado.cards")

Sums = dict[str, int]
"""Minor units by program."""


@dataclass(frozen=True, slots=True)
class Owed:
    """What is owed in each program, in minor units, and the currencies of the programs."""

    sums: Sums
    currencies: Mapping[str, str]


@dataclass(slots=True)
class _Book:
    """The sums as they were at a moment before which nothing can be added any more."""

    at: datetime
    sums: Sums
    counted: int
    """When all cards were counted, on the clock that only goes forward."""


class Books:
    """Keeps the sums of one process. `run` is cheap but for once an hour."""

    def __init__(self, database: Database, *, by_program: bool = False) -> None:
        self._database = database
        self._by_program = by_program
        self._book: _Book | None = None

    async def run(self) -> None:
        """Bring the sums up to now, and show them. Raises `Unavailable`."""
        owed = await self.look()
        shown: dict[Labels, int] = {}
        for program_id, minor in owed.sums.items():
            unit = currency(owed.currencies[program_id])
            labels = (unit.code, program_id if self._by_program else "")
            shown[labels] = shown.get(labels, 0) + minor * 10 ** (3 - unit.exponent)
        OWED.show(shown)

    async def look(self) -> Owed:
        """What is owed now. Raises `Unavailable`."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;"
                f" SET LOCAL statement_timeout = '{_LONG_SECONDS}s'"
            )
            settled = await _settled(connection)
            known = self._book
            book = known
            if book is None or settled < book.at or _seconds() - book.counted > _COUNT_AGAIN_SECONDS:
                book = await _counted(connection, settled)
            older, newer = await _moved(connection, book.at, settled)
            sums = _plus(book.sums, older)
            if known is not None and book is not known and known.at <= settled:
                await _compare(connection, known, settled, sums)
            currencies = await connection.fetch("SELECT id, currency FROM program")
        self._book = _Book(settled, sums, book.counted)
        return Owed(_plus(sums, newer), {row["id"]: row["currency"] for row in currencies})


async def look_once(database: Database) -> Owed:
    """What is owed now, for whoever asks once: all cards are read."""
    return await Books(database).look()


async def count_cards(database: Database) -> dict[str, int]:
    """Live cards by state."""
    async with database.read_list(in_order=False) as connection:
        rows = await connection.fetch("SELECT status, count(*) AS cards FROM card WHERE NOT is_test GROUP BY status")
    return {row["status"]: row["cards"] for row in rows}


async def _settled(connection: Connection) -> datetime:
    at: datetime = await connection.fetchval(
        "SELECT greatest(sealed_until, '0001-01-01 00:00:00+00') FROM seal_progress"
    )
    return at


async def _counted(connection: Connection, settled: datetime) -> _Book:
    """Read every card. The entries after `settled` are taken off again, and so the sums are those of that moment."""
    rows = await connection.fetch(
        "SELECT program_id, status, count(*) AS cards, sum(balance)::bigint AS minor FROM card WHERE NOT is_test"
        " GROUP BY program_id, status",
        timeout=_LONG_SECONDS,
    )
    cards: dict[Labels, int] = {}
    sums: Sums = {}
    for row in rows:
        cards[row["status"],] = cards.get((row["status"],), 0) + row["cards"]
        sums[row["program_id"]] = sums.get(row["program_id"], 0) + row["minor"]
    CARDS.show(cards)
    _, newer = await _moved(connection, settled, settled)
    return _Book(settled, _plus(sums, {program_id: -minor for program_id, minor in newer.items()}), _seconds())


async def _moved(connection: Connection, since: datetime, settled: datetime) -> tuple[Sums, Sums]:
    """What entries have moved between these moments, and after them."""
    rows = await connection.fetch(
        "SELECT t.program_id, coalesce(sum(t.amount) FILTER (WHERE t.created_at < $2), 0)::bigint AS older,"
        " coalesce(sum(t.amount) FILTER (WHERE t.created_at >= $2), 0)::bigint AS newer"
        " FROM card_transaction t JOIN card c ON c.program_id = t.program_id AND c.id = t.card_id"
        " WHERE t.created_at >= $1 AND NOT c.is_test GROUP BY t.program_id",
        since,
        settled,
        timeout=_LONG_SECONDS,
    )
    return {row["program_id"]: row["older"] for row in rows}, {row["program_id"]: row["newer"] for row in rows}


async def _compare(connection: Connection, known: _Book, settled: datetime, counted: Sums) -> None:
    """Say so where the balances of all cards do not come to what the entries came to."""
    older, _ = await _moved(connection, known.at, settled)
    expected = _plus(known.sums, older)
    for program_id in sorted(expected.keys() | counted.keys()):
        if expected.get(program_id, 0) != counted.get(program_id, 0):
            OWED_CORRECTED.add()
            _log.error("owed.corrected", program=program_id)


def _plus(sums: Sums, more: Sums) -> Sums:
    return {program_id: sums.get(program_id, 0) + more.get(program_id, 0) for program_id in sums.keys() | more.keys()}


def _seconds() -> int:
    return int(time.monotonic())
