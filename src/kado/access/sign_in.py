"""Signing in: a password, a second factor where the person has one, and then a token for an hour.

Every try is counted before what it tries is compared: for the address that it comes from, and for the email. Where the
person has signed in before, the count is one of its own, so that strangers who guess at an email lock out strangers.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from kado import audit
from kado.access import attempts, passwords, second_factor, sign_in_store, staff_store, store, tokens
from kado.access.attempts import Exhausted, Kind, Limit, Reservation
from kado.access.store import Staff
from kado.audit.origin import origin
from kado.crypto import Keyring, token_hash
from kado.errors import TooMany, Unauthenticated, Unavailable
from kado.ids import new_id
from kado.storage.database import Connection, Database

BY_ADDRESS: Final = (Limit(30, timedelta(hours=1)),)
BY_EMAIL: Final = (Limit(10, timedelta(hours=1)),)
PENDING_LIFE: Final = timedelta(minutes=5)
PENDING_TRIES: Final = 5

_EMAIL_MAX: Final = 320
_PENDING: Final = "kado_pending_"
_NOBODY: Final = "0" * 24


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person at the only moment the token is known."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pending:
    """Half a sign-in: the password was right, and this stands for it until the second factor comes."""

    token: str = field(repr=False)


async def with_password(
    database: Database, keyring: Keyring, email: str, password: str, address: str
) -> SignedIn | Pending:
    """A bearer token for one hour, or the first half of it. `address` is as `client_address` gives it.

    Raises `TooMany` after ten failures an hour for the email or thirty for the address, before anything is compared;
    `Unauthenticated` with one answer and the same work for a wrong email, a wrong password and a closed account;
    `Unavailable` when too many sign in at once.
    """
    staff_id = await prove_password(database, keyring, email, password, address)

    async def work(connection: Connection) -> SignedIn | Pending:
        # Otherwise one that is half done could slip in behind a confirmation, which ends those that were made without.
        await sign_in_store.lock_person(connection, staff_id)
        if await sign_in_store.has_second_factor(connection, staff_id):
            token = _PENDING + secrets.token_urlsafe(32)
            await sign_in_store.insert_pending(connection, token_hash(token), staff_id, PENDING_LIFE)
            return Pending(token)
        return await _open(connection, keyring, staff_id, address, had_second_factor=False)

    return await database.repeat(work)


async def with_code(database: Database, keyring: Keyring, pending: str, code: str, address: str) -> SignedIn:
    """The second half: a code of the authenticator, or one of the recovery codes.

    Each pending token gets five tries, each person ten an hour and twenty a day. All are counted before anything is
    compared, and recovery codes by themselves, so that guesses at one sort leave the other usable. Raises `TooMany`,
    and `Unauthenticated`: `invalid_pending_token` where the password has to be shown again, else `wrong_code`.
    """
    kept: list[Reservation] = []

    async def work(connection: Connection) -> SignedIn | Unauthenticated:
        kept[:] = [await reserve(connection, keyring, "login-address", address, BY_ADDRESS)]
        staff_id = await sign_in_store.count_try(connection, token_hash(pending), PENDING_TRIES)
        if staff_id is None:
            return Unauthenticated("invalid_pending_token", "The pending token is not valid; sign in again.")
        kept.append(await second_factor.counted(connection, keyring, staff_id, code))
        if not await second_factor.shown(connection, keyring, staff_id, code):
            found = await store.find_staff(connection, staff_id)
            await _failed(connection, None if found is None else found[0])
            return second_factor.wrong_code()
        await sign_in_store.delete_pending(connection, token_hash(pending))
        return await _open(connection, keyring, staff_id, address, had_second_factor=True)

    # A refusal is handed out of the transaction, so that what was counted is kept.
    outcome = await database.repeat(work)
    if isinstance(outcome, Unauthenticated):
        raise outcome
    await attempts.release(database, kept)
    return outcome


async def prove_password(database: Database, keyring: Keyring, email: str, password: str, address: str) -> str:
    """The id of the person whose email and password these are. Raises as `with_password` does."""
    email = email.strip().lower()
    reservations = await _reserve(database, keyring, email, address)
    try:
        tried = await _proved(database, email, password)
        if not tried.is_proved:
            await _note_failure(database, tried.staff_id)
    except Unavailable:
        # Nothing was learned about the password, so nothing is held against the one who tried.
        await attempts.release(database, reservations)
        raise
    if not tried.is_proved or tried.staff_id is None:
        raise _wrong_password()
    await attempts.release(database, reservations)
    return tried.staff_id


async def _note_failure(database: Database, staff_id: str | None) -> None:
    """The audit log says that a sign-in failed. The same work whether or not there is such a person: it names nobody
    who is not known."""

    async def work(connection: Connection) -> None:
        found = await store.find_staff(connection, staff_id or _NOBODY)
        await _failed(connection, None if found is None else found[0])

    await database.repeat(work)


async def _failed(connection: Connection, staff: Staff | None) -> None:
    await audit.record(
        connection,
        actor="anonymous",
        action="login_failed",
        merchant_id=None if staff is None else staff.merchant_id,
        subject=None if staff is None else staff.id,
        details={"who": "staff"},
    )


async def reserve(
    connection: Connection, keyring: Keyring, kind: Kind, value: str, limits: Sequence[Limit]
) -> Reservation:
    """Count one try on this connection's transaction. Raises `TooMany`, and then nothing of the transaction is kept."""
    outcome = await attempts.reserve(connection, kind, attempts.subject(keyring, kind, value), limits)
    if isinstance(outcome, Exhausted):
        raise TooMany(
            "too_many_attempts",
            "There were too many failed sign-ins; wait before you try again.",
            outcome.retry_after_seconds,
        )
    return outcome


async def _reserve(database: Database, keyring: Keyring, email: str, address: str) -> list[Reservation]:
    """Count the try for the address and for the email, or neither. Raises `TooMany`."""

    async def work(connection: Connection) -> list[Reservation]:
        # Always in this order, so that two sign-ins never wait for each other.
        made = [await reserve(connection, keyring, "login-address", address, BY_ADDRESS)]
        if _is_storable(email) and await staff_store.knows_place(connection, email, _places(keyring, address)):
            made.append(await reserve(connection, keyring, "login-known", f"{address} {email}", BY_EMAIL))
        else:
            made.append(await reserve(connection, keyring, "login-email", email, BY_EMAIL))
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
    if _is_storable(email):
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


async def _open(
    connection: Connection, keyring: Keyring, staff_id: str, address: str, *, had_second_factor: bool
) -> SignedIn:
    """Write the sign-in down and make its token. Raises `Unauthenticated` for an account that was closed meanwhile."""
    found = await store.find_staff(connection, staff_id)
    if found is None or not found[0].active:
        raise _wrong_password()
    staff, now = found
    session_id = new_id()
    token = tokens.issue(
        keyring,
        staff_id=staff.id,
        merchant_id=staff.merchant_id,
        role=staff.role,
        now=now,
        valid_from=staff.tokens_valid_from,
        token_id=session_id,
    )
    ends = tokens.verify(keyring, token).expires_at
    await sign_in_store.insert_session(
        connection, session_id, staff_id, address, origin().user_agent, had_second_factor, now, ends
    )
    await staff_store.note_place(connection, staff_id, _places(keyring, address)[0])
    await _record(connection, staff, session_id, had_second_factor)
    return SignedIn(token)


async def _record(connection: Connection, staff: Staff, session_id: str, had_second_factor: bool) -> None:
    await audit.record(
        connection,
        actor=f"staff:{staff.id}",
        action="staff:signed-in",
        merchant_id=staff.merchant_id,
        subject=session_id,
        details={"secondFactor": had_second_factor},
    )


def _places(keyring: Keyring, address: str) -> list[bytes]:
    """How the address is kept: first under the current secret, then under older ones that still live."""
    return keyring.macs("request-hash", b"staff-place", address.encode(errors="surrogatepass"))


def _is_storable(email: str) -> bool:
    """What else a form can carry, PostgreSQL cannot."""
    return len(email) <= _EMAIL_MAX and email.isprintable()


def _wrong_password() -> Unauthenticated:
    return Unauthenticated("invalid_credentials", "The email or the password is wrong.")
