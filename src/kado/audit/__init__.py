"""The audit log: who did what, when and from where, and what was before and after. Rows are only ever added.

An entry's row has the id of the entry, and is written by the statement that writes the entry (`kado.cards.store`).
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct, field

from kado.audit.origin import NOBODY, Origin, origin
from kado.ids import new_id
from kado.storage.database import Connection

Facts = Mapping[str, object]
"""What a row says of a thing: numbers, words and ids; no secrets, and nobody's contacts but masked."""


class Row(Struct, frozen=True, kw_only=True):
    """One row that is to be written. `action` is `noun:verb`; without `at` it is the moment of writing."""

    actor: str
    action: str
    merchant_id: str | None = None
    program_id: str | None = None
    subject: str | None = None
    details: Facts = field(default_factory=dict)
    before: Facts | None = None
    after: Facts | None = None
    source: Origin = NOBODY
    id: str = field(default_factory=new_id)
    at: datetime | None = None


TIME: Final = "system:time"
"""Who did what nobody did: it came about when its time was over."""

COLUMNS: Final = (
    "id at merchant_id program_id actor action subject details address user_agent request_id before after"
).split()
"""In the order of `values`."""

_KINDS: Final = "text timestamptz text text text text text jsonb text text text jsonb jsonb".split()


def values(row: Row) -> tuple[object, ...]:
    """A row as the database takes it; without a moment of its own, its place in time is empty."""
    return (
        row.id,
        row.at,
        row.merchant_id,
        row.program_id,
        row.actor,
        row.action,
        row.subject,
        details_of(row) or "{}",
        row.source.address,
        row.source.user_agent,
        row.source.request_id,
        said(row.before),
        said(row.after),
    )


def insertion(first: int = 1) -> str:
    """The statement that writes rows, whose parameters `arrays` makes; they are counted from `first`."""
    places = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(_KINDS, first))
    columns = ", ".join(COLUMNS)
    return f"""
        INSERT INTO audit_log ({columns})
        SELECT {columns.replace(" at,", " coalesce(at, clock_timestamp()),")}
        FROM unnest({places}) AS u ({columns})"""


def arrays(rows: Sequence[Row]) -> list[list[object]]:
    """The parameters of `insertion`."""
    return [list(column) for column in zip(*map(values, rows), strict=True)] if rows else [[] for _ in COLUMNS]


_INSERT: Final = insertion()


async def write(connection: Connection, rows: Sequence[Row]) -> None:
    """Write the rows on this connection's transaction, in one statement."""
    if rows:
        await connection.execute(_INSERT, *arrays(rows))


async def record(
    connection: Connection,
    *,
    actor: str,
    action: str,
    merchant_id: str | None = None,
    program_id: str | None = None,
    subject: str | None = None,
    details: Facts | None = None,
    before: Facts | None = None,
    after: Facts | None = None,
) -> None:
    """Write one row on this connection's transaction, as coming from wherever this request comes from.

    `action` is `noun:verb`. `details`, `before` and `after` hold no secrets.
    """
    row = Row(
        actor=actor,
        action=action,
        merchant_id=merchant_id,
        program_id=program_id,
        subject=subject,
        details=details or {},
        before=before,
        after=after,
        source=origin(),
    )
    await write(connection, [row])


def changed(before: Facts, after: Facts) -> tuple[Facts, Facts]:
    """What differs between the two, by name, as it was and as it is; None for what is not there."""
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    return {name: before.get(name) for name in names}, {name: after.get(name) for name in names}


def details_of(row: Row) -> str | None:
    """The row's details as they are kept, with whoever brought the customer's session; None where there are none."""
    through = row.source.through
    return said(row.details if through is None else {**row.details, "through": through})


def said(facts: Facts | None) -> str | None:
    """Facts as they are kept; None where there are none."""
    return json.dumps(dict(facts), default=str) if facts else None
