"""Merchant sessions: a till at work. Its token comes beside the merchant's bearer and can only take rights away.

A session is opened by a signed request and lasts twelve hours, a long working day. It ends with them, or with the
signing key that opened it. Of the token a hash is kept.
"""

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from cachetools import TLRUCache

from kado.access.caller import Caller, MerchantSession
from kado.access.customer_sessions import invalid_session
from kado.access.permissions import ROLES, SHOP_ROLES, Role
from kado.access.signatures import Signer
from kado.crypto import token_hash
from kado.ids import new_id
from kado.storage.batches import affected
from kado.storage.database import Connection, Database

LIFE: Final = timedelta(hours=12)
REMEMBERED_SECONDS: Final = 30

_PREFIX: Final = "kado_till_"
_FORM: Final = re.compile(r"kado_till_[A-Za-z0-9_-]{43}", re.ASCII)
_SIZE: Final = 10_000
_FROM_MOST_TO_LEAST: Final = (*SHOP_ROLES, Role.NETWORK_ADMINISTRATOR)


@dataclass(frozen=True, slots=True)
class Till:
    """What a platform says of the till for which it opens a session."""

    shop_id: str
    location_id: str
    role: Role
    user_id: str | None
    cashier_id: str | None
    terminal_id: str | None


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session at the only moment its token is known."""

    session: MerchantSession
    token: str

    def __repr__(self) -> str:
        return f"NewSession(session={self.session!r}, token=...)"


@dataclass(frozen=True, slots=True)
class _Known:
    session: MerchantSession
    until: float  # by the timer


def role_named(text: str | None) -> Role:
    """The role that a platform calls by exactly our name; whatever else it calls one is a cashier here."""
    return Role(text) if text in set(SHOP_ROLES) else Role.CASHIER


async def insert(connection: Connection, signer: Signer, till: Till) -> NewSession:
    """Open a session on this connection's transaction."""
    session_id, token = new_id(), _PREFIX + secrets.token_urlsafe(32)
    expires_at = await connection.fetchval(
        "INSERT INTO merchant_session (id, token_hash, merchant_id, signing_key_id, shop_id, location_id, role,"
        " user_id, cashier_id, terminal_id, expires_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, clock_timestamp() + $11::interval) RETURNING expires_at",
        session_id,
        token_hash(token),
        signer.merchant_id,
        signer.key_id,
        till.shop_id,
        till.location_id,
        till.role.value,
        till.user_id,
        till.cashier_id,
        till.terminal_id,
        LIFE,
    )
    session = MerchantSession(
        session_id,
        signer.merchant_id,
        till.shop_id,
        till.location_id,
        till.role,
        till.user_id,
        till.cashier_id,
        till.terminal_id,
        expires_at,
    )
    return NewSession(session, token)


class MerchantSessions:
    """Knows sessions by their tokens; remembers each for 30 seconds at most, never beyond its end."""

    def __init__(self, database: Database, timer: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._timer = timer
        self._known: TLRUCache[bytes, _Known] = TLRUCache(_SIZE, ttu=lambda _key, known, _now: known.until, timer=timer)
        self._forgotten = 0

    async def find(self, token: str) -> MerchantSession | None:
        """The open session with this token. Raises `Unavailable` while the database is away."""
        if _FORM.fullmatch(token) is None:
            return None
        key = token_hash(token)
        known = self._known.get(key)
        if known is None:
            forgotten = self._forgotten
            known = await self._read(key)
            if known is None:
                return None
            # What was read before someone said "forget" may be what was to be forgotten.
            if forgotten == self._forgotten:
                self._known[key] = known
        return known.session

    def forget(self, session_id: str) -> None:
        """It was ended: ask the database anew. Other processes do so within 30 seconds."""
        self._forgotten += 1
        for key in [key for key, known in list(self._known.items()) if known.session.id == session_id]:
            self._known.pop(key, None)

    async def narrow(self, caller: Caller, token: str) -> Caller:
        """The caller at the till whose session this is: with no more rights than both have.

        Raises `Unauthenticated` for a token that is not valid beside this bearer: one of another merchant, and any
        beside a test key, since what a signature opens is live.
        """
        session = await self.find(token)
        if session is None or caller.is_test or session.merchant_id != caller.merchant_id:
            raise invalid_session()
        return replace(
            caller,
            role=max(caller.role, session.role, key=_FROM_MOST_TO_LEAST.index),
            permissions=caller.permissions & ROLES[session.role],
            cashier_id=session.cashier_id,
            terminal_id=session.terminal_id,
            session=session,
        )

    async def _read(self, hashed: bytes) -> _Known | None:
        # The time is taken before the database is asked, so that an answer is never remembered for longer than it says.
        asked = self._timer()
        async with self._database.read() as connection:
            row = await connection.fetchrow(
                "SELECT s.id, s.merchant_id, s.shop_id, s.location_id, s.role, s.user_id, s.cashier_id, s.terminal_id,"
                " s.expires_at, clock_timestamp() AS now FROM merchant_session s"
                " JOIN signing_key k ON k.id = s.signing_key_id"
                " WHERE s.token_hash = $1 AND s.expires_at > clock_timestamp()"
                " AND (k.revoked_at IS NULL OR k.revoked_at > clock_timestamp())",
                hashed,
            )
        if row is None:
            return None
        *facts, now = tuple(row)
        session = MerchantSession(*facts)
        session = replace(session, role=Role(session.role))
        seconds_left = (session.expires_at - now).total_seconds()
        return _Known(session, asked + min(REMEMBERED_SECONDS, seconds_left))


async def sweep(database: Database) -> int:
    """Remove sessions that have ended; how many there were."""
    async with database.read() as connection:
        done = await connection.execute("DELETE FROM merchant_session WHERE expires_at <= statement_timestamp()")
    return affected(done)
