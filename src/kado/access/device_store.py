"""Every SQL statement that lists devices, with who stands there now."""

from dataclasses import dataclass
from typing import Any, Final

from kado.access.till_store import TERMINAL, Terminal
from kado.storage.database import Connection

# Whoever is signed in there, unless that has been idle for too long.
_STANDING: Final = (
    "SELECT coalesce(s.name, split_part(s.email, '@', 1)) FROM till_session x JOIN staff s ON s.id = x.staff_id"
    " WHERE x.terminal_id = t.id AND s.active AND s.merchant_id = t.merchant_id"
    " AND x.seen_at > clock_timestamp() - make_interval(mins => t.idle_minutes)"
)


@dataclass(frozen=True, slots=True)
class Device:
    """A terminal with the name of whoever is signed in there now."""

    terminal: Terminal
    standing: str | None


async def find_devices(
    connection: Connection, merchant_id: str, text: str, *, is_revoked: bool, limit: int, offset: int
) -> list[Device]:
    """Those of the merchant's devices whose name or place contains the text: in use, or revoked; by place and name."""
    rows = await connection.fetch(
        f"SELECT {TERMINAL}, ({_STANDING}) AS standing FROM terminal t WHERE t.merchant_id = $1"
        " AND (t.revoked_at IS NOT NULL) = $2"
        " AND ($3 = '' OR strpos(lower(t.name), lower($3)) > 0 OR strpos(lower(t.location), lower($3)) > 0)"
        " ORDER BY lower(t.location), t.location, lower(t.name), t.id LIMIT $4 OFFSET $5",
        merchant_id,
        is_revoked,
        text,
        limit,
        offset,
    )
    return [_device(dict(row)) for row in rows]


async def find_device(connection: Connection, merchant_id: str, terminal_id: str) -> Device | None:
    """The merchant's device with this id."""
    row = await connection.fetchrow(
        f"SELECT {TERMINAL}, ({_STANDING}) AS standing FROM terminal t WHERE t.id = $1 AND t.merchant_id = $2",
        terminal_id,
        merchant_id,
    )
    return None if row is None else _device(dict(row))


async def has_terminal(connection: Connection, terminal_id: str) -> bool:
    """Whether there is a device with this id, or was one."""
    found: bool = await connection.fetchval("SELECT EXISTS (SELECT FROM terminal WHERE id = $1)", terminal_id)
    return found


async def list_locations(connection: Connection, merchant_id: str, limit: int) -> list[str]:
    """Where the merchant's devices stand, each place once, in the order of the names."""
    rows = await connection.fetch(
        "SELECT DISTINCT location FROM terminal WHERE merchant_id = $1 AND revoked_at IS NULL ORDER BY 1 LIMIT $2",
        merchant_id,
        limit,
    )
    return [row["location"] for row in rows]


async def list_ids(connection: Connection, merchant_id: str) -> list[str]:
    """The ids of the merchant's devices that are tills."""
    rows = await connection.fetch(
        "SELECT id FROM terminal WHERE merchant_id = $1 AND revoked_at IS NULL ORDER BY id", merchant_id
    )
    return [row["id"] for row in rows]


def _device(facts: dict[str, Any]) -> Device:
    standing = facts.pop("standing")
    return Device(Terminal(**facts), standing)
