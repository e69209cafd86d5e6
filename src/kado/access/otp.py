"""One-time passwords: a customer proves an email address or a phone number, and is signed in.

A password is made at the moment it leaves; only its keyed hash is kept. Each comparison is counted before it is made,
under the lock of the password's row, so that sixty tries at once get no more than three between them. What limits
sending is counted in the database too: by target, and, against those who would flood other people's mailboxes, by
merchant and by the address that asks. The last two count passwords that nobody used: who signs in is taken off again.
"""

import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, NoReturn

from kado import audit
from kado.access import attempts, customer_store
from kado.access.attempts import Exhausted, Kind, Limit, Reservation
from kado.access.customer_store import Compared, Desk, Identity, Outgoing, Target
from kado.crypto import Keyring, equal, token_hash
from kado.errors import Refusal, TooMany, Unavailable
from kado.ids import new_id
from kado.storage.database import Connection, Database
from kado.storage.outbox import enqueue_otp

LIFE: Final = timedelta(minutes=5)
SESSION_LIFE: Final = timedelta(hours=24)
TRIES: Final = 3
SENDS_TO_A_TARGET: Final = (Limit(5, timedelta(hours=1)), Limit(10, timedelta(days=1)))
UNUSED_OF_A_MERCHANT: Final = (Limit(300, timedelta(hours=1)), Limit(1000, timedelta(days=1)))
UNUSED_OF_AN_ADDRESS: Final = (Limit(100, timedelta(hours=1)),)

_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A customer at the only moment the session's token is known."""

    identity: Identity
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sending:
    """A one-time password that leaves now."""

    to: Outgoing
    code: str = field(repr=False)


async def send(database: Database, keyring: Keyring, desk: Desk, target: Target, address: str) -> str | None:
    """Have a new password sent to the target, in the place of any earlier one. In test mode it is returned instead.

    The same is done whether or not somebody is known by this target. Raises `TooMany`.
    """
    otp_id = new_id()
    code = new_code() if desk.is_test else None

    async def work(connection: Connection) -> None:
        counted = await _counted(connection, keyring, desk, target, address)
        await customer_store.put_otp(connection, otp_id, desk, target, counted)
        await audit.record(
            connection,
            actor=desk.subject,
            action="customer:code-sent",
            merchant_id=desk.merchant_id,
            details={"channel": target.channel, "test": desk.is_test},
        )
        if code is None:
            await enqueue_otp(connection, otp_id)
        else:
            await customer_store.give_code(connection, otp_id, *_hidden(keyring, otp_id, code), LIFE)
            await customer_store.end_otp(connection, otp_id, "sent", None)

    await database.repeat(work)
    return code


async def verify(
    database: Database, keyring: Keyring, desk: Desk, target: Target | None, code: str, name: str | None
) -> SignedIn:
    """Sign the customer in if this is the target's password; `name` is kept if it is their first time.

    Raises `Refusal`, one and the same for a wrong password, one that is over, used or tried too often, and for a target
    that none was sent to.
    """
    token = secrets.token_urlsafe(32)

    async def work(connection: Connection) -> tuple[Identity, Compared] | None:
        otp = None if target is None else await customer_store.count_try(connection, desk, target.text, TRIES)
        if not _matches(keyring, otp, code):
            return None
        assert otp is not None, "nothing matches no password"
        assert target is not None, "and there is none without a target"
        await customer_store.delete_otp(connection, otp.id)
        new = new_id()
        identity = await customer_store.note_login(connection, new, desk, target, name)
        if identity.id == new:
            await audit.record(
                connection, actor=desk.subject, action="customer:created", merchant_id=desk.merchant_id, subject=new
            )
        await customer_store.insert_session(connection, token_hash(token), identity.id, SESSION_LIFE)
        await audit.record(
            connection,
            actor=desk.subject,
            action="customer:signed-in",
            merchant_id=desk.merchant_id,
            subject=identity.id,
            details={"channel": target.channel},
        )
        return identity, otp

    proved = await database.repeat(work)
    if proved is None:
        await database.repeat(lambda connection: _note_failure(connection, desk))
        _refuse()
    identity, otp = proved
    with suppress(Unavailable):  # a count that stays is better than a sign-in that is lost
        await attempts.release(database, _to_release(keyring, desk, otp))
    return SignedIn(identity, token)


async def make(database: Database, keyring: Keyring, otp_id: str) -> Sending | None:
    """Make the password that leaves now; the one before is void. None when it is not wanted any more."""
    code = new_code()

    async def work(connection: Connection) -> Outgoing | None:
        return await customer_store.give_code(connection, otp_id, *_hidden(keyring, otp_id, code), LIFE)

    outgoing = await database.repeat(work)
    return None if outgoing is None else Sending(outgoing, code)


def new_code() -> str:
    """Six digits from the operating system's generator."""
    return f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}}"


def bad_target() -> Refusal:
    """Neither an email address nor a phone number."""
    text = "The target is neither an email address nor a phone number in international form, such as +4930901820."
    return Refusal("bad_target", text, members={"success": False, "error": text})


async def _note_failure(connection: Connection, desk: Desk) -> None:
    """In a transaction of its own: others wait for the count of tries."""
    await audit.record(
        connection,
        actor=desk.subject,
        action="login_failed",
        merchant_id=desk.merchant_id,
        details={"who": "customer"},
    )


def _refuse() -> NoReturn:
    text = "The code is wrong, or it has expired, was used, or was tried too often. Ask for a new one."
    raise Refusal("otp_not_valid", text, members={"success": False, "error": text})


async def _counted(
    connection: Connection, keyring: Keyring, desk: Desk, target: Target, address: str
) -> list[Reservation]:
    """Count a sending against every limit, or against none. Raises `TooMany`."""
    whose = _whose(desk)
    limits: list[tuple[Kind, str, Sequence[Limit]]] = [("otp-target", f"{whose}:{_mailbox(target)}", SENDS_TO_A_TARGET)]
    if not desk.is_test:  # in test mode nothing leaves
        limits.append(("otp-address", f"{whose}:{address}", UNUSED_OF_AN_ADDRESS))
        limits.append(("otp-merchant", whose, UNUSED_OF_A_MERCHANT))
    made = []
    # Always in this order, so that two sendings never wait for each other.
    for kind, value, most in limits:
        outcome = await attempts.reserve(connection, kind, attempts.subject(keyring, kind, value), most)
        if isinstance(outcome, Exhausted):
            raise TooMany(
                "otp_limit_reached", "Too many codes were asked for. Try again later.", outcome.retry_after_seconds
            )
        made.append(outcome)
    return made


def _to_release(keyring: Keyring, desk: Desk, otp: Compared) -> list[Reservation]:
    """What was counted against merchant and address for the sending of this password."""
    made = []
    if otp.merchant_counted_at is not None:
        # Under whichever secret it was counted.
        subjects = attempts.subject(keyring, "otp-merchant", _whose(desk)).all
        made += [Reservation("otp-merchant", about, otp.merchant_counted_at) for about in subjects]
    if otp.address_subject is not None and otp.address_counted_at is not None:
        made.append(Reservation("otp-address", otp.address_subject, otp.address_counted_at))
    return made


def _mailbox(target: Target) -> str:
    """The target as the limit counts it: one mailbox, in whatever spelling its provider lets pass for it."""
    local, at, domain = target.text.rpartition("@")
    return f"{local.partition('+')[0].replace('.', '')}{at}{domain}" if at else target.text


def _whose(desk: Desk) -> str:
    return f"{desk.merchant_id}:{'test' if desk.is_test else 'live'}"


def _hidden(keyring: Keyring, otp_id: str, code: str, version: bytes | None = None) -> tuple[bytes, bytes]:
    at = version or keyring.version
    return keyring.mac("security-code", b"otp", otp_id.encode(), code.encode(), version=at), at


def _matches(keyring: Keyring, otp: Compared | None, code: str) -> bool:
    """The same work whether or not there is a password."""
    live = otp.code_version if otp is not None and otp.code_version in keyring.versions else None
    given, _ = _hidden(keyring, otp.id if otp is not None else "0" * 24, code, live)
    return equal(given, otp.code_hash if otp is not None else bytes(32)) and otp is not None
