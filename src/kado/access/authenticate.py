"""From an `Authorization` header to a `Caller`. Whatever is wrong with it, the answer is 401."""

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
# Enough to set a second factor up, and nothing of the merchant's.
_ONESELF: Final = frozenset({Permission.SELF_READ})
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
        self._forgotten = 0

    async def authenticate(self, authorization: str | None) -> Caller:
        """Who sent this header. Raises `Unauthenticated` and, while the database is away, `Unavailable`."""
        if authorization is None:
            raise Unauthenticated
        match = _BEARER.fullmatch(authorization)
        if match is None:
            raise tokens.refused()
        token = match[1]
        key = token_hash(token)
        known = self._known.get(key)
        if known is None:
            forgotten = self._forgotten
            known = await self._ask(token)
            # What was read before someone said "forget" may be what was to be forgotten.
            if forgotten == self._forgotten:
                self._known[key] = known
        return known.caller

    def remembered(self, authorization: str) -> Caller | None:
        """Who sent this header, where this process knows it already; None where `authenticate` has to look."""
        match = _BEARER.fullmatch(authorization)
        known = self._known.get(token_hash(match[1])) if match is not None else None
        return None if known is None else known.caller

    def forget_person(self, staff_id: str) -> None:
        """Ask the database anew about this person; other processes do so within 30 seconds."""
        self._forget(f"staff:{staff_id}")

    def forget_key(self, key_id: str) -> None:
        """The same for a key."""
        self._forget(f"key:{key_id}")

    def _forget(self, subject: str) -> None:
        self._forgotten += 1
        for key in [key for key, known in list(self._known.items()) if known.caller.subject == subject]:
            self._known.pop(key, None)

    async def _ask(self, token: str) -> _Known:
        # The time is taken before the database is asked, so that an answer is never remembered for longer than it says.
        asked = self._timer()
        ask = self._by_key if keys.is_key(token) else self._by_token
        caller, seconds_left = await ask(token)
        return _Known(caller, asked + min(REMEMBERED_SECONDS, seconds_left))

    async def _by_key(self, token: str) -> tuple[Caller, float]:
        async with self._database.read() as connection:
            found = await store.find_key(connection, token_hash(token))
        if found is None:
            raise tokens.refused()
        key, seconds_left = found
        programs = None if key.programs is None else frozenset(key.programs)
        caller = Caller(key.merchant_id, f"key:{key.id}", key.role, keys.granted(key), key.is_test, programs=programs)
        return caller, seconds_left

    async def _by_token(self, token: str) -> tuple[Caller, float]:
        claims = tokens.verify(self._keyring, token)
        async with self._database.read() as connection:
            found = await store.find_standing(connection, claims.staff_id, claims.token_id)
        if found is None:
            raise tokens.refused()
        staff, standing, now = found
        claims.check_time(now)
        if not staff.active or staff.merchant_id != claims.merchant_id:
            raise tokens.refused()
        if standing.is_ended or _is_taken_back(claims, staff.tokens_valid_from):
            raise tokens.refused()
        # The role is the one the person has now: who was demoted does not keep an hour of the old rights.
        caller = Caller(
            staff.merchant_id,
            f"staff:{staff.id}",
            staff.role,
            _ONESELF if standing.lacks_second_factor else ROLES[staff.role],
            is_test=False,
            sign_in_id=claims.token_id,
            lacks_second_factor=standing.lacks_second_factor,
        )
        return caller, claims.expires_at + tokens.LEEWAY_SECONDS - now.timestamp()


def _is_taken_back(claims: tokens.Claims, valid_from: datetime | None) -> bool:
    return valid_from is not None and claims.issued_at < valid_from.timestamp()
