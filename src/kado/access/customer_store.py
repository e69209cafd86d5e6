"""Every SQL statement about customers: their one-time passwords, who they are, their sessions."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from kado.access.attempts import Reservation
from kado.ids import new_id
from kado.storage.batches import affected
from kado.storage.database import Connection

Channel = Literal["email", "sms"]

_CONTACT: Final = {"email": "email", "sms": "phone"}
_IDENTITY: Final = "id, merchant_id, is_test, email, phone, name, verified_at"


@dataclass(frozen=True, slots=True)
class Desk:
    """Where customers sign in: a merchant's front end, in live or test mode. `subject` goes into the audit log."""

    merchant_id: str
    is_test: bool
    subject: str


@dataclass(frozen=True, slots=True)
class Target:
    """What a customer says is theirs: an email address in lower case or a phone number in E.164."""

    channel: Channel
    text: str


@dataclass(frozen=True, slots=True)
class Identity:
    """A customer, as proved."""

    id: str
    merchant_id: str
    is_test: bool
    email: str | None
    phone: str | None
    name: str | None
    verified_at: datetime


@dataclass(frozen=True, slots=True)
class Compared:
    """A one-time password with which one more try may be compared, and what to take back if it is right."""

    id: str
    code_hash: bytes
    code_version: bytes
    merchant_counted_at: datetime | None
    address_subject: bytes | None
    address_counted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A one-time password on its way: to whom, for which merchant, and the how manieth try of sending it is."""

    target: str
    channel: Channel
    merchant_id: str
    merchant_name: str
    sendings: int


# ── one-time passwords ─────────────────────────────────────────────────────────────────────────────────────────────


async def put_otp(connection: Connection, otp_id: str, desk: Desk, target: Target, counted: list[Reservation]) -> None:
    """Write that a password is to be sent, in the place of any earlier one for the same target."""
    at = {one.kind: one for one in counted}
    merchant, address = at.get("otp-merchant"), at.get("otp-address")
    await connection.execute(
        """
        INSERT INTO customer_otp (id, merchant_id, is_test, target, channel, state, asked_at, expires_at,
                                  merchant_counted_at, address_subject, address_counted_at)
        SELECT $1, $2, $3, $4, $5, 'queued', now, now, $6, $7, $8 FROM clock_timestamp() AS now
        ON CONFLICT (merchant_id, is_test, target) DO UPDATE SET
            id = EXCLUDED.id, channel = EXCLUDED.channel, state = 'queued', code_hash = NULL, code_version = NULL,
            asked_at = EXCLUDED.asked_at, expires_at = EXCLUDED.expires_at, tries = 0, sendings = 0, last_error = NULL,
            merchant_counted_at = EXCLUDED.merchant_counted_at, address_subject = EXCLUDED.address_subject,
            address_counted_at = EXCLUDED.address_counted_at
        """,
        otp_id,
        desk.merchant_id,
        desk.is_test,
        target.text,
        target.channel,
        merchant and merchant.reserved_at,
        address and address.subject,
        address and address.reserved_at,
    )


async def give_code(
    connection: Connection, otp_id: str, code_hash: bytes, code_version: bytes, life: timedelta
) -> Outgoing | None:
    """The password is this from now on, for as long as `life`. None when it is not wanted any more."""
    row = await connection.fetchrow(
        """
        UPDATE customer_otp o SET code_hash = $2, code_version = $3, expires_at = statement_timestamp() + $4::interval,
                                  sendings = o.sendings + 1
          FROM merchant m
         WHERE o.id = $1 AND m.id = o.merchant_id AND o.state = 'queued'
           AND o.asked_at > statement_timestamp() - $4::interval
        RETURNING o.target, o.channel, o.merchant_id, m.name AS merchant_name, o.sendings
        """,
        otp_id,
        code_hash,
        code_version,
        life,
    )
    return None if row is None else Outgoing(**row)


async def end_otp(connection: Connection, otp_id: str, state: Literal["sent", "failed"], error: str | None) -> None:
    """It left, or it will not."""
    await connection.execute("UPDATE customer_otp SET state = $2, last_error = $3 WHERE id = $1", otp_id, state, error)


async def note_otp_error(connection: Connection, otp_id: str, error: str) -> bool:
    """Why it did not leave this time. False when it is not wanted any more."""
    done = await connection.execute(
        "UPDATE customer_otp SET last_error = $2 WHERE id = $1 AND state = 'queued'", otp_id, error
    )
    return bool(done != "UPDATE 0")


async def count_try(connection: Connection, desk: Desk, target: str, most: int) -> Compared | None:
    """Count one more try against the target's password and lock it; None where nothing may be compared (any more)."""
    row = await connection.fetchrow(
        """
        UPDATE customer_otp SET tries = tries + 1
         WHERE merchant_id = $1 AND is_test = $2 AND target = $3 AND tries < $4 AND code_hash IS NOT NULL
           AND expires_at > clock_timestamp()
        RETURNING id, code_hash, code_version, merchant_counted_at, address_subject, address_counted_at
        """,
        desk.merchant_id,
        desk.is_test,
        target,
        most,
    )
    return None if row is None else Compared(**row)


async def delete_otp(connection: Connection, otp_id: str) -> None:
    """It is used."""
    await connection.execute("DELETE FROM customer_otp WHERE id = $1", otp_id)


# ── customers and their sessions ───────────────────────────────────────────────────────────────────────────────────


async def note_login(
    connection: Connection, customer_id: str, desk: Desk, target: Target, name: str | None
) -> Identity:
    """The customer whose contact this is, with this sign-in counted; a new one under this id and name if need be."""
    contact = _CONTACT[target.channel]
    row = await connection.fetchrow(
        f"""
        INSERT INTO customer AS c (id, merchant_id, is_test, {contact}, name, verified_at, created_at, last_login_at,
                                   logins)
        SELECT $1, $2, $3, $4, $5, now, now, now, 1 FROM clock_timestamp() AS now
        ON CONFLICT (merchant_id, is_test, {contact}) WHERE {contact} IS NOT NULL DO UPDATE SET
            last_login_at = EXCLUDED.last_login_at, logins = c.logins + 1
        RETURNING {_IDENTITY}
        """,
        customer_id,
        desk.merchant_id,
        desk.is_test,
        target.text,
        name,
    )
    assert row is not None, "an upsert without a condition returns its row"
    return Identity(**row)


async def customer_exists(connection: Connection, customer_id: str, merchant_id: str, is_test: bool) -> bool:
    """Whether this merchant has such a customer in this mode."""
    found = await connection.fetchval(
        "SELECT count(*) FROM customer WHERE id = $1 AND merchant_id = $2 AND is_test = $3",
        customer_id,
        merchant_id,
        is_test,
    )
    return bool(found)


async def insert_session(connection: Connection, token_hash: bytes, customer_id: str, life: timedelta) -> None:
    """Open a session."""
    await connection.execute(
        "INSERT INTO customer_session (session_id, token_hash, customer_id, created_at, expires_at)"
        " SELECT $4, $1, $2, now, now + $3::interval FROM clock_timestamp() AS now",
        token_hash,
        customer_id,
        life,
        new_id(),
    )


async def find_session(connection: Connection, token_hash: bytes) -> tuple[Identity, float] | None:
    """Who is signed in with this token, and for how many seconds yet."""
    row = await connection.fetchrow(
        f"""
        SELECT {_IDENTITY}, extract(epoch FROM s.expires_at - clock_timestamp())::float8 AS seconds_left
          FROM customer_session s JOIN customer ON customer.id = s.customer_id
         WHERE s.token_hash = $1 AND s.expires_at > clock_timestamp()
        """,
        token_hash,
    )
    if row is None:
        return None
    facts = dict(row)
    seconds_left = facts.pop("seconds_left")
    return Identity(**facts), seconds_left


async def delete_session(connection: Connection, token_hash: bytes, desk: Desk) -> str | None:
    """End a session of one of this merchant's customers; whose it was, or None where there is none."""
    customer_id: str | None = await connection.fetchval(
        "DELETE FROM customer_session s USING customer c WHERE s.token_hash = $1 AND c.id = s.customer_id"
        " AND c.merchant_id = $2 AND c.is_test = $3 RETURNING c.id",
        token_hash,
        desk.merchant_id,
        desk.is_test,
    )
    return customer_id


async def delete_expired(connection: Connection) -> tuple[int, int]:
    """Remove what is over: sessions at their end, passwords an hour after theirs. How many of each."""
    sessions = await connection.execute("DELETE FROM customer_session WHERE expires_at <= statement_timestamp()")
    passwords = await connection.execute(
        "DELETE FROM customer_otp WHERE expires_at <= statement_timestamp() - interval '1 hour'"
    )
    return affected(sessions), affected(passwords)
