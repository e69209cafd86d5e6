"""Every SQL statement about merchants, staff and keys. (Failed tries are counted in `attempts`.)"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NamedTuple

from asyncpg import Record

from kado.access.permissions import Role
from kado.ids import is_id
from kado.storage.database import Connection


@dataclass(frozen=True, slots=True)
class Merchant:
    """A tenant."""

    id: str
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Staff:
    """A person who signs in with a password."""

    id: str
    merchant_id: str
    email: str
    name: str | None
    role: Role
    active: bool
    tokens_valid_from: datetime | None  # None: no token was ever taken back


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides beside the account whether a token is good, and for what."""

    is_ended: bool
    """The sign-in that the token belongs to was ended."""
    lacks_second_factor: bool
    """The merchant wants one of its staff, and this person has none."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept: without the secret."""

    id: str
    merchant_id: str
    is_test: bool
    role: Role
    scopes: tuple[str, ...]
    name: str | None
    created_at: datetime
    revoked_at: datetime | None
    expires_at: datetime | None
    programs: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A signing key as it is kept: with the secret encrypted."""

    id: str
    merchant_id: str
    sealed_secret: bytes
    created_at: datetime
    revoked_at: datetime | None


STAFF: Final = (
    "s.id, s.merchant_id, s.email, s.name, s.role, s.active, nullif(s.tokens_valid_from, '-infinity') AS valid_from"
)
"""The columns of a person, of `staff s`."""

_KEY: Final = "id, merchant_id, is_test, role, scopes, name, created_at, revoked_at, expires_at, programs"


async def insert_merchant(connection: Connection, merchant_id: str, name: str) -> None:
    """Write a merchant. Raises asyncpg's `UniqueViolationError` on `merchant_name_key` when the name is taken."""
    await connection.execute("INSERT INTO merchant (id, name) VALUES ($1, $2)", merchant_id, name)


async def find_merchant(connection: Connection, name: str) -> Merchant | None:
    """The merchant of exactly this name."""
    row = await connection.fetchrow("SELECT id, name, created_at FROM merchant WHERE name = $1", name)
    return None if row is None else Merchant(**dict(row))


async def has_merchant(connection: Connection) -> bool:
    """Whether there is any merchant."""
    found: bool = await connection.fetchval("SELECT EXISTS (SELECT FROM merchant)")
    return found


async def lock_first(connection: Connection) -> None:
    """Nobody else makes the first merchant until the transaction ends."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('kado first merchant', 0))")


async def is_only_merchant(connection: Connection, merchant_id: str) -> bool:
    """Whether there is this merchant and no other."""
    return [row["id"] for row in await connection.fetch("SELECT id FROM merchant LIMIT 2")] == [merchant_id]


async def list_merchants(connection: Connection) -> list[Merchant]:
    """All merchants, oldest first."""
    rows = await connection.fetch("SELECT id, name, created_at FROM merchant ORDER BY created_at, id")
    return [Merchant(**dict(row)) for row in rows]


async def insert_staff(
    connection: Connection,
    staff_id: str,
    merchant_id: str,
    email: str,
    password_hash: str,
    role: Role,
    name: str | None,
) -> None:
    """Write a person. Raises asyncpg's `UniqueViolationError` on `staff_email` when the email is taken."""
    await connection.execute(
        "INSERT INTO staff (id, merchant_id, email, password_hash, role, name) VALUES ($1, $2, $3, $4, $5, $6)",
        staff_id,
        merchant_id,
        email,
        password_hash,
        role.value,
        name,
    )


async def find_staff(connection: Connection, staff_id: str) -> tuple[Staff, datetime] | None:
    """The person with this id, and the database's time."""
    row = await connection.fetchrow(f"SELECT {STAFF}, clock_timestamp() AS now FROM staff s WHERE id = $1", staff_id)
    return None if row is None else (staff_of(row), row["now"])


async def find_standing(
    connection: Connection, staff_id: str, token_id: str
) -> tuple[Staff, Standing, datetime] | None:
    """The person with this id, how the sign-in of this name stands, and the database's time.

    A token whose sign-in was never written down here, or is swept away, stands by its signature alone.
    """
    row = await connection.fetchrow(
        f"SELECT {STAFF}, clock_timestamp() AS now, x.ended_at IS NOT NULL AS is_ended,"
        " m.requires_second_factor AND t.confirmed_at IS NULL AS lacks_second_factor"
        " FROM staff s JOIN merchant m ON m.id = s.merchant_id LEFT JOIN staff_totp t ON t.staff_id = s.id"
        " LEFT JOIN staff_session x ON x.id = $2 AND x.staff_id = s.id WHERE s.id = $1",
        staff_id,
        # What has not the form of an id names nothing, and PostgreSQL need not see it.
        token_id if is_id(token_id) else None,
    )
    if row is None:
        return None
    return staff_of(row), Standing(row["is_ended"], row["lacks_second_factor"]), row["now"]


def staff_of(row: Record) -> Staff:
    """The person in a row of these columns."""
    return Staff(
        row["id"], row["merchant_id"], row["email"], row["name"], Role(row["role"]), row["active"], row["valid_from"]
    )


async def find_password(connection: Connection, email: str) -> tuple[str, str] | None:
    """Id and password hash of the active person with this email, given in lower case."""
    row = await connection.fetchrow("SELECT id, password_hash FROM staff WHERE lower(email) = $1 AND active", email)
    return None if row is None else (row["id"], row["password_hash"])


async def update_password(connection: Connection, staff_id: str, old_hash: str, new_hash: str) -> None:
    """Put a new hash of the same password in the old one's place, unless the password changed meanwhile."""
    await connection.execute(
        "UPDATE staff SET password_hash = $3 WHERE id = $1 AND password_hash = $2", staff_id, old_hash, new_hash
    )


async def insert_key(
    connection: Connection,
    key_id: str,
    merchant_id: str,
    token_hash: bytes,
    is_test: bool,
    role: Role,
    scopes: Sequence[str],
    name: str | None,
    life: timedelta | None,
    programs: Sequence[str] | None,
) -> datetime | None:
    """Write an API key that is good for so long from now; when it ends."""
    expires: datetime | None = await connection.fetchval(
        "INSERT INTO api_key (id, merchant_id, token_hash, is_test, role, scopes, name, expires_at, programs)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp() + $8::interval, $9) RETURNING expires_at",
        key_id,
        merchant_id,
        token_hash,
        is_test,
        role.value,
        list(scopes),
        name,
        life,
        None if programs is None else list(programs),
    )
    return expires


async def find_key(connection: Connection, token_hash: bytes) -> tuple[ApiKey, float] | None:
    """The key whose token has this hash and that is neither revoked nor over, and how many seconds it has yet."""
    row = await connection.fetchrow(
        f"SELECT {_KEY},"
        " coalesce(extract(epoch FROM expires_at - clock_timestamp())::float8, 'infinity') AS seconds_left"
        " FROM api_key WHERE token_hash = $1 AND (revoked_at IS NULL OR revoked_at > clock_timestamp())"
        " AND (expires_at IS NULL OR expires_at > clock_timestamp())",
        token_hash,
    )
    if row is None:
        return None
    return _api_key(dict(row)), row["seconds_left"]


async def find_key_by_id(connection: Connection, key_id: str) -> ApiKey | None:
    """The key with this id, if it is neither revoked nor over."""
    row = await connection.fetchrow(
        f"SELECT {_KEY} FROM api_key WHERE id = $1 AND (revoked_at IS NULL OR revoked_at > clock_timestamp())"
        " AND (expires_at IS NULL OR expires_at > clock_timestamp())",
        key_id,
    )
    return None if row is None else _api_key(dict(row))


async def list_keys(connection: Connection, merchant_id: str) -> list[ApiKey]:
    """All API keys of the merchant, revoked ones too, oldest first."""
    rows = await connection.fetch(
        f"SELECT {_KEY} FROM api_key WHERE merchant_id = $1 ORDER BY created_at, id",
        merchant_id,
    )
    return [_api_key(dict(row)) for row in rows]


class Revoked(NamedTuple):
    """Whose key it is, and whether it was revoked before."""

    merchant_id: str
    already: bool


async def revoke_key(connection: Connection, key_id: str) -> Revoked | None:
    """Revoke an API key, once; None when there is no such key."""
    return await _revoked(connection, "api_key", key_id)


async def insert_signing_key(connection: Connection, key_id: str, merchant_id: str, sealed_secret: bytes) -> None:
    """Write a signing key."""
    await connection.execute(
        "INSERT INTO signing_key (id, merchant_id, secret) VALUES ($1, $2, $3)", key_id, merchant_id, sealed_secret
    )


async def find_signing_key(connection: Connection, key_id: str) -> tuple[SigningKey, datetime] | None:
    """The signing key with this id, if it is not revoked, and the database's time."""
    row = await connection.fetchrow(
        "SELECT id, merchant_id, secret, created_at, revoked_at, clock_timestamp() AS now FROM signing_key"
        " WHERE id = $1 AND (revoked_at IS NULL OR revoked_at > clock_timestamp())",
        key_id,
    )
    if row is None:
        return None
    key = SigningKey(row["id"], row["merchant_id"], row["secret"], row["created_at"], row["revoked_at"])
    return key, row["now"]


async def list_signing_keys(connection: Connection, merchant_id: str) -> list[SigningKey]:
    """All signing keys of the merchant, revoked ones too, oldest first."""
    rows = await connection.fetch(
        "SELECT id, merchant_id, secret AS sealed_secret, created_at, revoked_at FROM signing_key"
        " WHERE merchant_id = $1 ORDER BY created_at, id",
        merchant_id,
    )
    return [SigningKey(**dict(row)) for row in rows]


async def revoke_signing_key(connection: Connection, key_id: str) -> Revoked | None:
    """Revoke a signing key, once; None when there is no such key."""
    return await _revoked(connection, "signing_key", key_id)


async def _revoked(connection: Connection, table: Literal["api_key", "signing_key"], key_id: str) -> Revoked | None:
    row = await connection.fetchrow(f"SELECT merchant_id, revoked_at FROM {table} WHERE id = $1 FOR UPDATE", key_id)
    if row is None:
        return None
    if row["revoked_at"] is None:
        await connection.execute(f"UPDATE {table} SET revoked_at = clock_timestamp() WHERE id = $1", key_id)
    return Revoked(row["merchant_id"], row["revoked_at"] is not None)


def _api_key(row: dict[str, Any]) -> ApiKey:
    programs = row["programs"]
    facts = {name: row[name] for name in ("id", "merchant_id", "is_test", "name", "created_at", "revoked_at")}
    return ApiKey(
        **facts,
        role=Role(row["role"]),
        scopes=tuple(row["scopes"]),
        expires_at=row["expires_at"],
        programs=None if programs is None else tuple(programs),
    )
