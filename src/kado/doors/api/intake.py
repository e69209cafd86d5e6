"""Taking a request in: its size, its speed, its encoding, and the body as a whole."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final

from starlette.types import Message, Receive, Scope

from kado.errors import Refusal, Unavailable

_NOT_ENCODED: Final = (b"identity", b"")
_LENGTH_DIGITS: Final = 15
# Stands for a header that was sent twice with different values: no type, no encoding, no name looks like it.
_CONTRADICTION: Final = b"\0"


BODY_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a request is read, and for how long we wait for it."""

    header_bytes: int = 16 * 1024
    body_bytes: int = BODY_BYTES
    body_seconds: float = 30
    discard_bytes: int = 16 * 1024 * 1024
    discard_seconds: float = 2


@dataclass(slots=True)
class Larger:
    """Where bodies may be larger than elsewhere, for those of whom `may` says so, a few at a time."""

    method: str
    path: re.Pattern[str]
    body_bytes: int
    may: Callable[[str | None], Awaitable[bool]]
    """Of the value of the request's `Authorization` header."""
    at_once: int = 4
    under_way: int = 0

    async def is_for(self, scope: Scope, announced: int | None) -> bool:
        """Whether this request's body, of `announced` bytes if that was said, is to be read under the larger limit."""
        if scope["method"] != self.method or not self.path.fullmatch(scope["path"]):
            return False
        if announced is not None and announced <= BODY_BYTES:
            return False
        given = dict(scope["headers"]).get(b"authorization")
        return await self.may(None if given is None else given.decode("latin-1"))

    @contextmanager
    def room(self) -> Iterator[None]:
        """One of the few places. Raises `Unavailable` while all are taken, so that memory stays bounded."""
        if self.under_way >= self.at_once:
            raise Unavailable("busy", "Too many large requests at once; send it again.", 1)
        self.under_way += 1
        try:
            yield
        finally:
            self.under_way -= 1


class TurnedAway(Refusal):
    """Refused before its body was read: answered at once, the rest discarded, the connection closed."""


class HeadersTooLarge(TurnedAway):
    """All headers together are larger than we read."""

    status = 431


class BodyTooLarge(TurnedAway):
    """The body is longer than we read, by its own account or while it came."""

    status = 413


class BodyTooSlow(TurnedAway):
    """The body was not complete in time."""

    status = 408


class UnsupportedEncoding(TurnedAway):
    """A compressed body: small on the wire, as large as it likes once unpacked."""

    status = 415


class UnsupportedMediaType(Refusal):
    """A body of another type than is read here."""

    status = 415

    def __init__(self, detail: str) -> None:
        super().__init__("unsupported_media_type", detail)


class Disconnected(Exception):
    """The client left before its request was complete; there is nobody to answer."""


class Intake:
    """One request on its way in."""

    def __init__(self, headers: Iterable[tuple[bytes, bytes]], limits: Limits, receive: Receive) -> None:
        self._limits = limits
        self._receive = receive
        self._complete = False
        self._header_bytes = 0
        self._headers: dict[bytes, bytes] = {}
        for name, value in headers:
            self._header_bytes += len(name) + len(value)
            if self._headers.setdefault(name, value) != value:
                self._headers[name] = _CONTRADICTION

    @property
    def announced(self) -> int | None:
        """How long the body is by its own account; None where nothing was said."""
        length = self.header(b"content-length")
        return int(length) if length.isdigit() and len(length) <= _LENGTH_DIGITS else None

    def allow(self, body_bytes: int) -> None:
        """Read this one up to another limit."""
        self._limits = replace(self._limits, body_bytes=body_bytes)

    def header(self, name: bytes) -> bytes:
        """The value of a header by its lower-case name; empty where it was not sent."""
        return self._headers.get(name, b"")

    @property
    def media_type(self) -> bytes:
        """The content type without its parameters, in lower case; empty where none was sent."""
        return self.header(b"content-type").split(b";", 1)[0].strip().lower()

    async def read(self) -> bytes:
        """The whole body. Raises `TurnedAway` for what must not be read, `Disconnected` when the client left."""
        self._refuse_by_headers()
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                return await self._collect()
        except TimeoutError:
            raise BodyTooSlow("body_too_slow", "The body did not arrive in time.") from None

    def _refuse_by_headers(self) -> None:
        if self._header_bytes > self._limits.header_bytes:
            raise HeadersTooLarge("headers_too_large", "The request headers are too large.")
        if self.header(b"content-encoding").strip().lower() not in _NOT_ENCODED:
            raise UnsupportedEncoding("unsupported_encoding", "A body must be sent without content encoding.")
        length = self.header(b"content-length")
        if len(length) > _LENGTH_DIGITS or (length.isdigit() and int(length) > self._limits.body_bytes):
            raise self._too_large()

    async def _collect(self) -> bytes:
        body = bytearray()
        while True:
            message = await self._next()
            if message["type"] == "http.disconnect":
                raise Disconnected
            body += message.get("body", b"")
            if len(body) > self._limits.body_bytes:
                raise self._too_large()
            if self._complete:
                return bytes(body)

    async def _next(self) -> Message:
        """The next message, noting whether it was the last: after that one, the server would only wait."""
        message = await self._receive()
        self._complete = message["type"] != "http.request" or not message.get("more_body")
        return message

    def _too_large(self) -> BodyTooLarge:
        most = self._limits.body_bytes
        return BodyTooLarge("body_too_large", f"The body is larger than {most} bytes.", members={"maxBytes": most})

    def replay(self, body: bytes) -> Receive:
        """A `receive` that gives the body once, whole, and then what the server says."""
        pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            return pending.pop() if pending else await self._receive()

        return receive

    async def discard(self) -> None:
        """Let the client finish sending, within bounds, so that it gets to read the answer instead of a reset."""
        left = self._limits.discard_bytes
        with suppress(TimeoutError):
            async with asyncio.timeout(self._limits.discard_seconds):
                while left > 0 and not self._complete:
                    message = await self._next()
                    left -= len(message.get("body", b""))
