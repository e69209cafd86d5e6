"""From an `Authorization` header to a `Caller`. Whatever is wrong with it, the answer is 401."""

import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cachetools import TLRUCache

from kado.access import keys, store, tokens
from kado.access.caller import Caller
from kado.access.permissions import ROLES, Permission
from kado.crypto import Keyring, token_hash
from kado.errors import Unauthenticated
from kado.storage.database import Database

REMEMBERED_SECONDS: Final = 30
_SIZE: Final = 10_000
# The scheme's case is free (RFC 9110); the token is one of ours or it is nothing.
_BEARER: Final = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] ([A-Za-z0-9._-]{1,2048})")


@dataclass(frozen=True, slots=True)
class _Known:
    caller: Caller
    until: float  # by the timer


class Access:
    """Knows callers by their tokens and keys; remembers each for 30 seconds at most, never beyond a token's end."""

    def __init__(self, database: Database, keyring: Keyring, timer: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._keyring = keyring
        self._timer = timer
        self._known: TLRUCache[bytes, _Known] = TLRUCache(_SIZE, ttu=lambda _key, known, _now: known.until, timer=timer)

    async def authenticate(self, authorization: str | None) -> Caller:
        """Who sent this header. Raises `Unauthenticated` and, while the database is away, `Unavailable`."""
        if authorization is None:
            raise Unauthenticated
        match = _BEARER.fullmatch(authorization)
        if match is None:
            raise tokens.refused()
        token = match[1]
        key = hashlib.sha256(token.encode()).digest()
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = await self._ask(token)
        return known.caller

    async def _ask(self, token: str) -> _Known:
        # The time is taken before the database is asked, so that an answer is never remembered for longer than it says.
        asked = self._timer()
        if keys.is_key(token):
            return _Known(await self._by_key(token), asked + REMEMBERED_SECONDS)
        caller, seconds_left = await self._by_token(token)
        return _Known(caller, asked + min(REMEMBERED_SECONDS, seconds_left))

    async def _by_key(self, token: str) -> Caller:
        async with self._database.read() as connection:
            key = await store.find_key(connection, token_hash(token))
        if key is None:
            raise tokens.refused()
        allowed = ROLES[key.role]
        if key.scopes:
            allowed = allowed & _permissions(key.scopes)
        return Caller(key.merchant_id, f"key:{key.id}", key.role, allowed, key.is_test)

    async def _by_token(self, token: str) -> tuple[Caller, float]:
        claims = tokens.verify(self._keyring, token)
        async with self._database.read() as connection:
            found = await store.find_staff(connection, claims.staff_id)
        if found is None:
            raise tokens.refused()
        staff, now = found
        claims.check_time(now)
        if not staff.active or staff.merchant_id != claims.merchant_id:
            raise tokens.refused()
        if _is_taken_back(claims, staff.tokens_valid_from):
            raise tokens.refused()
        # The role is the one the person has now: who was demoted does not keep an hour of the old rights.
        caller = Caller(staff.merchant_id, f"staff:{staff.id}", staff.role, ROLES[staff.role], is_test=False)
        return caller, claims.expires_at + tokens.LEEWAY_SECONDS - now.timestamp()


def _is_taken_back(claims: tokens.Claims, valid_from: datetime | None) -> bool:
    return valid_from is not None and claims.issued_at < valid_from.timestamp()


def _permissions(scopes: tuple[str, ...]) -> frozenset[Permission]:
    """The scopes that this version knows; one that a newer version wrote allows nothing here."""
    return frozenset(permission for permission in Permission if permission.value in scopes)
