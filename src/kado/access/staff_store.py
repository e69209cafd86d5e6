"""Every SQL statement about people's accounts beside those of signing in: lists, changes, where they came from."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from asyncpg import Record

from kado.access.permissions import Role
from kado.access.store import STAFF, Staff, staff_of
from kado.storage.database import Connection

_MEMBER: Final = (
    "s.id, s.merchant_id, s.email, s.name, s.role, s.active, s.created_at,"
    " EXISTS (SELECT FROM staff_totp t WHERE t.staff_id = s.id AND t.confirmed_at IS NOT NULL) AS has_second_factor"
)


@dataclass(frozen=True, slots=True)
class Member:
    """A person as colleagues see them."""

    id: str
    merchant_id: str
    email: str
    name: str | None
    role: Role
    active: bool
    created_at: datetime
    has_second_factor: bool


async def list_members(connection: Connection, merchant_id: str) -> list[Member]:
    """The merchant's people, closed accounts too, oldest first."""
    rows = await connection.fetch(
        f"SELECT {_MEMBER} FROM staff s WHERE s.merchant_id = $1 ORDER BY s.created_at, s.id", merchant_id
    )
    return [_member(row) for row in rows]


async def find_member(connection: Connection, merchant_id: str, staff_id: str) -> Member | None:
    """The merchant's person with this id."""
    row = await connection.fetchrow(
        f"SELECT {_MEMBER} FROM staff s WHERE s.id = $1 AND s.merchant_id = $2", staff_id, merchant_id
    )
    return None if row is None else _member(row)


async def find_by_email(connection: Connection, email: str) -> Staff | None:
    """The person with this email, given in lower case; of a closed account too."""
    row = await connection.fetchrow(f"SELECT {STAFF} FROM staff s WHERE lower(s.email) = $1", email)
    return None if row is None else staff_of(row)


async def lock_owners(connection: Connection, merchant_id: str) -> list[str]:
    """The ids of everybody who owns the merchant now, locked, in the order of the ids."""
    rows = await connection.fetch(
        "SELECT id FROM staff WHERE merchant_id = $1 AND role = 'owner' AND active ORDER BY id FOR NO KEY UPDATE",
        merchant_id,
    )
    return [row["id"] for row in rows]


async def lock_member(connection: Connection, merchant_id: str, staff_id: str) -> Member | None:
    """The merchant's person with this id, locked."""
    row = await connection.fetchrow(
        f"SELECT {_MEMBER} FROM staff s WHERE s.id = $1 AND s.merchant_id = $2 FOR NO KEY UPDATE",
        staff_id,
        merchant_id,
    )
    return None if row is None else _member(row)


async def update_member(connection: Connection, member: Member) -> None:
    """Write role and state. No token from before an account was closed is good when it is opened again."""
    await connection.execute(
        "UPDATE staff SET role = $2, active = $3,"
        " tokens_valid_from = CASE WHEN $3 THEN tokens_valid_from ELSE clock_timestamp() END WHERE id = $1",
        member.id,
        member.role.value,
        member.active,
    )


async def set_password(connection: Connection, staff_id: str, password_hash: str) -> Staff | None:
    """Another password, and no token from before is good any more; whose it is, None where there is nobody."""
    row = await connection.fetchrow(
        "UPDATE staff s SET password_hash = $2, tokens_valid_from = clock_timestamp() WHERE s.id = $1"
        f" RETURNING {STAFF}",
        staff_id,
        password_hash,
    )
    return None if row is None else staff_of(row)


async def set_requires_second_factor(connection: Connection, merchant_id: str, required: bool) -> bool | None:
    """Write the merchant's wish; what it was before, None where there is no such merchant."""
    before: bool | None = await connection.fetchval(
        "SELECT requires_second_factor FROM merchant WHERE id = $1 FOR UPDATE", merchant_id
    )
    if before is not None:
        await connection.execute("UPDATE merchant SET requires_second_factor = $2 WHERE id = $1", merchant_id, required)
    return before


async def note_place(connection: Connection, staff_id: str, place: bytes) -> None:
    """The person signs in from there now."""
    await connection.execute(
        "INSERT INTO staff_place (staff_id, place, seen_at) VALUES ($1, $2, clock_timestamp())"
        " ON CONFLICT (staff_id, place) DO UPDATE SET seen_at = EXCLUDED.seen_at",
        staff_id,
        place,
    )


async def knows_place(connection: Connection, email: str, places: list[bytes]) -> bool:
    """Whether the person with this email signed in from one of these places within the last ninety days."""
    known: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM staff_place p JOIN staff s ON s.id = p.staff_id WHERE lower(s.email) = $1"
        " AND s.active AND p.place = ANY ($2) AND p.seen_at > clock_timestamp() - interval '90 days')",
        email,
        places,
    )
    return known


def _member(row: Record) -> Member:
    return Member(**(dict(row) | {"role": Role(row["role"])}))
