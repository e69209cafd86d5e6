"""Taking a request in: its size, its speed, its encoding, and the body as a whole."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Final

from starlette.types import Message, Receive, Scope

from kado.errors import Refusal, TooMany, Unavailable

_NOT_ENCODED: Final = (b"identity", b"")
_LENGTH_DIGITS: Final = 15
# Stands for a header that was sent twice with different values: no type, no encoding, no name looks like it.
_CONTRADICTION: Final = b"\0"


BODY_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a request is read, and for how long we wait for it."""

    header_bytes: int = 16 * 1024
    """Of the address and all headers together."""
    body_bytes: int = BODY_BYTES
    body_seconds: float = 20
    bytes_per_second: int | None = None
    """How fast a body has to come, if that matters, on average and beside a quarter of `body_seconds` to start in."""
    discard_bytes: int = 16 * 1024 * 1024
    discard_seconds: float = 2


@dataclass(slots=True)
class Larger:
    """Where bodies may be larger than elsewhere, a few at a time, and for each sender one."""

    methods: Collection[str]
    path: re.Pattern[str]
    body_bytes: int
    sender: Callable[[str | None], Awaitable[str | None]]
    """From the value of the header that proves it: on whose behalf the request comes; None for who may not."""
    at_once: int = 4
    bytes_per_second: int = 64 * 1024
    header: bytes = b"authorization"
    under_way: set[str] = field(default_factory=set)

    def is_at(self, scope: Scope) -> bool:
        """Whether this is about the place to which the request goes."""
        return scope["method"] in self.methods and self.path.fullmatch(scope["path"]) is not None

    async def sender_of(self, scope: Scope, intake: "Intake") -> str | None:
        """Whose place this request's body takes; None where it is to be read as all others are."""
        if not self.is_at(scope):
            return None
        if intake.announced is not None and intake.announced <= BODY_BYTES:
            return None
        given = intake.header(self.header)
        return await self.sender(given.decode("latin-1") or None)

    @contextmanager
    def room(self, sender: str) -> Iterator[None]:
        """One of the few places, before anything of the body is read, so that memory stays bounded.

        Raises `AlreadySending` while the sender has one, `Unavailable` while all are taken.
        """
        if sender in self.under_way:
            raise AlreadySending("large_request_under_way", "Send one large request at a time.", 1)
        if len(self.under_way) >= self.at_once:
            raise Full("busy", "Too many large requests at once; send it again.", 1)
        self.under_way.add(sender)
        try:
            yield
        finally:
            self.under_way.remove(sender)


class TurnedAway(Refusal):
    """Refused before its body was read: answered at once, the rest discarded, the connection closed."""


class AlreadySending(TurnedAway, TooMany):
    """The sender's other large body is still on its way."""


class Full(TurnedAway, Unavailable):
    """All places for large bodies are taken."""


class HeadersTooLarge(TurnedAway):
    """All headers together are larger than we read."""

    status = 431


class HeadersTooSlow(TurnedAway):
    """The headers were not complete in time."""

    status = 408


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

    def __init__(self, scope: Scope, limits: Limits, receive: Receive) -> None:
        self._limits = limits
        self._receive = receive
        self._complete = False
        headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
        self._header_bytes = len(scope.get("raw_path") or scope["path"]) + len(scope.get("query_string", b""))
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

    def allow(self, body_bytes: int, bytes_per_second: int) -> None:
        """Read this one up to another limit, as long as it comes that fast."""
        self._limits = replace(self._limits, body_bytes=body_bytes, bytes_per_second=bytes_per_second)

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
            async with asyncio.timeout(None) as patience:
                body = await self._collect(patience)
        except TimeoutError:
            raise BodyTooSlow("body_too_slow", "The body did not arrive in time.") from None
        if body is None:
            raise self._too_large()
        return body

    def _refuse_by_headers(self) -> None:
        if self._header_bytes > self._limits.header_bytes:
            raise HeadersTooLarge("headers_too_large", "The request headers are too large.")
        if self.header(b"content-encoding").strip().lower() not in _NOT_ENCODED:
            raise UnsupportedEncoding("unsupported_encoding", "A body must be sent without content encoding.")
        length = self.header(b"content-length")
        if len(length) > _LENGTH_DIGITS or (length.isdigit() and int(length) > self._limits.body_bytes):
            raise self._too_large()

    async def _collect(self, patience: asyncio.Timeout) -> bytes | None:
        """None for one that is too large: an error raised here would keep in memory what was read of it."""
        body, began = bytearray(), asyncio.get_running_loop().time()
        while True:
            patience.reschedule(began + self._seconds_for(len(body)))
            message = await self._next()
            if message["type"] == "http.disconnect":
                raise Disconnected
            body += message.get("body", b"")
            if len(body) > self._limits.body_bytes:
                return None
            if self._complete:
                return bytes(body)

    def _seconds_for(self, received: int) -> float:
        """How long after the beginning more has to come, when so much is here. What comes quickly buys time."""
        limits = self._limits
        if limits.bytes_per_second is None:
            return limits.body_seconds
        return min(limits.body_seconds, limits.body_seconds / 4 + received / limits.bytes_per_second)

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
