"""People: who works for a merchant, and how they sign in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import asyncpg
from email_validator import EmailNotValidError, validate_email

from kado import audit
from kado.access import attempts, passwords, store, tokens
from kado.access.attempts import Exhausted, Kind, Limit, Reservation
from kado.access.permissions import Role
from kado.access.store import Merchant, Staff
from kado.crypto import Keyring
from kado.errors import Invalid, Refusal, TooMany, Unauthenticated, Unavailable
from kado.ids import new_id
from kado.storage.database import Connection, Database

LOGINS_BY_EMAIL: Final = (Limit(10, timedelta(hours=1)),)
LOGINS_BY_ADDRESS: Final = (Limit(30, timedelta(hours=1)),)
_NAME_MAX: Final = 255
_EMAIL_MAX: Final = 320
_NOBODY: Final = "0" * 24


@dataclass(frozen=True, slots=True)
class NewMerchant:
    """The ids of a merchant that was just made and of its owner."""

    merchant_id: str
    owner_id: str


async def create_merchant(database: Database, name: str, owner_email: str, password: str, actor: str) -> NewMerchant:
    """A merchant and the person who owns it, both or neither.

    Raises `Invalid` for a name, email or password that cannot be, `Refusal` (`merchant_exists`, `email_taken`).
    """
    if not name.strip() or len(name) > _NAME_MAX or not name.isprintable():
        raise Invalid(("body", "name"), f"A merchant's name has 1 to {_NAME_MAX} printable characters.")
    email = _checked_email(owner_email)
    password_hash = await passwords.hashed(passwords.check(password))
    made = NewMerchant(new_id(), new_id())

    async def work(connection: Connection) -> None:
        await store.insert_merchant(connection, made.merchant_id, name)
        await store.insert_staff(connection, made.owner_id, made.merchant_id, email, password_hash, Role.OWNER)
        facts: dict[tuple[str, str], audit.Facts] = {
            ("merchant:created", made.merchant_id): {"name": name},
            ("staff:created", made.owner_id): {"role": Role.OWNER, "active": True},
        }
        for (action, subject), after in facts.items():
            await audit.record(
                connection, actor=actor, action=action, merchant_id=made.merchant_id, subject=subject, after=after
            )

    try:
        await database.repeat(work)
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name == "staff_email":
            raise Refusal("email_taken", "Someone with this email address exists already.") from None
        raise Refusal("merchant_exists", f"There is a merchant named {name!r} already.") from None
    return made


async def find_merchant(database: Database, name: str) -> Merchant | None:
    """The merchant of exactly this name."""
    async with database.read() as connection:
        return await store.find_merchant(connection, name)


async def list_merchants(database: Database) -> list[Merchant]:
    """All merchants, oldest first: for the operator only."""
    async with database.read() as connection:
        return await store.list_merchants(connection)


async def find(database: Database, staff_id: str) -> Staff | None:
    """The person with this id."""
    async with database.read() as connection:
        found = await store.find_staff(connection, staff_id)
    return None if found is None else found[0]


async def sign_in(database: Database, keyring: Keyring, email: str, password: str, address: str) -> str:
    """A bearer token for one hour. `address` is where the caller is, as `client_address` gives it.

    Raises `TooMany` after ten failures an hour for the email or thirty for the address, before anything is compared;
    `Unauthenticated` with one answer and the same work for a wrong email, a wrong password and a closed account;
    `Unavailable` when too many sign in at once.
    """
    email = email.strip().lower()
    reservations = await _reserve(database, keyring, email, address)
    try:
        staff, now = await _noted(database, await _proved(database, email, password))
    except Unavailable:
        # Nothing was learned about the password, so nothing is held against the one who tried.
        await attempts.release(database, reservations)
        raise
    if staff is None:
        raise Unauthenticated("invalid_credentials", "The email or the password is wrong.")
    await attempts.release(database, reservations)
    return tokens.issue(
        keyring,
        staff_id=staff.id,
        merchant_id=staff.merchant_id,
        role=staff.role,
        now=now,
        valid_from=staff.tokens_valid_from,
    )


async def _noted(database: Database, person: "_Tried") -> tuple[Staff | None, datetime]:
    """Who has signed in, if somebody has, and the database's time; the audit log says so, or that it failed.

    The same work in either case, and whether or not there is such a person: the log names nobody who is not known.
    """

    async def work(connection: Connection) -> tuple[Staff | None, datetime]:
        found = await store.find_staff(connection, person.staff_id or _NOBODY)
        staff = None if found is None else found[0]
        is_in = staff is not None and staff.active and person.is_proved
        await audit.record(
            connection,
            actor=f"staff:{staff.id}" if staff is not None and is_in else "anonymous",
            action="staff:signed-in" if is_in else "login_failed",
            merchant_id=None if staff is None else staff.merchant_id,
            subject=None if staff is None else staff.id,
            details={} if is_in else {"who": "staff"},
        )
        now: datetime = await connection.fetchval("SELECT clock_timestamp()")
        return staff if is_in else None, now

    return await database.repeat(work)


async def _reserve(database: Database, keyring: Keyring, email: str, address: str) -> list[Reservation]:
    """Count the try for the address and for the email, or neither. Raises `TooMany`."""

    async def work(connection: Connection) -> list[Reservation]:
        made = []
        # Always in this order, so that two sign-ins never wait for each other.
        subjects: tuple[tuple[Kind, str, Sequence[Limit]], ...] = (
            ("login-address", address, LOGINS_BY_ADDRESS),
            ("login-email", email, LOGINS_BY_EMAIL),
        )
        for kind, value, limits in subjects:
            outcome = await attempts.reserve(connection, kind, attempts.subject(keyring, kind, value), limits)
            if isinstance(outcome, Exhausted):
                raise TooMany(
                    "too_many_attempts",
                    "There were too many failed sign-ins; wait before you try again.",
                    outcome.retry_after_seconds,
                )
            made.append(outcome)
        return made

    return await database.repeat(work)


@dataclass(frozen=True, slots=True)
class _Tried:
    """Whose email it was, if anybody's, and whether the password was theirs."""

    staff_id: str | None
    is_proved: bool


async def _proved(database: Database, email: str, password: str) -> _Tried:
    """The person whose email this is, and whether it is their password. The same work when there is no such person."""
    known = None
    if len(email) <= _EMAIL_MAX and email.isprintable():  # what else a form can carry, PostgreSQL cannot
        async with database.read() as connection:
            known = await store.find_password(connection, email)
    if not await passwords.matches(known and known[1], password):
        return _Tried(known and known[0], is_proved=False)
    assert known is not None, "nothing matches nobody's hash"
    staff_id, password_hash = known
    if passwords.is_outdated(password_hash):
        renewed = await passwords.hashed(password)
        async with database.read() as connection:
            await store.update_password(connection, staff_id, password_hash, renewed)
    return _Tried(staff_id, is_proved=True)


def _checked_email(email: str) -> str:
    """The address in the one form in which it is stored and looked up. Raises `Invalid`."""
    try:
        return validate_email(email, check_deliverability=False).normalized.lower()
    except EmailNotValidError as error:
        raise Invalid(("body", "email"), f"This is not an email address: {error}") from None
