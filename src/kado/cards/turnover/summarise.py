"""Sums entries up, program by program, as far as nothing older can be committed any more.

The sealer knows that moment (`seal_progress`); a minute is left to it besides, so that a clock that is set back for a
little harms nothing, and one that is set back for longer is seen before the sums would need it: they are then taken
back to where the clock is. No posting knows of any of this.
"""

from datetime import datetime, timedelta
from typing import Final

from kado import clock
from kado.cards.turnover.kinds import DIMENSIONS, KIND_OF, MINOR_OF, SLOT_OF, slot_of
from kado.programs.find import list_all
from kado.storage.database import BY_KEYS, Connection, Database

GRACE: Final = timedelta(seconds=60)
BATCH: Final = 5_000
"""Entries that one transaction sums up, so that it takes a fraction of a second."""

_LOCK: Final = """
    SELECT until FROM turnover_progress WHERE program_id = $1 FOR UPDATE SKIP LOCKED"""

_BEGIN: Final = """
    INSERT INTO turnover_progress (program_id, until) VALUES ($1, '1970-01-01 00:00:00+00')
    ON CONFLICT (program_id) DO NOTHING"""

_MOVE: Final = "UPDATE turnover_progress SET until = $2 WHERE program_id = $1"

_NEXT: Final = f"""
    SELECT created_at FROM card_transaction t WHERE program_id = $1 AND created_at >= $2 AND created_at < $3
    ORDER BY created_at OFFSET {BATCH} LIMIT 1"""

_ANY: Final = """
    SELECT EXISTS (SELECT FROM card_transaction WHERE program_id = $1 AND created_at >= $2 AND created_at < $3)"""

_TAKE_BACK: Final = "DELETE FROM turnover WHERE program_id = $1 AND slot >= $2"

_ADD: Final = f"""
    WITH each AS (
        SELECT {KIND_OF} AS kind, t.merchant_id, coalesce(c.design_template, '') AS design, {SLOT_OF} AS slot,
               count(*) AS entries, sum({MINOR_OF}) AS minor
        FROM card_transaction t JOIN card c ON c.program_id = t.program_id AND c.id = t.card_id
        WHERE t.program_id = $1 AND t.created_at >= $2 AND t.created_at < $3 AND NOT c.is_test
        GROUP BY 1, 2, 3, 4),
    part AS (
        SELECT d.dimension, d.value COLLATE "C" AS value, kind COLLATE "C" AS kind, slot,
               sum(entries)::bigint AS entries, sum(minor)::bigint AS minor
        FROM each CROSS JOIN LATERAL {DIMENSIONS} GROUP BY 1, 2, 3, 4)
    INSERT INTO turnover AS old (program_id, dimension, value, kind, slot, entries, minor, entries_total, minor_total)
    SELECT $1, p.dimension, p.value, p.kind, p.slot, p.entries, p.minor,
           coalesce(before.entries_total, 0) + sum(p.entries) OVER so_far,
           coalesce(before.minor_total, 0) + sum(p.minor) OVER so_far
    FROM part p LEFT JOIN LATERAL (
        SELECT entries_total, minor_total FROM turnover t
        WHERE t.program_id = $1 AND t.dimension = p.dimension AND t.value = p.value AND t.kind = p.kind
        ORDER BY t.slot DESC LIMIT 1) before ON true
    WINDOW so_far AS (PARTITION BY p.dimension, p.value, p.kind ORDER BY p.slot)
    ON CONFLICT (program_id, dimension, value, kind, slot) DO UPDATE
    SET entries = old.entries + excluded.entries, minor = old.minor + excluded.minor,
        entries_total = excluded.entries_total, minor_total = excluded.minor_total"""


async def summarise_all(database: Database) -> bool:
    """One round over all programs; whether there is more to do at once. Safe to run in several processes.

    Raises `Unavailable` while the database is away.
    """
    is_more = False
    for program in await list_all(database):
        is_more |= await summarise(database, program.id)
    return is_more


async def summarise(database: Database, program_id: str, *, grace: timedelta = GRACE) -> bool:
    """Sum up the next entries of a program; whether there are more that can be. Raises `Unavailable`."""

    async def work(connection: Connection) -> bool:
        await connection.execute(BY_KEYS)
        # Read before the entries: what is older than this is there for every statement from here on.
        sealed: datetime = await connection.fetchval(
            "SELECT greatest(sealed_until, '1970-01-02 00:00:00+00') FROM seal_progress"
        )
        return await _advance(connection, program_id, sealed, grace)

    return await database.repeat(work)


async def rebuild(database: Database, program_id: str) -> None:
    """Forget all sums of a program, to make them anew from its entries. Raises `Unavailable`."""

    async def work(connection: Connection) -> None:
        await connection.execute(_BEGIN, program_id)
        await connection.fetchval("SELECT until FROM turnover_progress WHERE program_id = $1 FOR UPDATE", program_id)
        await connection.execute("DELETE FROM turnover WHERE program_id = $1", program_id)
        await connection.execute(_MOVE, program_id, clock.EPOCH)

    await database.repeat(work)


async def _advance(connection: Connection, program_id: str, sealed: datetime, grace: timedelta) -> bool:
    since = await connection.fetchval(_LOCK, program_id)
    if since is None:  # another process is at it, or it is the first time
        return bool(await connection.execute(_BEGIN, program_id) == "INSERT 0 1")
    if sealed < since:  # the clock was set back: entries may come that are older than what is summed up
        since = await connection.fetchval(f"SELECT {slot_of('$1::timestamptz')}", sealed)
        await connection.execute(_TAKE_BACK, program_id, since)
        await connection.execute(_MOVE, program_id, since)
        return False
    until = sealed - grace
    if until <= since or not await connection.fetchval(_ANY, program_id, since, until):
        return False
    far = await connection.fetchval(_NEXT, program_id, since, until)
    if far is not None:
        until = max(far, since + timedelta(microseconds=1))
    await connection.execute(_ADD, program_id, since, until)
    await connection.execute(_MOVE, program_id, until)
    return far is not None
