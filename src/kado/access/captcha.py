"""Proof that a person, or at least a willing computer, is asking. A port with two ways behind it."""

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
    """Whether it is asked for at all."""

    def challenge(self) -> dict[str, Any] | None:
        """Something to solve, for a browser; None when there is nothing to solve."""

    async def solved(self, token: str) -> bool:
        """Whether the token solves a challenge of ours that nobody used before. Never raises for a bad token."""


class NoCaptcha:
    """Nothing is asked for; the limits by number and address stand alone."""

    is_on = False

    def challenge(self) -> dict[str, Any] | None:
        """Nothing to solve."""
        return None

    async def solved(self, token: str) -> bool:
        """Nobody needs to solve anything, so any token will do."""
        return bool(token)


class AltchaCaptcha:
    """Proof of work served by Kado itself (ALTCHA, PBKDF2): costs a guesser seconds a try and tells no third party."""

    is_on = True

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._secrets = [mac.hex() for mac in keyring.macs("request-hash", b"captcha")]

    def challenge(self) -> dict[str, Any] | None:
        """A fresh challenge, good for ten minutes and one solution."""
        expires_at = datetime.now(UTC) + _LIFE
        made = altcha.create_challenge(
            "PBKDF2/SHA-256", cost=_COST, hmac_secret=self._secrets[0], expires_at=int(expires_at.timestamp())
        )
        return made.to_dict()

    async def solved(self, token: str) -> bool:
        """Verify, then spend: the row is unique, so of two equal solutions at once one counts."""
        try:
            signature = json.loads(base64.b64decode(token))["challenge"]["signature"]
            verified = any(altcha.verify_solution(token, secret).verified for secret in self._secrets)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return False
        return verified and await self._spend(str(signature))

    async def _spend(self, signature: str) -> bool:
        async with self._database.read() as connection:
            row = await connection.fetchval(
                "INSERT INTO captcha_used (challenge, expires_at) VALUES ($1, clock_timestamp() + $2::interval)"
                " ON CONFLICT DO NOTHING RETURNING 1",
                hashlib.sha256(signature.encode()).digest(),
                _SPENT_KEPT,
            )
        return row is not None
