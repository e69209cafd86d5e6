"""Rows of the audit log, in pages, newest first; or all of them in order of time."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final

from kado.storage.copies import Reader
from kado.storage.database import Connection
from kado.storage.part import COUNT_MAX, Part, part_of
from kado.trail.names import names_of
from kado.trail.row import COLUMNS, Row, row_from
from kado.trail.wanted import Scope, Wanted, conditions

AT_ONCE: Final = 500


async def read_page(reader: Reader, scope: Scope, wanted: Wanted, *, start: int, limit: int) -> Part[Row]:
    """The newest rows that fit, but for the first `start`. Raises `Unavailable`, also where it takes too long."""
    far = max(start + limit, COUNT_MAX)
    values: list[object] = []
    found = _found(scope, wanted, values, "DESC", far + 1)
    values += [limit, start]
    part = f"ORDER BY at DESC, id DESC LIMIT ${len(values) - 1}::bigint OFFSET ${len(values)}::bigint"

    async def work(connection: Connection) -> Part[Row]:
        counted = await connection.fetchrow(
            f"WITH found AS MATERIALIZED ({found})"
            f" SELECT (SELECT count(*) FROM found) AS many, ARRAY(SELECT id::text FROM found {part}) AS ids",
            *values,
        )
        assert counted is not None, "a count is one row"
        rows = await _whole(connection, scope, counted["ids"])
        return part_of(rows, counted["many"], far)

    return await reader.listing(work, in_order=not wanted.is_narrow)


async def read_all(reader: Reader, scope: Scope, wanted: Wanted) -> AsyncIterator[list[Row]]:
    """All rows that fit, oldest first, some hundred at a time. Raises `Unavailable`."""
    after: tuple[datetime, str] | None = None
    while True:
        values: list[object] = []
        found = _found(scope, wanted, values, "ASC", AT_ONCE, after)

        async def work(
            connection: Connection, found: str = found, values: list[object] = values
        ) -> tuple[list[str], list[Row]]:
            ids = [row["id"] for row in await connection.fetch(found, *values)]
            return ids, await _whole(connection, scope, ids)

        ids, rows = await reader.listing(work, in_order=not wanted.is_narrow)
        if rows:
            yield rows
        if len(ids) < AT_ONCE:
            return
        after = rows[-1].at, rows[-1].id


def _found(
    scope: Scope,
    wanted: Wanted,
    values: list[object],
    order: str,
    most: int,
    after: tuple[datetime, str] | None = None,
) -> str:
    """The statement that finds the ids of rows in their order.

    Each source is a walk through one index that ends early: the merchant's own rows, and those of each of its programs,
    most of which are the same.
    """
    fits = conditions(scope, wanted, values)
    if after is not None:
        values += after
        fits += f" AND (a.at, a.id) > (${len(values) - 1}, ${len(values)})"
    values.append(most)
    walk = f"ORDER BY a.at {order}, a.id {order} LIMIT ${len(values)}::bigint"
    if scope.merchant_id is None:
        return f"SELECT a.id, a.at FROM audit_log a WHERE true {fits} {walk}"
    values += [scope.merchant_id, list(scope.program_ids)]
    mine, own = len(values) - 1, len(values)
    return f"""
        SELECT a.id, a.at FROM (
            SELECT id, at FROM (
                SELECT a.id, a.at FROM audit_log a WHERE a.merchant_id = ${mine} {fits} {walk}) m
            UNION
            SELECT w.id, w.at FROM unnest(${own}::text[]) AS p (program_id) CROSS JOIN LATERAL (
                SELECT a.id, a.at FROM audit_log a WHERE a.program_id = p.program_id {fits} {walk}) w) a
        {walk}"""


async def _whole(connection: Connection, scope: Scope, ids: list[str]) -> list[Row]:
    """These rows in this order, with names."""
    found = await connection.fetch(
        f"""
        SELECT {COLUMNS} FROM unnest($1::text[]) WITH ORDINALITY AS u (id, place)
        JOIN audit_log a ON a.id = u.id
        LEFT JOIN card_transaction t ON t.program_id = a.program_id AND t.id = a.id
        LEFT JOIN program p ON p.id = a.program_id
        ORDER BY u.place""",
        ids,
    )
    rows = [row_from(tuple(row)) for row in found]
    names = await names_of(connection, scope, rows)
    return [names.put_on(row) for row in rows]
