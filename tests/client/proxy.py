"""A network that misbehaves: a proxy in front of the real server that does to each request what the test says."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto


class Mishap(Enum):
    """What becomes of one request."""

    NONE = auto()
    LOSE_ANSWER = auto()  # the server has done it, and the connection breaks before anyone hears
    HANG = auto()  # the same, but the connection just falls silent
    CUT = auto()  # half of the answer arrives
    TRICKLE = auto()  # the answer arrives byte by byte, and never all of it
    RESET = auto()  # the request never reaches the server


@dataclass(frozen=True)
class Answers:
    """The proxy answers by itself; the request never reaches the server."""

    status: int
    headers: str = ""
    body: bytes = b'{"detail":"not now","code":"busy"}'


@dataclass(frozen=True)
class Seen:
    """A request as it came by."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def key(self) -> str | None:
        return self.headers.get("idempotency-key")


@dataclass
class Proxy:
    """`plan` says what happens to the next requests; when it is used up, what `usually` says: nothing."""

    upstream: int
    port: int = 0
    plan: list[Mishap | Answers] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    usually: Callable[[], Mishap | Answers] = lambda: Mishap.NONE
    answered: int = 0
    """How many answers the server has given, whether or not anyone heard them."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def will(self, *plan: Mishap | Answers) -> None:
        """Plan anew and forget what was seen."""
        self.plan = list(plan)
        self.seen = []

    @property
    def used_keys(self) -> set[str | None]:
        return {request.key for request in self.seen}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head, body = await _message(reader)
                self.seen.append(_parsed(head, body))
                await self._answer(self.plan.pop(0) if self.plan else self.usually(), head + body, reader, writer)
                if writer.is_closing():
                    break
        writer.close()

    async def _answer(
        self, what: Mishap | Answers, request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if isinstance(what, Answers):
            lines = f"HTTP/1.1 {what.status} No\r\n{what.headers}Content-Length: {len(what.body)}\r\n\r\n"
            writer.write(lines.encode() + what.body)
            return
        if what is Mishap.RESET:
            _reset(writer)
            return
        answer = await self._forward(request)
        self.answered += 1
        if what is Mishap.LOSE_ANSWER:
            _reset(writer)
        elif what is Mishap.HANG:
            await reader.read(1)  # until the client has enough of it
            writer.close()
        elif what is Mishap.CUT:
            writer.write(answer[:-10])
            await writer.drain()
            writer.close()
        elif what is Mishap.TRICKLE:
            await _trickle(answer, writer)
        else:
            writer.write(answer)

    async def _forward(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        writer.write(request)
        head, body = await _message(reader)
        writer.close()
        return head + body


@asynccontextmanager
async def proxying(upstream: int) -> AsyncIterator[Proxy]:
    """A proxy on a free port."""
    proxy = Proxy(upstream)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    yield proxy
    server.close()


async def _trickle(answer: bytes, writer: asyncio.StreamWriter) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    writer.write(head + b"\r\n\r\n")
    for byte in body[:-1]:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.05)
    writer.close()


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    if ("transfer-encoding", "chunked") in _headers(head):
        return head, await reader.readuntil(b"\r\n0\r\n\r\n")
    length = next((int(value) for name, value in _headers(head) if name == "content-length"), 0)
    return head, await reader.readexactly(length)


def _headers(head: bytes) -> Iterable[tuple[str, str]]:
    for line in head.decode("latin-1").split("\r\n")[1:]:
        name, colon, value = line.partition(":")
        if colon:
            yield name.strip().lower(), value.strip()


def _parsed(head: bytes, body: bytes) -> Seen:
    return Seen(head.split(b"\r\n", 1)[0].decode(), dict(_headers(head)), body)


def _reset(writer: asyncio.StreamWriter) -> None:
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.close()
