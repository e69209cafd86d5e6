"""Captchas that somebody else makes and judges: Cloudflare Turnstile and hCaptcha.

A token is judged by a POST of a form to the service's `siteverify`, with our secret in the body; it answers JSON with
`success` and `error-codes`. The address of whoever solved it is not told. Where the service cannot be asked, or finds
fault with us, a check is refused with 503 and never let through.

Sources: developers.cloudflare.com/turnstile/get-started/server-side-validation, docs.hcaptcha.com (Verify the User
Response Server Side).
"""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Any, Final

import httpx2
import structlog

from kado.access.captcha import spend
from kado.errors import Unavailable
from kado.observability import tracing
from kado.storage.database import Database
from kado.storage.gather import outside, patience_begins

SERVICES: Final = {
    "turnstile": "https://challenges.cloudflare.com/turnstile/v0/siteverify",
    "hcaptcha": "https://api.hcaptcha.com/siteverify",
}
"""Where each of them judges tokens, unless `KADO_CAPTCHA_URL` says otherwise."""

SECONDS_MAX: Final = 4.0
"""For everything: waiting for a connection, connecting, sending, waiting for the answer."""

CONNECTIONS_MAX: Final = 8
ANSWER_MAX: Final = 65_536
_WAITING_MAX: Final = 100
_SAY_AGAIN_SECONDS: Final = 30.0

_OUR_FAULT: Final = frozenset(
    {
        *("missing-input-secret", "invalid-input-secret", "bad-request", "internal-error"),
        *("sitekey-secret-mismatch", "invalid-sitekey", "invalid-remoteip", "missing-remoteip"),
        *("not-using-dummy-passcode", "not-using-dummy-secret"),
    }
)
"""Error codes that say nothing about the token: the settings are wrong, or the service is."""

_log: Final = structlog.get_logger("kado.captcha")


class ServiceCaptcha:
    """A captcha of one of `SERVICES`. Safe to share between tasks; `trusted` is whose certificates are believed."""

    is_on = True
    takes_work = False

    def __init__(
        self,
        database: Database,
        provider: str,
        *,
        site_key: str,
        secret: str,
        url: str = "",
        is_always: bool = False,
        trusted: ssl.SSLContext | None = None,
        seconds: float = SECONDS_MAX,
    ) -> None:
        self.is_always = is_always
        self._database = database
        self._provider = provider
        self._site_key = site_key
        self._secret = secret
        self._url = url or SERVICES[provider]
        self._trusted = trusted
        self._seconds = seconds
        self._room = asyncio.Semaphore(CONNECTIONS_MAX)
        self._waiting = 0
        self._said_at = float("-inf")

    def challenge(self) -> dict[str, Any] | None:
        """What a page needs to show the service's widget; the widget gets the challenge itself."""
        return {"provider": self._provider, "siteKey": self._site_key}

    async def solved(self, token: str) -> bool:
        """Ask the service, then spend: a token that two of its machines both accept counts once all the same."""
        if not token.strip():
            return False
        async with outside():
            verdict = await self._judged(token)
        patience_begins()
        return verdict and await spend(self._database, f"{self._provider}:{token}")

    async def close(self) -> None:
        """Close the connections to the service."""
        if "_client" in self.__dict__:
            await self._client.aclose()

    async def _judged(self, token: str) -> bool:
        async with self._place():
            try:
                async with asyncio.timeout(self._seconds), self._room:
                    with tracing.call("captcha"):
                        status, body = await self._ask(token)
            except (TimeoutError, httpx2.TimeoutException):
                raise self._unavailable("timeout") from None
            except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
                raise self._unavailable(type(error).__name__) from None
        return self._verdict(status, body)

    def _verdict(self, status: int, body: bytes) -> bool:
        """What the answer means. Raises `Unavailable` for one that says nothing about the token."""
        try:
            said = json.loads(body)
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict) or not isinstance(said.get("success"), bool) or status >= 500:
            raise self._unavailable(f"status {status}")
        if said["success"]:
            if status != 200:
                raise self._unavailable(f"status {status}")
            return True
        codes = said.get("error-codes")
        faults = sorted(_OUR_FAULT.intersection(str(code) for code in codes)) if isinstance(codes, list) else []
        if faults:
            raise self._unavailable(", ".join(faults))
        return False

    async def _ask(self, token: str) -> tuple[int, bytes]:
        form = {"secret": self._secret, "response": token}
        if self._provider == "hcaptcha":
            form["sitekey"] = self._site_key
        async with self._client.stream("POST", self._url, data=form) as answer:
            body = b""
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > ANSWER_MAX:
                    return answer.status_code, b""
        return answer.status_code, body

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        """A place among those who wait for the service; there are only so many."""
        if self._waiting >= _WAITING_MAX:
            raise self._unavailable("too many wait")
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    def _unavailable(self, reason: str) -> Unavailable:
        """The refusal; the log says it too, but not for each of them, and never a token or the secret."""
        now = time.monotonic()
        if now - self._said_at > _SAY_AGAIN_SECONDS:
            self._said_at = now
            _log.warning("captcha.unavailable", provider=self._provider, reason=reason)
        return Unavailable("captcha_unavailable", "The captcha cannot be judged right now. Try again in a moment.", 5)

    @cached_property
    def _client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            verify=self._trusted or ssl.create_default_context(),
            timeout=httpx2.Timeout(self._seconds, connect=self._seconds / 2),
            limits=httpx2.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_MAX),
            follow_redirects=False,
            trust_env=False,
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        )
