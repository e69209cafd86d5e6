"""Every SQL statement about tills: devices, the codes that make them tills, PINs, and who stands where."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from kado.access.permissions import Role
from kado.storage.batches import affected
from kado.storage.database import Connection

TERMINAL: Final = (
    "t.id, t.merchant_id, t.program_id, t.name, t.location, t.idle_minutes, t.enrolled_by, t.enrolled_at, t.seen_at,"
    " t.revoked_at"
)
"""The columns of a device, of `terminal t`."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """A shared device at a counter. `idle_minutes` is how long a sign-in outlasts the last tap."""

    id: str
    merchant_id: str
    program_id: str
    name: str
    location: str
    idle_minutes: int
    enrolled_by: str
    enrolled_at: datetime
    seen_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Place:
    """What makes a device the till of one counter."""

    program_id: str
    name: str
    location: str
    idle_minutes: int


@dataclass(frozen=True, slots=True)
class CodeRow:
    """A code that makes a till; `place` is None where it is said at the device."""

    merchant_id: str
    made_by: str
    place: Place | None


@dataclass(frozen=True, slots=True)
class LastAction:
    """What can be undone from a sign-in: its card, what was done to it, and the till's reference of it."""

    program_id: str
    card_id: str
    action: str
    reference: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Somebody at a till."""

    session_id: str
    terminal: Terminal
    staff_id: str
    staff_name: str
    role: Role
    last: LastAction | None


# ── devices ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def insert_code(
    connection: Connection, code_hash: bytes, merchant_id: str, made_by: str, place: Place | None, life: timedelta
) -> datetime | None:
    """Write a code that is good for so long from now; when it ends. None where there is this code already."""
    ends: datetime | None = await connection.fetchval(
        "INSERT INTO terminal_code (code_hash, merchant_id, made_by, program_id, name, location, idle_minutes,"
        " expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp() + $8::interval)"
        " ON CONFLICT (code_hash) DO NOTHING RETURNING expires_at",
        code_hash,
        merchant_id,
        made_by,
        place and place.program_id,
        place and place.name,
        place and place.location,
        place and place.idle_minutes,
        life,
    )
    return ends


async def use_code(connection: Connection, code_hash: bytes) -> CodeRow | None:
    """Take the code away; None where there is no such code, or its time is over."""
    row = await connection.fetchrow(
        "DELETE FROM terminal_code WHERE code_hash = $1 AND expires_at > clock_timestamp()"
        " RETURNING merchant_id, made_by, program_id, name, location, idle_minutes",
        code_hash,
    )
    if row is None:
        return None
    said = row["program_id"] is not None
    place = Place(row["program_id"], row["name"], row["location"], row["idle_minutes"]) if said else None
    return CodeRow(row["merchant_id"], row["made_by"], place)


async def peek_code(connection: Connection, code_hash: bytes) -> CodeRow | None:
    """The code, if it is good and says nothing of the place; it stays."""
    row = await connection.fetchrow(
        "SELECT merchant_id, made_by FROM terminal_code WHERE code_hash = $1 AND expires_at > clock_timestamp()"
        " AND program_id IS NULL",
        code_hash,
    )
    return None if row is None else CodeRow(row["merchant_id"], row["made_by"], None)


async def lock_role(connection: Connection, merchant_id: str, staff_id: str) -> Role | None:
    """What somebody is who works for the merchant now; nobody changes that until the transaction ends."""
    role: str | None = await connection.fetchval(
        "SELECT role FROM staff WHERE id = $1 AND merchant_id = $2 AND active FOR SHARE", staff_id, merchant_id
    )
    return None if role is None else Role(role)


async def insert_terminal(
    connection: Connection, terminal_id: str, token_hash: bytes, merchant_id: str, enrolled_by: str, place: Place
) -> None:
    """Write a device."""
    await connection.execute(
        "INSERT INTO terminal (id, token_hash, merchant_id, enrolled_by, program_id, name, location, idle_minutes)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        terminal_id,
        token_hash,
        merchant_id,
        enrolled_by,
        place.program_id,
        place.name,
        place.location,
        place.idle_minutes,
    )


async def find_by_token(connection: Connection, token_hash: bytes, *, even_revoked: bool = False) -> Terminal | None:
    """The device with this token, if it is a till still; or whatever it is."""
    row = await connection.fetchrow(
        f"SELECT {TERMINAL} FROM terminal t WHERE t.token_hash = $1 AND ($2 OR t.revoked_at IS NULL)",
        token_hash,
        even_revoked,
    )
    return None if row is None else Terminal(**dict(row))


async def list_terminals(connection: Connection, merchant_id: str) -> list[Terminal]:
    """The merchant's devices, those that are tills no more too, oldest first."""
    rows = await connection.fetch(
        f"SELECT {TERMINAL} FROM terminal t WHERE t.merchant_id = $1 ORDER BY t.enrolled_at, t.id", merchant_id
    )
    return [Terminal(**dict(row)) for row in rows]


async def lock_terminal(connection: Connection, terminal_id: str) -> Terminal | None:
    """The device with this id, locked."""
    row = await connection.fetchrow(f"SELECT {TERMINAL} FROM terminal t WHERE t.id = $1 FOR UPDATE", terminal_id)
    return None if row is None else Terminal(**dict(row))


async def update_terminal(connection: Connection, terminal: Terminal) -> None:
    """Write what the merchant may change of it."""
    await connection.execute(
        "UPDATE terminal SET name = $2, location = $3, idle_minutes = $4 WHERE id = $1",
        terminal.id,
        terminal.name,
        terminal.location,
        terminal.idle_minutes,
    )


async def revoke_terminal(connection: Connection, terminal_id: str) -> None:
    """It is a till no more, and nobody is signed in there."""
    await connection.execute("UPDATE terminal SET revoked_at = clock_timestamp() WHERE id = $1", terminal_id)
    await connection.execute("DELETE FROM till_session WHERE terminal_id = $1", terminal_id)


# ── PINs ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def write_pin(connection: Connection, staff_id: str, pin_hash: str, version: bytes) -> None:
    """In the place of an earlier one."""
    await connection.execute(
        "INSERT INTO staff_pin (staff_id, pin_hash, pin_version) VALUES ($1, $2, $3) ON CONFLICT (staff_id)"
        " DO UPDATE SET pin_hash = EXCLUDED.pin_hash, pin_version = EXCLUDED.pin_version, set_at = clock_timestamp()",
        staff_id,
        pin_hash,
        version,
    )


async def renew_pin(connection: Connection, staff_id: str, old_hash: str, new_hash: str, version: bytes) -> None:
    """The same PIN under another secret, unless it was changed meanwhile."""
    await connection.execute(
        "UPDATE staff_pin SET pin_hash = $3, pin_version = $4 WHERE staff_id = $1 AND pin_hash = $2",
        staff_id,
        old_hash,
        new_hash,
        version,
    )


async def delete_pin(connection: Connection, staff_id: str) -> bool:
    """Whether there was one."""
    return affected(await connection.execute("DELETE FROM staff_pin WHERE staff_id = $1", staff_id)) > 0


async def find_pin(connection: Connection, merchant_id: str, staff_id: str) -> tuple[str, bytes] | None:
    """Hash and version of the PIN of an active person of the merchant."""
    row = await connection.fetchrow(
        "SELECT p.pin_hash, p.pin_version FROM staff_pin p JOIN staff s ON s.id = p.staff_id"
        " WHERE p.staff_id = $1 AND s.merchant_id = $2 AND s.active",
        staff_id,
        merchant_id,
    )
    return None if row is None else (row["pin_hash"], row["pin_version"])


async def pin_set_at(connection: Connection, staff_id: str) -> datetime | None:
    """Since when somebody has the PIN that they have."""
    found: datetime | None = await connection.fetchval("SELECT set_at FROM staff_pin WHERE staff_id = $1", staff_id)
    return found


async def pins_set_at(connection: Connection, merchant_id: str) -> dict[str, datetime]:
    """By their ids since when the merchant's people have their PINs, closed accounts too."""
    rows = await connection.fetch(
        "SELECT p.staff_id, p.set_at FROM staff_pin p JOIN staff s ON s.id = p.staff_id WHERE s.merchant_id = $1",
        merchant_id,
    )
    return {row["staff_id"]: row["set_at"] for row in rows}


async def list_with_pin(connection: Connection, merchant_id: str) -> list[tuple[str, str]]:
    """Ids and names of the merchant's people who can sign in at a till, in the order of their names."""
    rows = await connection.fetch(
        "SELECT s.id, coalesce(s.name, split_part(s.email, '@', 1)) AS name FROM staff s"
        " JOIN staff_pin p ON p.staff_id = s.id WHERE s.merchant_id = $1 AND s.active"
        " AND s.role <> 'network-administrator' ORDER BY lower(coalesce(s.name, s.email)), s.id",
        merchant_id,
    )
    return [(row["id"], row["name"]) for row in rows]


# ── who stands where ───────────────────────────────────────────────────────────────────────────────────────────────


async def open_session(
    connection: Connection, session_id: str, token_hash: bytes, terminal_id: str, staff_id: str
) -> None:
    """Somebody stands at the device, and nobody else does any more."""
    await connection.execute("SELECT FROM terminal WHERE id = $1 FOR UPDATE", terminal_id)
    await connection.execute("DELETE FROM till_session WHERE terminal_id = $1", terminal_id)
    await connection.execute(
        "INSERT INTO till_session (id, token_hash, terminal_id, staff_id) VALUES ($1, $2, $3, $4)",
        session_id,
        token_hash,
        terminal_id,
        staff_id,
    )
    await connection.execute("UPDATE terminal SET seen_at = clock_timestamp() WHERE id = $1", terminal_id)


async def find_standing(
    connection: Connection, token_hash: bytes, terminal_hash: bytes, longest: timedelta
) -> Standing | None:
    """Who stands at the device, by both tokens; idle time is counted from now. None where it is over."""
    row = await connection.fetchrow(
        "UPDATE till_session x SET seen_at = clock_timestamp() FROM terminal t, staff s"
        " WHERE x.token_hash = $1 AND t.id = x.terminal_id AND t.token_hash = $2 AND t.revoked_at IS NULL"
        " AND s.id = x.staff_id AND s.active AND s.merchant_id = t.merchant_id"
        " AND x.seen_at > clock_timestamp() - make_interval(mins => t.idle_minutes)"
        " AND x.opened_at > clock_timestamp() - $3::interval"
        f" RETURNING {TERMINAL}, x.id AS session_id, s.id AS staff_id, s.role,"
        " coalesce(s.name, split_part(s.email, '@', 1)) AS staff_name,"
        " x.last_program, x.last_card, x.last_action, x.last_reference",
        token_hash,
        terminal_hash,
        longest,
    )
    if row is None:
        return None
    facts = dict(row)
    last = [facts.pop(name) for name in ("last_program", "last_card", "last_action", "last_reference")]
    session_id, staff_id, role, name = (facts.pop(one) for one in ("session_id", "staff_id", "role", "staff_name"))
    return Standing(
        session_id, Terminal(**facts), staff_id, name, Role(role), None if last[3] is None else LastAction(*last)
    )


async def note_last(connection: Connection, session_id: str, last: LastAction | None) -> None:
    """What can be undone from this sign-in from now on."""
    await connection.execute(
        "UPDATE till_session SET last_program = $2, last_card = $3, last_action = $4, last_reference = $5"
        " WHERE id = $1",
        session_id,
        last and last.program_id,
        last and last.card_id,
        last and last.action,
        last and last.reference,
    )


async def close_session(connection: Connection, session_id: str) -> bool:
    """Whether it was open."""
    return affected(await connection.execute("DELETE FROM till_session WHERE id = $1", session_id)) > 0


async def close_of_person(connection: Connection, staff_id: str) -> int:
    """End somebody's sign-ins at all tills; how many there were."""
    return affected(await connection.execute("DELETE FROM till_session WHERE staff_id = $1", staff_id))


async def sweep(connection: Connection, longest: timedelta) -> int:
    """Remove what is over: codes, and sign-ins of longer ago; how many sign-ins that were."""
    await connection.execute("DELETE FROM terminal_code WHERE expires_at <= statement_timestamp()")
    done = await connection.execute(
        "DELETE FROM till_session WHERE opened_at <= statement_timestamp() - $1::interval", longest
    )
    return affected(done)


async def requires_second_factor(connection: Connection, merchant_id: str) -> bool:
    """Whether the merchant's staff can do nothing without one."""
    wanted: bool = await connection.fetchval("SELECT requires_second_factor FROM merchant WHERE id = $1", merchant_id)
    return wanted
