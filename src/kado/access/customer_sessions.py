"""Customers who are signed in: from a session token to whom it belongs, and what a caller with it may still do."""

import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from cachetools import TLRUCache

from kado import audit
from kado.access import customer_store
from kado.access.caller import Caller, Customer
from kado.access.customer_store import Desk, Identity
from kado.access.permissions import CUSTOMER, Permission
from kado.audit.origin import passes_through
from kado.errors import Unauthenticated
from kado.storage.database import Connection, Database

REMEMBERED_SECONDS: Final = 30
_SIZE: Final = 10_000
_FORM: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Known:
    identity: Identity
    until: float  # by the timer


class CustomerSessions:
    """Knows customers by their session tokens; remembers each for 30 seconds at most, never beyond the session's end.

    A session that is ended here is over at once; other processes follow within those 30 seconds.
    """

    def __init__(self, database: Database, timer: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._timer = timer
        self._known: TLRUCache[bytes, _Known] = TLRUCache(_SIZE, ttu=lambda _key, known, _now: known.until, timer=timer)
        self._ended = 0

    async def find(self, token: str, merchant_id: str, *, is_test: bool) -> Identity | None:
        """Who is signed in with this token to this merchant in this mode; None for anything else."""
        if not _FORM.fullmatch(token):
            return None
        key = _hash(token)
        known = self._known.get(key) or await self._ask(key)
        if known is None or (known.identity.merchant_id, known.identity.is_test) != (merchant_id, is_test):
            return None
        return known.identity

    async def end(self, token: str, desk: Desk) -> None:
        """Sign the customer out. Nothing happens where the token names no session of this merchant."""
        key = _hash(token)
        await self._database.repeat(lambda connection: _ended(connection, key, desk))
        known = self._known.get(key)
        if known is None or (known.identity.merchant_id, known.identity.is_test) == (desk.merchant_id, desk.is_test):
            self._ended += 1
            self._known.pop(key, None)

    def forget(self, customer_id: str) -> None:
        """Sessions of this customer were ended: ask the database anew. Other processes do so within 30 seconds."""
        self._ended += 1
        for key in [key for key, known in list(self._known.items()) if known.identity.id == customer_id]:
            self._known.pop(key, None)

    async def acting_for(self, caller: Caller, token: str) -> Caller:
        """The caller on behalf of the customer: with a customer's rights, and those only if it may sign customers in.

        From here on the audit log names the caller beside the customer.

        Raises `Unauthenticated` for a token that is none, is over, or belongs to another merchant or mode.
        """
        identity = await self.find(token, caller.merchant_id, is_test=caller.is_test)
        if identity is None:
            raise invalid_session()
        passes_through(caller.subject)
        return replace(
            caller,
            subject=f"customer:{identity.id}",
            permissions=CUSTOMER if Permission.CUSTOMERS_SIGN_IN in caller.permissions else frozenset(),
            customer=Customer(identity.id, identity.email, identity.phone, identity.name),
        )

    async def _ask(self, key: bytes) -> _Known | None:
        # The time is taken before the database is asked, so that an answer is never remembered for longer than it says.
        asked, ended = self._timer(), self._ended
        async with self._database.read() as connection:
            found = await customer_store.find_session(connection, key)
        if found is None:
            return None
        identity, seconds_left = found
        known = _Known(identity, asked + min(REMEMBERED_SECONDS, seconds_left))
        # What was read before someone signed out may be what was to be forgotten.
        if ended == self._ended:
            self._known[key] = known
        return known


async def sweep(database: Database) -> tuple[int, int]:
    """Remove sessions that are over and passwords that nobody can use any more; how many of each."""
    async with database.read() as connection:
        return await customer_store.delete_expired(connection)


async def _ended(connection: Connection, key: bytes, desk: Desk) -> None:
    customer_id = await customer_store.delete_session(connection, key, desk)
    if customer_id is not None:
        await audit.record(
            connection,
            actor=desk.subject,
            action="customer:signed-out",
            merchant_id=desk.merchant_id,
            subject=customer_id,
        )


def invalid_session() -> Unauthenticated:
    """The one answer for every session token that opens nothing."""
    return Unauthenticated("invalid_session_token", "The session token is not valid.")


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()
