"""One request to one endpoint: to an address that was checked, within five seconds, believing nothing it says."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv6Address
from typing import Final

import httpx2

from kado import __version__
from kado.webhooks import sign
from kado.webhooks.address import Address, Blocked, Networks, Resolve, Target, addresses_of, system_resolver, take_apart

SECONDS_MAX: Final = 5
"""For everything: looking the name up, connecting, sending, waiting for the answer."""

ANSWER_MAX: Final = 65_536
_CONNECT_SHARE: Final = 0.45
_AGENT: Final = f"Kado/{__version__}"


class NotReached(Exception):
    """There is no answer. `reason` is one of our own phrases; it is kept in a table and shown to the merchant."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Answered:
    """What the endpoint said; `body` is empty unless it was asked for."""

    status: int
    body: bytes = b""


class Poster:
    """Sends signed events. Safe to share between tasks. `allowed` names networks that are not public and called anyway.

    `resolve` and `trusted` (whose certificates are believed) are the machine's own unless given.
    """

    def __init__(
        self,
        allowed: Networks = (),
        *,
        resolve: Resolve = system_resolver,
        trusted: ssl.SSLContext | None = None,
        seconds: float = SECONDS_MAX,
    ) -> None:
        self._allowed = allowed
        self._resolve = resolve
        self._given = trusted
        self._seconds = seconds

    async def check(self, url: str) -> None:
        """Raises `Blocked` unless the URL may be called as things are now. Connects to nothing."""
        try:
            async with asyncio.timeout(self._seconds):
                await addresses_of(take_apart(url), self._allowed, self._resolve)
        except TimeoutError:
            raise Blocked from None

    async def post(
        self, url: str, secrets: Sequence[str], message_id: str, body: bytes, *, want_body: bool = False
    ) -> Answered:
        """Send the event, signed at this moment with each of the secrets.

        Raises `NotReached`; redirects are answers like any other.
        """
        headers = sign.headers(secrets, message_id, int(time.time()), body)
        try:
            async with asyncio.timeout(self._seconds):
                ends = asyncio.get_running_loop().time() + self._seconds
                target = take_apart(url)
                addresses = await addresses_of(target, self._allowed, self._resolve)
                return await self._to_first(target, addresses, headers, body, want_body, ends)
        except Blocked:
            raise NotReached("the address may not be called, or its name cannot be looked up") from None
        except (TimeoutError, httpx2.TimeoutException):
            raise NotReached(f"no answer within {self._seconds} seconds") from None
        except httpx2.ConnectError as error:
            raise NotReached(_why_no_connection(error)) from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError):
            raise NotReached("the connection broke, or the answer was not HTTP") from None

    async def _to_first(
        self,
        target: Target,
        addresses: list[Address],
        headers: dict[str, str],
        body: bytes,
        want_body: bool,
        ends: float,
    ) -> Answered:
        """The first address that takes a connection gets the request; nothing is sent to a second one."""
        *others, last = addresses
        for address in others:
            try:
                return await self._once(target, address, headers, body, want_body, ends)
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                continue
        return await self._once(target, last, headers, body, want_body, ends)

    async def _once(
        self, target: Target, address: Address, headers: dict[str, str], body: bytes, want_body: bool, ends: float
    ) -> Answered:
        # The URL holds the address itself, so that nothing looks the name up again; the name is what the endpoint is
        # told and what its certificate must be for.
        place = f"[{address}]" if isinstance(address, IPv6Address) else str(address)
        given = {
            "Host": target.authority,
            "Content-Type": "application/json",
            "User-Agent": _AGENT,
            "Accept-Encoding": "identity",
            "Connection": "close",
            **headers,
        }
        # Connecting and the TLS handshake each get less than half of what is left: the client closes its socket when
        # its own time is up, but not when it is cancelled from outside during a handshake.
        left = max(0.01, ends - asyncio.get_running_loop().time())
        timeout = httpx2.Timeout(self._seconds, connect=left * _CONNECT_SHARE)
        async with (
            httpx2.AsyncClient(
                verify=self._trusted, timeout=timeout, follow_redirects=False, trust_env=False
            ) as client,
            client.stream(
                "POST",
                f"{target.scheme}://{place}:{target.port}{target.path}",
                content=body,
                headers=given,
                extensions={"sni_hostname": target.host},
            ) as answer,
        ):
            return Answered(answer.status_code, await _start_of(answer.aiter_raw()) if want_body else b"")

    @cached_property
    def _trusted(self) -> ssl.SSLContext:
        # Reading the list of authorities takes longer than a request, so it is read once.
        return self._given or ssl.create_default_context()


async def _start_of(chunks: AsyncIterator[bytes]) -> bytes:
    body = b""
    async for chunk in chunks:
        body += chunk
        if len(body) >= ANSWER_MAX:
            break
    return body[:ANSWER_MAX]


def _why_no_connection(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError) or "CERTIFICATE" in str(cause):
            return "no secure connection: the certificate or the TLS version is not acceptable"
        cause = cause.__cause__ or cause.__context__
    return "no connection"
