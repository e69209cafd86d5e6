"""People: who works for a merchant, and as what. How they sign in is said in `sign_in`."""

from dataclasses import dataclass, replace
from typing import Final

import asyncpg
from email_validator import EmailNotValidError, validate_email

from kado import audit
from kado.access import attempts, passwords, sessions, staff_store, store
from kado.access.permissions import Role
from kado.access.staff_store import Member
from kado.access.store import Merchant, Staff
from kado.crypto import Keyring
from kado.errors import Forbidden, Invalid, NotFound, Refusal
from kado.ids import new_id
from kado.storage.database import Connection, Database

POWERFUL: Final = frozenset({Role.OWNER, Role.MANAGER})
"""Roles with which much can be done: a token alone gives them to nobody."""

EMAIL_TAKEN: Final = "email_taken"
NOT_FIRST: Final = "not_first"

_NAME_MAX: Final = 255


@dataclass(frozen=True, slots=True)
class NewMerchant:
    """The ids of a merchant that was just made and of its owner."""

    merchant_id: str
    owner_id: str


async def create_merchant(
    database: Database, name: str, owner_email: str, password: str, actor: str, *, is_first: bool = False
) -> NewMerchant:
    """A merchant and the person who owns it, both or neither; with `is_first` only where there is no merchant yet.

    Raises `Invalid` for a name, email or password that cannot be, `Refusal` (`merchant_exists`, `email_taken`,
    `not_first`).
    """
    if not name.strip() or len(name) > _NAME_MAX or not name.isprintable():
        raise Invalid(("body", "name"), f"A merchant's name has 1 to {_NAME_MAX} printable characters.")
    email = _checked_email(owner_email)
    password_hash = await passwords.hashed(passwords.check(password))
    made = NewMerchant(new_id(), new_id())

    async def work(connection: Connection) -> None:
        if is_first:
            await store.lock_first(connection)
            if await store.has_merchant(connection):
                raise Refusal(NOT_FIRST, "There is a merchant already.")
        await store.insert_merchant(connection, made.merchant_id, name)
        await store.insert_staff(connection, made.owner_id, made.merchant_id, email, password_hash, Role.OWNER, None)
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
        if (error.constraint_name or "").startswith("staff_email"):  # a cluster adds the number of a shard
            raise _email_taken() from None
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


async def list_staff(database: Database, merchant_id: str) -> list[Member]:
    """Everybody who works or worked for the merchant, oldest account first."""
    async with database.read() as connection:
        return await staff_store.list_members(connection, merchant_id)


async def get(database: Database, merchant_id: str, staff_id: str) -> Member:
    """One of the merchant's people. Raises `NotFound`, for somebody who works elsewhere too."""
    async with database.read() as connection:
        found = await staff_store.find_member(connection, merchant_id, staff_id)
    if found is None:
        raise not_found()
    return found


async def find_by_email(database: Database, email: str) -> Staff:
    """The person who signs in with this email. Raises `NotFound`."""
    async with database.read() as connection:
        found = await staff_store.find_by_email(connection, email.strip().lower())
    if found is None:
        raise not_found()
    return found


async def add(
    database: Database, merchant_id: str, email: str, password: str, role: Role, name: str | None, actor: str
) -> str:
    """Somebody new; their id. Raises `Invalid`, `Refusal` (`email_taken`), `NotFound` for an unknown merchant."""
    email, name = _checked_email(email), _checked_name(name)
    password_hash = await passwords.hashed(passwords.check(password))
    staff_id = new_id()

    async def work(connection: Connection) -> None:
        await store.insert_staff(connection, staff_id, merchant_id, email, password_hash, role, name)
        await _record(connection, "staff:created", merchant_id, staff_id, actor, None, {"role": role, "active": True})

    try:
        await database.repeat(work)
    except asyncpg.UniqueViolationError:
        raise _email_taken() from None
    except asyncpg.ForeignKeyViolationError:
        raise NotFound("merchant_not_found", "There is no such merchant.") from None
    return staff_id


async def change(
    database: Database,
    merchant_id: str,
    staff_id: str,
    actor: str,
    *,
    role: Role | None = None,
    active: bool | None = None,
    is_confirmed: bool = True,
) -> Member:
    """Give the person another role, close the account or open it again; what is None stays.

    A closed account's sign-ins end; running servers follow within 30 seconds. Raises `NotFound` where the merchant has
    no such person, `Refusal` (`last_owner`) where nobody would be left who owns the merchant, and `Forbidden`
    (`confirmation_required`) where who asks has shown a token only and somebody would become powerful by it.
    """

    async def work(connection: Connection) -> Member:
        # All owners are locked before anything is decided: of two who leave at once, the second one stays.
        owners = await staff_store.lock_owners(connection, merchant_id)
        before = await staff_store.lock_member(connection, merchant_id, staff_id)
        if before is None:
            raise not_found()
        after = replace(
            before, role=before.role if role is None else role, active=before.active if active is None else active
        )
        if not is_confirmed and _gains_power(before, after):
            raise confirmation_required()
        if owners == [staff_id] and not (after.active and after.role is Role.OWNER):
            raise Refusal("last_owner", "This is the merchant's only owner; make somebody else one first.")
        await staff_store.update_member(connection, after)
        if not after.active:
            await sessions.end_all_of_person(connection, staff_id)
        if (before.role, before.active) != (after.role, after.active):
            was, now = ({"role": one.role, "active": one.active} for one in (before, after))
            await _record(connection, "staff:changed", merchant_id, staff_id, actor, was, now)
        return after

    return await database.repeat(work)


async def reset_password(database: Database, keyring: Keyring, staff_id: str, password: str, actor: str) -> None:
    """Another password; every sign-in made with the old one ends, and so does a lock that guesses have put on it.

    Raises `Invalid`, `NotFound`.
    """
    password_hash = await passwords.hashed(passwords.check(password))

    async def work(connection: Connection) -> None:
        person = await staff_store.set_password(connection, staff_id, password_hash)
        if person is None:
            raise not_found()
        await sessions.end_all_of_person(connection, staff_id)
        await attempts.forget(connection, "login-email", attempts.subject(keyring, "login-email", person.email.lower()))
        await _record(connection, "staff:password-reset", person.merchant_id, staff_id, actor)

    await database.repeat(work)


async def require_second_factor(database: Database, merchant_id: str, required: bool, actor: str) -> None:
    """Whether the merchant's staff can do nothing before they have set one up. Raises `NotFound`."""

    async def work(connection: Connection) -> None:
        before = await staff_store.set_requires_second_factor(connection, merchant_id, required)
        if before is None:
            raise NotFound("merchant_not_found", "There is no such merchant.")
        if before != required:
            was, now = ({"secondFactorRequired": one} for one in (before, required))
            await _record(connection, "merchant:changed", merchant_id, merchant_id, actor, was, now)

    await database.repeat(work)


def confirmation_required() -> Forbidden:
    """A token alone makes nobody an owner or a manager: it may be stolen, and what it makes would outlast it."""
    return Forbidden(
        "confirmation_required",
        "This takes `confirmation`: a code of your second factor, or your password where you have none.",
    )


def not_found() -> NotFound:
    """The one answer for somebody who works elsewhere and for nobody at all."""
    return NotFound("staff_not_found", "There is no such person.")


async def _record(
    connection: Connection,
    action: str,
    merchant_id: str,
    subject: str,
    actor: str,
    before: audit.Facts | None = None,
    after: audit.Facts | None = None,
) -> None:
    await audit.record(
        connection,
        actor=actor,
        action=action,
        merchant_id=merchant_id,
        subject=subject,
        before=before,
        after=after,
    )


def _gains_power(before: Member, after: Member) -> bool:
    if not after.active or after.role not in POWERFUL:
        return False
    return not before.active or before.role not in (after.role, Role.OWNER)


def _email_taken() -> Refusal:
    return Refusal(EMAIL_TAKEN, "Someone with this email address exists already.")


def _checked_name(name: str | None) -> str | None:
    if name is not None and (not name.strip() or len(name) > _NAME_MAX or not name.isprintable()):
        raise Invalid(("body", "name"), f"A name has 1 to {_NAME_MAX} printable characters.", "name_invalid")
    return name


def _checked_email(email: str) -> str:
    """The address in the one form in which it is stored and looked up. Raises `Invalid`."""
    try:
        return validate_email(email, check_deliverability=False).normalized.lower()
    except EmailNotValidError as error:
        raise Invalid(("body", "email"), f"This is not an email address: {error}") from None
