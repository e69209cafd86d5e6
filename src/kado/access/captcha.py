"""Proof that a person, or at least a willing computer, is asking: a port, and two of the ways behind it.

The others ask a service out there (`kado.access.captcha_services`). A solution counts once, whoever judges it.
"""

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

import altcha

from kado.crypto import Keyring
from kado.storage.database import Database

_LIFE: Final = timedelta(minutes=10)
_COST: Final = 5_000
# A challenge ends by the clock of the server that looks at it. What was spent is remembered for so long that a clock
# which is set back by a day brings nothing to life again.
_SPENT_KEPT: Final = timedelta(days=2)


class Captcha(Protocol):
    """What a balance check under attack asks for."""

    is_on: bool
    """Whether there is any."""

    is_always: bool
    """Whether every balance check needs one, and not only those of a program under attack."""

    takes_work: bool
    """Whether the proof of work that Kado's own page asks for does in its place."""

    def challenge(self) -> dict[str, Any] | None:
        """Something to solve, for a browser; None when there is nothing to solve."""

    async def solved(self, token: str) -> bool:
        """Whether the token solves a challenge that nobody used before. Never raises for a bad token.

        Raises `Unavailable` while that cannot be judged.
        """

    async def close(self) -> None:
        """Let go of what is open."""


class NoCaptcha:
    """There is nothing to solve; the limits by number, address and minute stand alone."""

    is_on = False
    is_always = False
    takes_work = True

    def challenge(self) -> dict[str, Any] | None:
        """Nothing to solve."""
        return None

    async def solved(self, token: str) -> bool:  # noqa: ARG002 - the same for every token
        """Nothing can be solved here."""
        return False

    async def close(self) -> None:
        """Nothing is open."""


class AltchaCaptcha:
    """Proof of work served by Kado itself (ALTCHA, PBKDF2): costs a guesser seconds a try and tells no third party."""

    is_on = True
    takes_work = True

    def __init__(self, database: Database, keyring: Keyring, *, is_always: bool = False) -> None:
        self.is_always = is_always
        self._database = database
        self._secrets = [mac.hex() for mac in keyring.macs("request-hash", b"captcha")]

    def challenge(self) -> dict[str, Any]:
        """A fresh challenge, good for ten minutes and one solution."""
        expires_at = datetime.now(UTC) + _LIFE
        made = altcha.create_challenge(
            "PBKDF2/SHA-256", cost=_COST, hmac_secret=self._secrets[0], expires_at=int(expires_at.timestamp())
        )
        return made.to_dict()

    async def solved(self, token: str) -> bool:
        """Verify, then spend."""
        try:
            signature = str(json.loads(base64.b64decode(token))["challenge"]["signature"])
            verified = any(altcha.verify_solution(token, secret).verified for secret in self._secrets)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return False
        return verified and await spend(self._database, signature)

    async def close(self) -> None:
        """Nothing is open."""


async def spend(database: Database, solution: str) -> bool:
    """Whether this solution was not used before, in any process: the row is unique, so of two at once one counts."""
    async with database.read() as connection:
        row = await connection.fetchval(
            "INSERT INTO captcha_used (challenge, expires_at) VALUES ($1, clock_timestamp() + $2::interval)"
            " ON CONFLICT DO NOTHING RETURNING 1",
            hashlib.sha256(solution.encode()).digest(),
            _SPENT_KEPT,
        )
    return row is not None
