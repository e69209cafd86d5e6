"""PINs: with what people sign in at an enrolled device, many times a day, before everybody's eyes.

Four to eight digits are soon tried out, so they are good at a till alone, every try is counted before it is compared
(for the device, for the person at it, and for the person anywhere), and what is kept is Argon2id over a keyed hash:
whoever has a copy of the database and not the secret key can try nothing.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from kado import audit
from kado.access import attempts, device_store, passwords, staff, till_store
from kado.access.attempts import Exhausted, Kind, Limit, Reservation, Subject
from kado.access.permissions import Role
from kado.access.store import Staff
from kado.access.till_store import Terminal
from kado.crypto import Keyring, token_hash
from kado.errors import Invalid, TooMany, Unauthenticated, Unavailable
from kado.ids import is_id, new_id
from kado.storage.database import Connection, Database

AT_DEVICE: Final = (Limit(30, timedelta(hours=1)),)
OF_PERSON: Final = (Limit(5, timedelta(minutes=15)), Limit(20, timedelta(days=1)))
ANYWHERE: Final = (Limit(40, timedelta(days=1)),)

_PIN: Final = re.compile(r"[0-9]{4,8}", re.ASCII)
_STRAIGHT: Final = "01234567890123456789"
_NOBODY: Final = "0" * 24
_PREFIX: Final = "kado_pos_"


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody who can sign in at the merchant's tills, by the name that stands on the button."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class State:
    """How somebody's PIN stands: since when it is theirs, and in how many seconds it is taken again after wrong tries.

    None: there is no PIN. Nought: it is taken now, at every till.
    """

    set_at: datetime | None
    waits_seconds: int


@dataclass(frozen=True, slots=True)
class AtTill:
    """A sign-in at the only moment its token is known."""

    token: str = field(repr=False)


async def set_pin(database: Database, keyring: Keyring, merchant_id: str, staff_id: str, pin: str, actor: str) -> None:
    """Give somebody a PIN, or another one; where they are signed in at a till, that ends. Locks by wrong tries end too.

    The caller has made sure that `actor` is the person, an owner, a manager or the operator. Raises `Invalid` for what
    is no PIN or the first to be guessed, `NotFound` for somebody who works elsewhere, `Unavailable`.
    """
    if not _PIN.fullmatch(pin):
        raise Invalid(("body", "pin"), "A PIN has 4 to 8 digits.")
    if len(set(pin)) == 1 or pin in _STRAIGHT or pin in _STRAIGHT[::-1]:
        raise Invalid(("body", "pin"), "This is one of the first that anybody would try; take another one.", "weak_pin")
    person = await staff.get(database, merchant_id, staff_id)
    if person.role is Role.NETWORK_ADMINISTRATOR:
        raise Invalid(("body", "staffId"), "A network administrator works at no till.")
    pin_hash = await passwords.hashed(_keyed(keyring, staff_id, pin, keyring.version))

    async def work(connection: Connection) -> None:
        await till_store.write_pin(connection, staff_id, pin_hash, keyring.version)
        await till_store.close_of_person(connection, staff_id)
        await _forget_tries(connection, keyring, merchant_id, staff_id)
        await audit.record(connection, actor=actor, action="staff:pin-set", merchant_id=merchant_id, subject=staff_id)

    await database.repeat(work)


async def set_own(database: Database, keyring: Keyring, person: Staff, pin: str, *, is_confirmed: bool) -> None:
    """Give oneself a PIN, or another one.

    Raises as `set_pin` does, and `Forbidden` (`confirmation_required`) for who has shown a sign-in only: it may be
    stolen, and with a PIN somebody else would work at tills under this name.
    """
    if not is_confirmed:
        raise staff.confirmation_required()
    await set_pin(database, keyring, person.merchant_id, person.id, pin, f"staff:{person.id}")


async def list_set(database: Database, merchant_id: str) -> dict[str, datetime]:
    """By their ids since when the merchant's people have the PINs that they have."""
    async with database.read() as connection:
        return await till_store.pins_set_at(connection, merchant_id)


async def state_of(database: Database, keyring: Keyring, merchant_id: str, staff_id: str) -> State:
    """How the PIN of one of the merchant's people stands. Raises `NotFound`."""
    await staff.get(database, merchant_id, staff_id)
    async with database.read() as connection:
        set_at = await till_store.pin_set_at(connection, staff_id)
        waits = [0]
        for kind, subjects, limits in await _tries(connection, keyring, merchant_id, staff_id):
            waits += await attempts.waits(connection, kind, subjects, limits)
    return State(set_at, max(waits))


async def let_in(database: Database, keyring: Keyring, merchant_id: str, staff_id: str, actor: str) -> None:
    """Forget somebody's wrong tries, so that their PIN is taken again. What was tried at a device stays counted there.

    Raises `NotFound`.
    """
    await staff.get(database, merchant_id, staff_id)

    async def work(connection: Connection) -> None:
        await _forget_tries(connection, keyring, merchant_id, staff_id)
        await audit.record(connection, actor=actor, action="staff:let-in", merchant_id=merchant_id, subject=staff_id)

    await database.repeat(work)


async def take_pin(database: Database, merchant_id: str, staff_id: str, actor: str) -> bool:
    """Take somebody's PIN away: they work at no till any more. Whether there was one. Raises `NotFound`."""
    await staff.get(database, merchant_id, staff_id)

    async def work(connection: Connection) -> bool:
        was_there = await till_store.delete_pin(connection, staff_id)
        await till_store.close_of_person(connection, staff_id)
        if was_there:
            await audit.record(
                connection, actor=actor, action="staff:pin-taken", merchant_id=merchant_id, subject=staff_id
            )
        return was_there

    return await database.repeat(work)


async def colleagues(database: Database, merchant_id: str) -> list[Colleague]:
    """Everybody who can sign in at the merchant's tills, in the order of their names."""
    async with database.read() as connection:
        return [Colleague(*one) for one in await till_store.list_with_pin(connection, merchant_id)]


async def sign_in(database: Database, keyring: Keyring, terminal: Terminal, staff_id: str, pin: str) -> AtTill:
    """Somebody stands at the till now, and whoever stood there before does no more.

    Raises `TooMany` before anything is compared, after five failures of the person at this device in a quarter of an
    hour, twenty a day, forty a day anywhere, or thirty an hour at the device; `Unauthenticated` (`wrong_pin`) with one
    answer and the same work for a wrong PIN, a closed account, and nobody at all; `Unavailable`.
    """
    known_id = staff_id if is_id(staff_id) else _NOBODY
    counted = await _reserve(database, keyring, terminal, known_id)
    async with database.read() as connection:
        known = await till_store.find_pin(connection, terminal.merchant_id, known_id)
    # One that was made with a secret key that is gone fits nothing any more.
    version = known[1] if known is not None and known[1] in keyring.versions else keyring.version
    pin_hash = known[0] if known is not None and known[1] in keyring.versions else None
    try:
        is_right = await passwords.matches(pin_hash, _keyed(keyring, known_id, pin, version))
    except Unavailable:
        await attempts.release(database, counted)
        raise
    if not is_right or pin_hash is None:
        await _note_failure(database, terminal, known_id if known is not None else None)
        raise Unauthenticated("wrong_pin", "This PIN is not right.")
    await attempts.release(database, counted)
    if version != keyring.version:
        renewed = await passwords.hashed(_keyed(keyring, known_id, pin, keyring.version))
        async with database.read() as connection:
            await till_store.renew_pin(connection, known_id, pin_hash, renewed, keyring.version)
    return await _open(database, terminal, known_id)


async def _open(database: Database, terminal: Terminal, staff_id: str) -> AtTill:
    session_id, token = new_id(), _PREFIX + secrets.token_urlsafe(32)

    async def work(connection: Connection) -> None:
        await till_store.open_session(connection, session_id, token_hash(token), terminal.id, staff_id)
        await audit.record(
            connection,
            actor=f"staff:{staff_id}",
            action="till:signed-in",
            merchant_id=terminal.merchant_id,
            subject=terminal.id,
        )

    await database.repeat(work)
    return AtTill(token)


async def _note_failure(database: Database, terminal: Terminal, staff_id: str | None) -> None:
    async with database.transaction() as connection:
        await audit.record(
            connection,
            actor="anonymous",
            action="login_failed",
            merchant_id=terminal.merchant_id,
            subject=staff_id,
            details={"who": "staff", "terminalId": terminal.id},
        )


async def _reserve(database: Database, keyring: Keyring, terminal: Terminal, staff_id: str) -> list[Reservation]:
    """Count the try everywhere or nowhere. Raises `TooMany`."""
    wanted: list[tuple[Kind, str, Sequence[Limit]]] = [
        ("pin-anywhere", staff_id, ANYWHERE),
        ("pin-person", f"{terminal.id} {staff_id}", OF_PERSON),
        ("pin-terminal", terminal.id, AT_DEVICE),
    ]

    async def work(connection: Connection) -> list[Reservation]:
        made = []
        for kind, value, limits in wanted:  # always in this order, so that two tries never wait for each other
            outcome = await attempts.reserve(connection, kind, attempts.subject(keyring, kind, value), limits)
            if isinstance(outcome, Exhausted):
                raise TooMany("too_many_attempts", "There were too many wrong PINs; wait.", outcome.retry_after_seconds)
            made.append(outcome)
        return made

    return await database.repeat(work)


async def _tries(
    connection: Connection, keyring: Keyring, merchant_id: str, staff_id: str
) -> list[tuple[Kind, list[Subject], Sequence[Limit]]]:
    """Where somebody's wrong tries are counted: at each till of the merchant, and anywhere."""
    tills = await device_store.list_ids(connection, merchant_id)
    at_tills = [attempts.subject(keyring, "pin-person", f"{one} {staff_id}") for one in tills]
    anywhere = attempts.subject(keyring, "pin-anywhere", staff_id)
    return [("pin-anywhere", [anywhere], ANYWHERE), ("pin-person", at_tills, OF_PERSON)]


async def _forget_tries(connection: Connection, keyring: Keyring, merchant_id: str, staff_id: str) -> None:
    for kind, subjects, _ in await _tries(connection, keyring, merchant_id, staff_id):
        await attempts.forget_all(connection, kind, subjects)


def _keyed(keyring: Keyring, staff_id: str, pin: str, version: bytes) -> str:
    """What Argon2id is given in the place of the PIN."""
    typed = pin.encode(errors="surrogatepass")
    return keyring.mac("staff-pin", staff_id.encode(), typed, version=version).hex()
