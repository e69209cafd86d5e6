"""Every SQL statement about signing in: begun and open sign-ins, second factors, recovery codes."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from kado.access.store import STAFF, Staff, staff_of
from kado.storage.database import Connection


@dataclass(frozen=True, slots=True)
class Factor:
    """A second factor, locked, and the database's time."""

    sealed_seed: bytes
    is_confirmed: bool
    last_step: int | None
    now: datetime


# ── sign-ins ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def lock_person(connection: Connection, staff_id: str) -> None:
    """Whoever signs in and whoever confirms a second factor come one after another."""
    await connection.execute("SELECT FROM staff WHERE id = $1 FOR NO KEY UPDATE", staff_id)


async def insert_session(
    connection: Connection,
    session_id: str,
    staff_id: str,
    address: str,
    user_agent: str | None,
    had_second_factor: bool,
    started_at: datetime,
    ends: int,
) -> None:
    """Write an open sign-in; its token ends at `ends`, in seconds since 1970."""
    await connection.execute(
        "INSERT INTO staff_session (id, staff_id, address, user_agent, had_second_factor, started_at, expires_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, to_timestamp($7::float8))",
        session_id,
        staff_id,
        address,
        user_agent,
        had_second_factor,
        started_at,
        ends,
    )


async def prolong_session(
    connection: Connection, session_id: str, staff_id: str, life: timedelta, most: timedelta
) -> tuple[Staff, datetime, datetime] | None:
    """Let an open sign-in go on for `life` from now, but no longer than `most` after its beginning.

    The person, the database's time and the new end; None where it is over, closed, or goes on for as long already.
    """
    row = await connection.fetchrow(
        "UPDATE staff_session x SET expires_at = least(statement_timestamp() + $3::interval, x.started_at + $4)"
        " FROM staff s WHERE x.id = $1 AND x.staff_id = $2 AND s.id = x.staff_id AND s.active AND x.ended_at IS NULL"
        " AND x.expires_at > statement_timestamp()"
        " AND x.expires_at < least(statement_timestamp() + $3::interval, x.started_at + $4)"
        f" RETURNING {STAFF}, statement_timestamp() AS now, x.expires_at",
        session_id,
        staff_id,
        life,
        most,
    )
    return None if row is None else (staff_of(row), row["now"], row["expires_at"])


async def insert_pending(connection: Connection, token_hash: bytes, staff_id: str, life: timedelta) -> None:
    """Write a sign-in that waits for its second factor."""
    await connection.execute(
        "INSERT INTO staff_pending (token_hash, staff_id, expires_at)"
        " VALUES ($1, $2, clock_timestamp() + $3::interval)",
        token_hash,
        staff_id,
        life,
    )


async def count_try(connection: Connection, token_hash: bytes, most: int) -> str | None:
    """Count one more try with this pending token and lock it; whose it is, None where no more may be compared."""
    staff_id: str | None = await connection.fetchval(
        "UPDATE staff_pending SET tries = tries + 1 WHERE token_hash = $1 AND tries < $2"
        " AND expires_at > clock_timestamp() RETURNING staff_id",
        token_hash,
        most,
    )
    return staff_id


async def delete_pending(connection: Connection, token_hash: bytes) -> None:
    """It is used."""
    await connection.execute("DELETE FROM staff_pending WHERE token_hash = $1", token_hash)


# ── second factors ─────────────────────────────────────────────────────────────────────────────────────────────────


async def has_second_factor(connection: Connection, staff_id: str) -> bool:
    """Whether the person has to show one."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM staff_totp WHERE staff_id = $1 AND confirmed_at IS NOT NULL)", staff_id
    )
    return found


async def begin_factor(connection: Connection, staff_id: str, sealed_seed: bytes) -> bool:
    """Write a seed that is to be confirmed, in the place of an earlier one; False where one is confirmed already."""
    done = await connection.execute(
        "INSERT INTO staff_totp AS t (staff_id, secret, begun_at) VALUES ($1, $2, clock_timestamp())"
        " ON CONFLICT (staff_id) DO UPDATE SET secret = EXCLUDED.secret, begun_at = EXCLUDED.begun_at, last_step = NULL"
        " WHERE t.confirmed_at IS NULL",
        staff_id,
        sealed_seed,
    )
    return bool(done != "INSERT 0 0")


async def lock_factor(connection: Connection, staff_id: str) -> Factor | None:
    """The person's second factor, confirmed or not."""
    row = await connection.fetchrow(
        "SELECT secret, confirmed_at IS NOT NULL, last_step, clock_timestamp() FROM staff_totp WHERE staff_id = $1"
        " FOR UPDATE",
        staff_id,
    )
    return None if row is None else Factor(*row)


async def note_step(connection: Connection, staff_id: str, step: int) -> None:
    """A code of this time step was used; it and all before it are good for nothing from now on."""
    await connection.execute("UPDATE staff_totp SET last_step = $2 WHERE staff_id = $1", staff_id, step)


async def confirm_factor(connection: Connection, staff_id: str) -> None:
    """From now on it is asked for."""
    await connection.execute("UPDATE staff_totp SET confirmed_at = clock_timestamp() WHERE staff_id = $1", staff_id)


async def delete_factor(connection: Connection, staff_id: str) -> bool:
    """Forget the factor and its recovery codes; whether there was one."""
    await connection.execute("DELETE FROM staff_recovery_code WHERE staff_id = $1", staff_id)
    return bool(await connection.execute("DELETE FROM staff_totp WHERE staff_id = $1", staff_id) != "DELETE 0")


async def replace_recovery_codes(connection: Connection, staff_id: str, hashes: list[bytes]) -> None:
    """These and no others."""
    await connection.execute("DELETE FROM staff_recovery_code WHERE staff_id = $1", staff_id)
    await connection.execute(
        "INSERT INTO staff_recovery_code (staff_id, code_hash) SELECT $1, unnest($2::bytea[])", staff_id, hashes
    )


async def use_recovery_code(connection: Connection, staff_id: str, code_hash: bytes) -> int | None:
    """Use a code up; how many are left, None where it is not one of the person's, or was used."""
    done = await connection.execute(
        "UPDATE staff_recovery_code SET used_at = clock_timestamp()"
        " WHERE staff_id = $1 AND code_hash = $2 AND used_at IS NULL",
        staff_id,
        code_hash,
    )
    if done == "UPDATE 0":
        return None
    left: int = await connection.fetchval(
        "SELECT count(*) FROM staff_recovery_code WHERE staff_id = $1 AND used_at IS NULL", staff_id
    )
    return left
