"""Reads what the entries of a program came to at any moments: exactly, and at the same cost whatever there is.

Up to where entries are summed up, a figure is one row: the last one before the moment has all that was there from the
beginning. What lies between the end of that row and the moment is read entry by entry, by an index: less than a quarter
of an hour, or what came since the worker was here last. It is one statement, and so one moment of the database.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

import asyncpg

from kado import clock
from kado.cards.turnover.kinds import KIND_OF, MINOR_OF, Kind, slot_of
from kado.storage.copies import Reader
from kado.storage.database import Connection

Dimension = Literal["", "merchant", "design"]

BEGINNING: Final = clock.EPOCH
ALWAYS: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""Later than any entry: "all that there is"."""


@dataclass(frozen=True, slots=True)
class Sum:
    """How many entries, and what they came to in minor units, signed."""

    entries: int = 0
    minor: int = 0

    def __add__(self, other: "Sum") -> "Sum":
        return Sum(self.entries + other.entries, self.minor + other.minor)

    def __sub__(self, other: "Sum") -> "Sum":
        return Sum(self.entries - other.entries, self.minor - other.minor)


NOTHING: Final = Sum()


@dataclass(frozen=True, slots=True)
class Book:
    """What the entries came to, by kind, from the beginning until a moment or between two."""

    sums: Mapping[Kind, Sum]

    def of(self, *kinds: Kind) -> Sum:
        """All of these kinds together."""
        return sum((self.sums.get(kind, NOTHING) for kind in kinds), NOTHING)

    def __sub__(self, earlier: "Book") -> "Book":
        kinds = self.sums.keys() | earlier.sums.keys()
        return Book({kind: self.of(kind) - earlier.of(kind) for kind in kinds})

    @property
    def moved(self) -> int:
        """By how much all balances together changed, in minor units. Since the beginning: what is owed."""
        return sum(one.minor for kind, one in self.sums.items() if kind is not Kind.PURCHASE)


EMPTY: Final = Book({})

Books = list[dict[str, Book]]
"""For each moment, in the order in which they were asked for: the books by value of the dimension."""


async def read_books(
    reader: Reader,
    program_id: str,
    moments: Sequence[datetime],
    *,
    dimension: Dimension = "",
    value: str | None = None,
) -> Books:
    """What all entries from before each of these moments came to, of live cards.

    By a dimension, for each of its values or for this one alone. Raises `Unavailable`.
    """

    async def work(connection: Connection) -> list[asyncpg.Record]:
        # Read before, and by itself, as it lies elsewhere where programs are spread: an older one is no harm.
        settled = await connection.fetchval(
            "SELECT greatest(sealed_until, '1970-01-02 00:00:00+00') FROM seal_progress"
        )
        more = () if value is None else (value,)
        statement = _statement(dimension, one_value=value is not None)
        return list(await connection.fetch(statement, program_id, settled, list(moments), dimension, *more))

    rows = await reader.listing(work, in_order=True)
    books: list[dict[str, dict[Kind, Sum]]] = [{} for _ in moments]
    for row in rows:
        of_value = books[row["n"] - 1].setdefault(row["value"], {})
        of_value[Kind(row["kind"])] = Sum(row["entries"], row["minor"])
    return [{value: Book(sums) for value, sums in one.items()} for one in books]


async def read_totals(reader: Reader, program_id: str, moments: Sequence[datetime]) -> list[Book]:
    """The same over all of the program. Raises `Unavailable`."""
    return [one.get("", EMPTY) for one in await read_books(reader, program_id, moments)]


MARK: Final = f"""
    mark AS MATERIALIZED (
        SELECT coalesce(
            (SELECT CASE WHEN p.until <= $2 THEN p.until ELSE {slot_of("$2::timestamptz")} END
             FROM turnover_progress p WHERE p.program_id = $1), '1970-01-01 00:00:00+00'::timestamptz) AS until)"""
"""Until where sums can be used; `$2` is what the sealer said."""

_VALUES: Final[Mapping[Dimension, str]] = {
    "": "''",
    "merchant": "t.merchant_id::text",
    "design": "coalesce(c.design_template, '')",
}


def value_of(dimension: Dimension) -> str:
    """SQL for the value that an entry `t` of a card `c` has in this dimension."""
    return f'({_VALUES[dimension]}) COLLATE "C"'


def _statement(dimension: Dimension, *, one_value: bool) -> str:
    of_value, only = value_of(dimension), ""
    if one_value:
        only = f" AND {of_value} = $5"
    named = " AND s.value = $5" if one_value else ""
    # The keys that there are, each found behind the one before it: a walk over the keys, not over their rows.
    first = f"""
        SELECT s.value, s.kind FROM turnover s WHERE s.program_id = $1 AND s.dimension = $4 {named}
        ORDER BY s.value, s.kind LIMIT 1"""
    following = f"""
        SELECT s.value, s.kind FROM turnover s
        WHERE s.program_id = $1 AND s.dimension = $4 AND (s.value, s.kind) > (k.value, k.kind) {named}
        ORDER BY s.value, s.kind LIMIT 1"""
    # Of the rest, moment by moment (OFFSET 0 keeps it so): nobody tells the planner that it is little, and for thirty
    # moments it would rather read all cards with all their entries.
    return f"""
        WITH RECURSIVE {MARK},
        bound AS MATERIALIZED (
            SELECT u.n, u.at, CASE WHEN u.at >= m.until THEN m.until ELSE {slot_of("u.at")} END AS edge
            FROM unnest($3::timestamptz[]) WITH ORDINALITY AS u (at, n), mark m),
        key AS (
            ({first})
            UNION ALL SELECT f.value, f.kind FROM key k CROSS JOIN LATERAL ({following}) f),
        summed AS (
            SELECT b.n, k.value, k.kind, s.entries_total AS entries, s.minor_total AS minor
            FROM bound b CROSS JOIN key k CROSS JOIN LATERAL (
                SELECT s.entries_total, s.minor_total FROM turnover s
                WHERE s.program_id = $1 AND s.dimension = $4 AND s.value = k.value AND s.kind = k.kind
                  AND s.slot < b.edge
                ORDER BY s.slot DESC LIMIT 1) s),
        rest AS (
            SELECT b.n, e.value, e.kind, count(*) AS entries, sum(e.minor) AS minor
            FROM bound b CROSS JOIN LATERAL (
                SELECT {of_value} AS value, ({KIND_OF}) COLLATE "C" AS kind, {MINOR_OF} AS minor
                FROM card_transaction t CROSS JOIN LATERAL (
                    SELECT c.is_test, c.design_template, c.initial_value, c.expires_at FROM card c
                    WHERE c.program_id = $1 AND c.id = t.card_id OFFSET 0) c
                WHERE t.program_id = $1 AND t.created_at >= b.edge AND t.created_at < b.at
                  AND NOT c.is_test {only} OFFSET 0) e
            GROUP BY 1, 2, 3)
        SELECT n::int, value, kind, sum(entries)::bigint AS entries, sum(minor)::bigint AS minor
        FROM (SELECT * FROM summed UNION ALL SELECT * FROM rest) a
        GROUP BY n, value, kind ORDER BY n, value, kind"""
