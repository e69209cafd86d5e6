"""Secrets that are kept encrypted come under the current secret key, one by one."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from kado.crypto import VERSION_BYTES, Keyring, Undecipherable
from kado.storage.database import Connection, Database

BATCH: Final = 200


class Stored(NamedTuple):
    """A column with secrets that were encrypted for the purpose `stored-secret`."""

    table: str
    column: str
    keys: tuple[str, ...]
    """The columns of the table's primary key."""
    bound: Callable[[Sequence[str]], str]
    """From the values of the key: what the encryption is bound to."""


STORED: Final = (
    Stored("signing_key", "secret", ("id",), lambda key: key[0]),
    Stored("webhook", "secret", ("id",), lambda key: key[0]),
    Stored("webhook", "previous_secret", ("id",), lambda key: key[0]),
    Stored("staff_totp", "secret", ("staff_id",), lambda key: key[0]),
    Stored("person_export", "person", ("id",), lambda key: key[0]),
    Stored("person_erasure", "person", ("id",), lambda key: key[0]),
    Stored("wallet_registration", "push_token", ("program_id", "id"), lambda key: f"wallet:{key[0]}:{key[1]}"),
    Stored("report_schedule", "recipients", ("program_id", "id"), lambda key: f"report:{key[0]}:{key[1]}"),
    Stored("report_mail", "recipient", ("program_id", "id"), lambda key: f"report-mail:{key[0]}:{key[1]}"),
    Stored("bulk_task", "link", ("program_id", "id"), lambda key: f"bulk:{key[0]}:{key[1]}"),
)


class Moved(NamedTuple):
    """How many secrets came under the current secret key, and how many no configured one opens."""

    done: int
    left: int


async def move(database: Database, keyring: Keyring, stored: Stored) -> Moved:
    """Encrypt anew what is not under the current secret, in small transactions. Raises `Unavailable`."""
    done = left = 0
    after: list[str] = [""] * len(stored.keys)
    while True:
        rows = await database.repeat(lambda connection, after=after: _next(connection, keyring, stored, after))  # type: ignore[misc]
        if not rows:
            return Moved(done, left)
        moved = await database.repeat(lambda connection, rows=rows: _encrypt(connection, keyring, stored, rows))  # type: ignore[misc]
        done, left, after = done + moved.done, left + moved.left, rows[-1][0]


def needs_moving(stored: Stored) -> str:
    """The condition, in which `$1` is the version of the current secret."""
    return f"substr({stored.column}, 1, {VERSION_BYTES}) <> $1"


Row = tuple[list[str], bytes]
"""The values of the key, and what is encrypted."""


async def _next(connection: Connection, keyring: Keyring, stored: Stored, after: list[str]) -> list[Row]:
    names = ", ".join(stored.keys)
    places = ", ".join(f"${at}" for at in range(2, 2 + len(after)))
    rows = await connection.fetch(
        f"SELECT {names}, {stored.column} FROM {stored.table} WHERE {needs_moving(stored)}"
        f" AND ({names}) > ({places}) ORDER BY {names} LIMIT {BATCH}",
        keyring.version,
        *after,
    )
    return [(list(row)[:-1], row[-1]) for row in rows]


async def _encrypt(connection: Connection, keyring: Keyring, stored: Stored, rows: Sequence[Row]) -> Moved:
    where = " AND ".join(f"{name} = ${at}" for at, name in enumerate(stored.keys, 3))
    done = left = 0
    for key, sealed in rows:
        bound = stored.bound(key).encode()
        try:
            plain = keyring.decrypt("stored-secret", sealed, bound)
        except Undecipherable:
            left += 1
            continue
        # Only where it is still the same: whoever changed it meanwhile wrote it under the current secret.
        await connection.execute(
            f"UPDATE {stored.table} SET {stored.column} = $2 WHERE {stored.column} = $1 AND {where}",
            sealed,
            keyring.encrypt("stored-secret", plain, bound),
            *key,
        )
        done += 1
    return Moved(done, left)
