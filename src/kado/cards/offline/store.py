"""Every SQL statement about allowances and what was taken under them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from kado.storage.batches import affected
from kado.storage.database import Connection

_ALLOWANCE: Final = (
    "a.id, a.terminal_id, a.program_id, a.merchant_id, a.staff_id, a.session_id, a.max_take, a.max_total,"
    " a.key_version, a.granted_at, a.expires_at, a.settle_by, a.closed_at"
)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one till may take without a line; amounts in minor units of its program's currency."""

    id: str
    terminal_id: str
    program_id: str
    merchant_id: str
    staff_id: str
    session_id: str
    max_take: int
    max_total: int
    key_version: bytes
    granted_at: datetime
    expires_at: datetime
    settle_by: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Take:
    """What a till says that it took, and what became of it."""

    seq: int
    claim: bytes
    amount: int
    state: str
    code: str | None
    last_four: str | None


@dataclass(frozen=True, slots=True)
class Claimed:
    """What was claimed under an allowance so far."""

    now: datetime
    total: int
    unknown: int
    """How many of them named a card that there is not, or may turn out to."""


@dataclass(frozen=True, slots=True)
class Reported:
    """A take as the shop reads of it. Amounts in minor units."""

    allowance_id: str
    seq: int
    amount: int
    state: str
    code: str | None
    card_id: str | None
    last_four: str | None
    entry_id: str | None
    taken_at: datetime
    arrived_at: datetime
    terminal_id: str
    terminal_name: str
    location: str
    staff_id: str
    staff_name: str


async def insert_allowance(
    connection: Connection, allowance: Allowance, life: timedelta, longer: timedelta
) -> Allowance:
    """Write it, granted at this moment of the database's clock; what was written."""
    row = await connection.fetchrow(
        "INSERT INTO offline_allowance AS a (id, terminal_id, program_id, merchant_id, staff_id, session_id, max_take,"
        " max_total, key_version, granted_at, expires_at, settle_by)"
        " SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9,"
        " t.now, t.now + $10::interval, t.now + $10::interval + $11::interval"
        f" FROM (SELECT date_trunc('second', clock_timestamp()) AS now) t RETURNING {_ALLOWANCE}",
        allowance.id,
        allowance.terminal_id,
        allowance.program_id,
        allowance.merchant_id,
        allowance.staff_id,
        allowance.session_id,
        allowance.max_take,
        allowance.max_total,
        allowance.key_version,
        life,
        longer,
    )
    assert row is not None, "it was written a moment ago"
    return Allowance(**dict(row))


async def find_unused(connection: Connection, like: Allowance, left: timedelta) -> Allowance | None:
    """The newest of the sign-in with the same limits that is good for so much longer, if nothing was taken under it."""
    row = await connection.fetchrow(
        f"SELECT {_ALLOWANCE} FROM offline_allowance a WHERE a.terminal_id = $1 AND a.session_id = $2"
        " AND a.max_take = $3 AND a.max_total = $4 AND a.key_version = $5 AND a.closed_at IS NULL"
        " AND a.expires_at > clock_timestamp() + $6::interval"
        " AND NOT EXISTS (SELECT FROM offline_take o WHERE o.allowance_id = a.id)"
        " ORDER BY a.granted_at DESC, a.id LIMIT 1",
        like.terminal_id,
        like.session_id,
        like.max_take,
        like.max_total,
        like.key_version,
        left,
    )
    return None if row is None else Allowance(**dict(row))


async def find(connection: Connection, allowance_id: str) -> Allowance | None:
    """The allowance with this id."""
    row = await connection.fetchrow(f"SELECT {_ALLOWANCE} FROM offline_allowance a WHERE a.id = $1", allowance_id)
    return None if row is None else Allowance(**dict(row))


async def lock_all(connection: Connection, terminal_id: str) -> dict[str, Allowance]:
    """Every allowance of the device that may be settled still, by its id. Run with the device locked."""
    rows = await connection.fetch(
        f"SELECT {_ALLOWANCE} FROM offline_allowance a WHERE a.terminal_id = $1 AND a.settle_by > clock_timestamp()"
        " ORDER BY a.id FOR UPDATE",
        terminal_id,
    )
    return {row["id"]: Allowance(**dict(row)) for row in rows}


async def close(connection: Connection, allowance_ids: Sequence[str]) -> None:
    """Nothing new is accepted under these."""
    await connection.execute(
        "UPDATE offline_allowance SET closed_at = clock_timestamp() WHERE id = ANY($1::text[])", list(allowance_ids)
    )


async def find_take(connection: Connection, allowance_id: str, seq: int) -> Take | None:
    """What was claimed in this place."""
    row = await connection.fetchrow(
        "SELECT seq, claim, amount, state, code, last_four FROM offline_take WHERE allowance_id = $1 AND seq = $2",
        allowance_id,
        seq,
    )
    return None if row is None else Take(**dict(row))


async def claimed(connection: Connection, allowance_id: str) -> Claimed:
    """All that was claimed under the allowance, whatever became of it."""
    row = await connection.fetchrow(
        "SELECT clock_timestamp() AS now, coalesce(sum(amount), 0)::bigint AS total,"
        " count(*) FILTER (WHERE code = 'card_not_found' OR (state = 'open' AND card_id IS NULL)) AS unknown"
        " FROM offline_take WHERE allowance_id = $1",
        allowance_id,
    )
    assert row is not None, "a sum always has a row"
    return Claimed(row["now"], row["total"], row["unknown"])


async def insert_take(
    connection: Connection, allowance_id: str, seq: int, claim: bytes, amount: int, taken_at: datetime, code: str | None
) -> None:
    """Use the place; with a code, it is refused already."""
    await connection.execute(
        "INSERT INTO offline_take (allowance_id, seq, claim, amount, taken_at, state, code, ended_at)"
        " VALUES ($1, $2, $3, $4, $5, CASE WHEN $6::text IS NULL THEN 'open' ELSE 'refused' END, $6,"
        " CASE WHEN $6::text IS NULL THEN NULL ELSE clock_timestamp() END)",
        allowance_id,
        seq,
        claim,
        amount,
        taken_at,
        code,
    )


async def note_card(connection: Connection, allowance_id: str, seq: int, card_id: str, last_four: str) -> None:
    """From which card it is."""
    await connection.execute(
        "UPDATE offline_take SET card_id = $3, last_four = $4 WHERE allowance_id = $1 AND seq = $2",
        allowance_id,
        seq,
        card_id,
        last_four,
    )


async def end_take(
    connection: Connection, allowance_id: str, seq: int, *, entry_id: str | None, code: str | None
) -> None:
    """What became of it. What was moved is never called refused, whoever finds out last."""
    await connection.execute(
        "UPDATE offline_take SET state = CASE WHEN $3::text IS NULL THEN 'refused' ELSE 'settled' END,"
        " entry_id = $3::text, code = $4, ended_at = clock_timestamp()"
        " WHERE allowance_id = $1 AND seq = $2 AND (state = 'open' OR (state = 'refused' AND $3::text IS NOT NULL))",
        allowance_id,
        seq,
        entry_id,
        code,
    )


async def list_takes(
    connection: Connection, program_id: str, merchant_id: str | None, limit: int, offset: int
) -> list[Reported]:
    """What was taken from cards of the program, newest first: by this merchant's tills, or by all for None."""
    rows = await connection.fetch(
        "SELECT o.allowance_id, o.seq, o.amount, o.state, o.code, o.card_id, o.last_four, o.entry_id, o.taken_at,"
        " o.arrived_at, a.terminal_id, t.name AS terminal_name, t.location, a.staff_id,"
        " coalesce(s.name, split_part(s.email, '@', 1)) AS staff_name"
        " FROM offline_allowance a JOIN offline_take o ON o.allowance_id = a.id"
        " JOIN terminal t ON t.id = a.terminal_id JOIN staff s ON s.id = a.staff_id"
        " WHERE a.program_id = $1 AND ($2::text IS NULL OR a.merchant_id = $2)"
        " ORDER BY o.arrived_at DESC, o.allowance_id, o.seq DESC LIMIT $3 OFFSET $4",
        program_id,
        merchant_id,
        limit,
        offset,
    )
    return [Reported(**dict(row)) for row in rows]


async def exposed(connection: Connection, program_id: str, merchant_id: str | None) -> tuple[int, int]:
    """How many tills may take from cards without a line now, and how much at most in all (minor units)."""
    row = await connection.fetchrow(
        "SELECT count(*) AS tills, coalesce(sum(most), 0)::bigint AS most FROM ("
        " SELECT max(a.max_total) AS most FROM offline_allowance a JOIN terminal t ON t.id = a.terminal_id"
        " WHERE a.program_id = $1 AND ($2::text IS NULL OR a.merchant_id = $2) AND t.revoked_at IS NULL"
        " AND a.closed_at IS NULL AND a.expires_at > clock_timestamp() GROUP BY a.terminal_id) e",
        program_id,
        merchant_id,
    )
    assert row is not None, "a sum always has a row"
    return row["tills"], row["most"]


async def sweep(connection: Connection) -> int:
    """Remove allowances that nothing was taken under, a month after they could be settled: late ones are told of."""
    done = await connection.execute(
        "DELETE FROM offline_allowance a WHERE a.settle_by <= statement_timestamp() - interval '30 days'"
        " AND NOT EXISTS (SELECT FROM offline_take o WHERE o.allowance_id = a.id)"
    )
    return affected(done)
