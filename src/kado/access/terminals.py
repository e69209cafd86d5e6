"""Terminals: shared devices at a counter, each bound to a merchant, a program and a place.

A device becomes a till by a code that is good once: one that the operator or a manager made beforehand, or one that the
device is given for an owner's or manager's email, password and second factor. It keeps a token; of that a hash is kept.
"""

import base64
import re
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from kado import audit, contacts
from kado.access import device_store, second_factor, sign_in, sign_in_store, till_store
from kado.access.attempts import Reservation, release
from kado.access.device_store import Device
from kado.access.permissions import ROLES, Permission, Role
from kado.access.staff import find
from kado.access.staff import not_found as staff_not_found
from kado.access.store import Staff
from kado.access.till_store import CodeRow, Place, Terminal
from kado.crypto import Keyring, token_hash
from kado.errors import Forbidden, Invalid, MadeAlready, NotFound, Unauthenticated
from kado.ids import is_id
from kado.programs import store as programs
from kado.storage.database import Connection, Database

CODE_LIFE: Final = timedelta(minutes=15)
IDLE_MINUTES: Final = 5
IDLE_MINUTES_MAX: Final = 120
PLACES_MAX: Final = 200
"""Places that are suggested where a new one is named."""

_PREFIX: Final = "kado_term_"
_FORM: Final = re.compile(r"kado_term_[A-Za-z0-9_-]{43}", re.ASCII)
_CODE_CHARS: Final = 20  # of base32: 100 bits
_CODE_BYTES: Final = 13
_CODE: Final = re.compile(r"[A-Z2-7]{20}", re.ASCII)
_GROUP: Final = 5
_TEXT_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class NewCode:
    """A code at the only moment it is known, and when it ends."""

    code: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A device at the only moment its token is known."""

    terminal_id: str
    token: str = field(repr=False)


async def make_code(
    database: Database, merchant_id: str, place: Place, actor: str, chance: bytes | None = None
) -> NewCode:
    """A code that makes one device the till of this place, good for fifteen minutes.

    `chance` is for whoever may ask a second time for the same code: bytes that nobody else knows. Raises `Invalid` for
    a place that cannot be, `NotFound` where the merchant does not reach the program, `MadeAlready` where there is this
    code already, or a till that it has made.
    """
    place = _checked(place)
    code = _new_code(chance)

    async def work(connection: Connection) -> datetime:
        await _require_reach(connection, merchant_id, place.program_id)
        if await device_store.has_terminal(connection, _till_of(_plain(code))):
            raise MadeAlready
        ends = await till_store.insert_code(connection, token_hash(_plain(code)), merchant_id, actor, place, CODE_LIFE)
        if ends is None:
            raise MadeAlready
        details = {"name": place.name, "location": place.location, "programId": place.program_id}
        await audit.record(
            connection, actor=actor, action="terminal:code-made", merchant_id=merchant_id, details=details
        )
        return ends

    return NewCode(code, await database.repeat(work))


async def code_for_person(
    database: Database, keyring: Keyring, email: str, password: str, second: str, address: str
) -> NewCode:
    """A code for the device at which an owner or manager has shown who they are; what the till is, they say there.

    Raises `Unauthenticated` (also `second_factor_needed`, where there is one and none was given), `TooMany`,
    `Unavailable`, and `Forbidden` for others than owners and managers.
    """
    person = await prove_person(database, keyring, email, password, second, address)
    if not _may_enrol(person.role):
        raise Forbidden("permission_denied", "Owners and managers make a device a till.")
    code = _new_code()

    async def work(connection: Connection) -> datetime:
        ends = await till_store.insert_code(
            connection, token_hash(_plain(code)), person.merchant_id, f"staff:{person.id}", None, CODE_LIFE
        )
        assert ends is not None, "no code is made twice by chance"
        return ends

    return NewCode(code, await database.repeat(work))


async def prove_person(
    database: Database, keyring: Keyring, email: str, password: str, second: str, address: str
) -> Staff:
    """Whoever has shown email, password and, where they have one, a second factor at a device.

    Raises as `code_for_person` does, and `Forbidden` (`second_factor_required`) where the merchant wants one.
    """
    staff_id = await sign_in.prove_password(database, keyring, email, password, address)
    person = await find(database, staff_id)
    if person is None:
        raise staff_not_found()
    async with database.read() as connection:
        has_one = await sign_in_store.has_second_factor(connection, staff_id)
        is_required = await till_store.requires_second_factor(connection, person.merchant_id)
    if has_one:
        if not second.strip():
            raise Unauthenticated("second_factor_needed", "Enter a code of your second factor as well.")
        await second_factor.prove(database, keyring, person, second)
    elif is_required:
        raise Forbidden("second_factor_required", "Set up a second factor first.")
    return person


async def merchant_of_code(database: Database, code: str) -> str | None:
    """Whose till the code will make, where what it is is said at the device; None for any other code."""
    async with database.read() as connection:
        row = await till_store.peek_code(connection, token_hash(_plain(code)))
        return row.merchant_id if row is not None and await _stands(connection, row) else None


async def enrol(database: Database, keyring: Keyring, code: str, address: str, place: Place | None = None) -> Enrolled:
    """Make the device a till, against a code. `place` is what was said at the device; the code's own comes first.

    Raises `TooMany` after thirty wrong codes an hour from the address, `Unauthenticated` (`invalid_terminal_code`) for
    any code that is not good, or whose maker could make none now, `Invalid` for a place that cannot be, `NotFound` for
    a program out of reach.
    """
    token, plain = _PREFIX + secrets.token_urlsafe(32), _plain(code)
    terminal_id = _till_of(plain)

    async def count(connection: Connection) -> Reservation:
        return await sign_in.reserve(connection, keyring, "login-address", address, sign_in.BY_ADDRESS)

    counted = await database.repeat(count)

    async def work(connection: Connection) -> None:
        row = await till_store.use_code(connection, token_hash(plain)) if _CODE.fullmatch(plain) else None
        if row is None or not await _stands(connection, row):
            raise Unauthenticated("invalid_terminal_code", "The code is wrong, was used already, or is over.")
        where = row.place or (None if place is None else _checked(place))
        if where is None:
            raise Invalid(("body", "name"), "Say what this till is called, and where it stands.")
        await _require_reach(connection, row.merchant_id, where.program_id)
        await till_store.insert_terminal(
            connection, terminal_id, token_hash(token), row.merchant_id, row.made_by, where
        )
        await _record(connection, "terminal:enrolled", row.merchant_id, terminal_id, row.made_by, None, where)

    await database.repeat(work)
    await release(database, [counted])
    return Enrolled(terminal_id, token)


async def find_by_token(database: Database, token: str) -> Terminal | None:
    """The till whose token this is; None for any other text. Raises `Unavailable`."""
    if _FORM.fullmatch(token) is None:
        return None
    async with database.read() as connection:
        return await till_store.find_by_token(connection, token_hash(token))


async def find_even_revoked(database: Database, token: str) -> Terminal | None:
    """The same for a device that is a till no more: for what it still owes us, and for nothing else."""
    if _FORM.fullmatch(token) is None:
        return None
    async with database.read() as connection:
        return await till_store.find_by_token(connection, token_hash(token), even_revoked=True)


async def list_terminals(database: Database, merchant_id: str) -> list[Terminal]:
    """The merchant's tills, revoked ones too, oldest first."""
    async with database.read() as connection:
        return await till_store.list_terminals(connection, merchant_id)


async def find_devices(
    database: Database, merchant_id: str, text: str, *, is_revoked: bool, limit: int, offset: int
) -> tuple[list[Device], bool]:
    """Devices whose name or place contains the text, by place and name; and whether there are more.

    They are the merchant's tills, or those that are tills no more.
    """
    if not contacts.is_one_line(text):
        return [], False  # nothing is called that
    async with database.read() as connection:
        found = await device_store.find_devices(
            connection, merchant_id, text, is_revoked=is_revoked, limit=limit + 1, offset=offset
        )
    return found[:limit], len(found) > limit


async def get(database: Database, merchant_id: str, terminal_id: str) -> Device:
    """One of the merchant's devices, with who is signed in there. Raises `NotFound`."""
    async with database.read() as connection:
        found = await device_store.find_device(connection, merchant_id, terminal_id) if is_id(terminal_id) else None
    if found is None:
        raise not_found()
    return found


async def list_locations(database: Database, merchant_id: str) -> list[str]:
    """Where the merchant's tills stand, each place once."""
    async with database.read() as connection:
        return await device_store.list_locations(connection, merchant_id, PLACES_MAX)


async def change(
    database: Database,
    merchant_id: str,
    terminal_id: str,
    actor: str,
    *,
    name: str | None = None,
    location: str | None = None,
    idle_minutes: int | None = None,
) -> Terminal:
    """Call it something else, or let sign-ins last longer or shorter; what is None stays.

    Raises `Invalid`, and `NotFound` for a till of another merchant too.
    """

    async def work(connection: Connection) -> Terminal:
        before = await _owned(connection, merchant_id, terminal_id)
        wanted = Place(
            before.program_id,
            before.name if name is None else name,
            before.location if location is None else location,
            before.idle_minutes if idle_minutes is None else idle_minutes,
        )
        place = _checked(wanted)
        after = replace(before, name=place.name, location=place.location, idle_minutes=place.idle_minutes)
        if after != before:
            await till_store.update_terminal(connection, after)
            was = Place(before.program_id, before.name, before.location, before.idle_minutes)
            await _record(connection, "terminal:changed", merchant_id, terminal_id, actor, was, place)
        return after

    return await database.repeat(work)


async def revoke(database: Database, merchant_id: str, terminal_id: str, actor: str) -> None:
    """It is a till no more, and whoever is signed in there is signed out, at once. Doing it again changes nothing.

    Raises `NotFound`, for a till of another merchant too.
    """

    async def work(connection: Connection) -> None:
        before = await _owned(connection, merchant_id, terminal_id)
        if before.revoked_at is None:
            await till_store.revoke_terminal(connection, terminal_id)
            await audit.record(
                connection,
                actor=actor,
                action="terminal:revoked",
                merchant_id=merchant_id,
                subject=terminal_id,
                before={"revoked": False},
                after={"revoked": True},
            )

    await database.repeat(work)


def not_found() -> NotFound:
    """The one answer for another merchant's till and for none at all."""
    return NotFound("terminal_not_found", "There is no such till.")


async def _owned(connection: Connection, merchant_id: str, terminal_id: str) -> Terminal:
    found = await till_store.lock_terminal(connection, terminal_id) if is_id(terminal_id) else None
    if found is None or found.merchant_id != merchant_id:
        raise not_found()
    return found


async def _stands(connection: Connection, row: CodeRow) -> bool:
    """Whether the code's maker could make it now. What the operator made stands by itself."""
    kind, _, staff_id = row.made_by.partition(":")
    if kind != "staff":
        return True
    role = await till_store.lock_role(connection, row.merchant_id, staff_id)
    return role is not None and _may_enrol(role)


def _may_enrol(role: Role) -> bool:
    return Permission.TILLS_WRITE in ROLES[role]


async def _require_reach(connection: Connection, merchant_id: str, program_id: str) -> None:
    if not is_id(program_id) or await programs.find_reachable(connection, program_id, merchant_id) is None:
        raise NotFound("program_not_found", "There is no such program that the merchant reaches.")


async def _record(
    connection: Connection,
    action: str,
    merchant_id: str,
    terminal_id: str,
    actor: str,
    before: Place | None,
    after: Place,
) -> None:
    def facts(of: Place | None) -> audit.Facts | None:
        if of is None:
            return None
        return {
            "name": of.name,
            "location": of.location,
            "programId": of.program_id,
            "idleMinutes": of.idle_minutes,
        }

    await audit.record(
        connection,
        actor=actor,
        action=action,
        merchant_id=merchant_id,
        subject=terminal_id,
        before=facts(before),
        after=facts(after),
    )


def _checked(place: Place) -> Place:
    for name, text in (("name", place.name), ("location", place.location)):
        if not text.strip() or len(text) > _TEXT_MAX or not text.isprintable():
            raise Invalid(("body", name), f"It has 1 to {_TEXT_MAX} printable characters.")
    if not 1 <= place.idle_minutes <= IDLE_MINUTES_MAX:
        raise Invalid(("body", "idleMinutes"), f"A sign-in outlasts 1 to {IDLE_MINUTES_MAX} idle minutes.")
    return replace(place, name=place.name.strip(), location=place.location.strip())


def _new_code(chance: bytes | None = None) -> str:
    drawn = secrets.token_bytes(_CODE_BYTES) if chance is None else chance[:_CODE_BYTES]
    text = base64.b32encode(drawn).decode()[:_CODE_CHARS]
    return "-".join(text[start : start + _GROUP] for start in range(0, _CODE_CHARS, _GROUP))


def _plain(code: str) -> str:
    return code.upper().replace("-", "").replace(" ", "")


def _till_of(plain: str) -> str:
    """The id of the till that a code makes: the same as long as the till is known, so that no code makes two."""
    return token_hash(f"terminal {plain}")[:12].hex()
