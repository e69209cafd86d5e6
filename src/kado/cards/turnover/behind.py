"""The entries behind a figure, newest first, in pages: found through the sums, which say where there are any.

A page costs what is on it: the sums tell in which quarters of an hour the entries of these kinds are and how many, so
that neither the entries of other kinds nor those before the page are gone through.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from kado.cards.card import Entry
from kado.cards.find import entry_from_row
from kado.cards.store import ENTRY_COLUMNS
from kado.cards.turnover.figures import EMPTY, MARK, Book, Dimension, read_books, value_of
from kado.cards.turnover.kinds import KIND_OF, MINOR_OF, SLOT, Kind, slot_of
from kado.storage.copies import Reader
from kado.storage.database import Connection

_WIDTH: Final = len(ENTRY_COLUMNS.split(","))


@dataclass(frozen=True, slots=True)
class Behind:
    """An entry with what a list shows of its card. `minor` is what it adds to the sum of its kind, in minor units."""

    entry: Entry
    kind: Kind
    minor: int
    last_four: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedEntries:
    """Entries of these kinds, from `since` until before `until`; of one merchant or design where a value is named."""

    kinds: Sequence[Kind]
    since: datetime
    until: datetime
    dimension: Dimension = ""
    value: str = ""
    limit: int
    start: int = 0


async def list_behind(reader: Reader, program_id: str, wanted: WantedEntries) -> tuple[list[Behind], Book]:
    """A page of them, and what all of them are and come to. Raises `Unavailable`."""
    earlier, later = await read_books(
        reader, program_id, [wanted.since, wanted.until], dimension=wanted.dimension, value=wanted.value
    )
    between = later.get(wanted.value, EMPTY) - earlier.get(wanted.value, EMPTY)
    if between.of(*wanted.kinds).entries <= wanted.start:
        return [], between

    async def work(connection: Connection) -> list[Behind]:
        settled = await connection.fetchval(
            "SELECT greatest(sealed_until, '1970-01-02 00:00:00+00') FROM seal_progress"
        )
        rows = await connection.fetch(
            _statement(wanted.dimension),
            program_id,
            settled,
            wanted.since,
            wanted.until,
            wanted.dimension,
            wanted.value,
            [kind.value for kind in wanted.kinds],
            wanted.limit,
            wanted.start,
        )
        return [
            Behind(entry_from_row(tuple(row)[:_WIDTH]), Kind(row["kind"]), row["minor"], row["last_four"])
            for row in rows
        ]

    return await reader.listing(work, in_order=True), between


_COLUMNS: Final = ", ".join(f"t.{name.strip()}" for name in ENTRY_COLUMNS.split(","))


def _statement(dimension: Dimension) -> str:
    fits = f"NOT c.is_test AND ({KIND_OF}) = ANY($7::text[])"
    if dimension:
        fits += f" AND {value_of(dimension)} = $6"
    entry = f"""
        SELECT {_COLUMNS}, ({KIND_OF}) AS kind, ({MINOR_OF}) AS minor, c.last_four
        FROM card_transaction t JOIN card c ON c.program_id = $1 AND c.id = t.card_id
        WHERE t.program_id = $1 AND t.created_at >= $3 AND {fits}"""
    return f"""
        WITH {MARK},
        edge AS MATERIALIZED (
            SELECT CASE WHEN $4::timestamptz >= m.until THEN m.until ELSE {slot_of("$4::timestamptz")} END AS at
            FROM mark m),
        rest AS MATERIALIZED (
            {entry} AND t.created_at >= (SELECT at FROM edge) AND t.created_at < $4),
        slot AS (
            SELECT s.slot, sum(s.entries) AS entries
            FROM unnest($7::text[]) AS k (kind) CROSS JOIN LATERAL (
                SELECT s.slot, s.entries FROM turnover s
                WHERE s.program_id = $1 AND s.dimension = $5 AND s.value = $6 AND s.kind = k.kind
                  AND s.slot < (SELECT at FROM edge) AND s.slot >= {slot_of("$3::timestamptz")}
                ORDER BY s.slot DESC LIMIT $8::bigint + $9::bigint) s
            GROUP BY s.slot),
        ranked AS (
            SELECT slot, entries,
                   (SELECT count(*) FROM rest) + sum(entries) OVER (ORDER BY slot DESC) - entries AS behind
            FROM slot),
        chosen AS MATERIALIZED (
            SELECT slot, behind FROM ranked
            WHERE behind < $8::bigint + $9::bigint AND behind + entries > $9::bigint),
        found AS (
            SELECT * FROM rest WHERE (SELECT count(*) FROM rest) > $9::bigint
            UNION ALL
            SELECT e.* FROM chosen s CROSS JOIN LATERAL (
                {entry} AND t.created_at >= s.slot AND t.created_at < s.slot + interval '{SLOT}'
                  AND t.created_at < (SELECT at FROM edge)
                OFFSET 0) e)
        SELECT * FROM found ORDER BY created_at DESC, id DESC LIMIT $8::bigint
        OFFSET (SELECT CASE WHEN (SELECT count(*) FROM rest) > $9::bigint THEN $9::bigint
                            ELSE greatest(0, $9::bigint - (SELECT min(behind) FROM chosen)) END)"""
