"""A merchant's endpoint for events: a real HTTP server that keeps what it was sent and answers as it is told."""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

HANG, DROP, ENDLESS = "hang", "drop", "endless"


@dataclass(frozen=True)
class Received:
    """One request, as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self.body)
        return said


@dataclass
class Receiver:
    """Answers the next events as `answers` says in turn, then 200. Sends verification tokens back, unless told not to.

    An answer is a status line without its version; `HANG` never answers while `hanging` is true, `DROP` closes the
    connection, `ENDLESS` sends a body without an end.
    """

    answers: list[str] = field(default_factory=list)
    usual: str = "200 OK"
    token_answer: Callable[[str], bytes] = str.encode
    verify_answer: str = "200 OK"
    received: list[Received] = field(default_factory=list)
    verified: list[Received] = field(default_factory=list)
    connections: int = 0
    busy: int = 0
    busy_most: int = 0
    hanging: bool = True
    sent: int = 0
    port: int = 0
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/hook?from=kado"

    def of_type(self, event_type: str) -> list[dict[str, Any]]:
        """The events of this type that it was sent, oldest first."""
        return [one.event for one in self.received if one.event["type"] == event_type]

    async def until(self, count: int, seconds: float = 10) -> list[Received]:
        """What it was sent, once that is so much."""
        deadline = time.monotonic() + seconds
        while len(self.received) < count:
            assert time.monotonic() < deadline, f"{len(self.received)} of {count} events within {seconds} s"
            await asyncio.sleep(0.01)
        return list(self.received)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.busy += 1
        self.busy_most = max(self.busy, self.busy_most)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._answer(await _request(reader), writer)
        finally:
            writer.close()
            with suppress(ConnectionError, TimeoutError):
                await asyncio.wait_for(writer.wait_closed(), 1)
            self.busy -= 1

    async def _answer(self, request: Received, writer: asyncio.StreamWriter) -> None:
        if request.event["type"] == "webhook.verify":
            self.verified.append(request)
            answer, body = self.verify_answer, self.token_answer(request.event["data"]["token"])
        else:
            self.received.append(request)
            answer, body = (self.answers.pop(0) if self.answers else self.usual), b"{}"
        if answer == HANG:
            while self.hanging:
                await asyncio.sleep(0.01)
            answer = "200 OK"
        if answer == DROP:
            return
        if answer == ENDLESS:
            await self._endless(writer)
            return
        place = "Location: /elsewhere\r\n" if answer.startswith("3") else ""
        writer.write(f"HTTP/1.1 {answer}\r\n{place}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()

    async def _endless(self, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while True:
            writer.write(b"x" * 16_384)
            self.sent += 16_384
            await writer.drain()


@asynccontextmanager
async def receiving(tls: ssl.SSLContext | None = None, **behaviour: Any) -> AsyncIterator[Receiver]:
    """An endpoint on a free port of this machine, for as long as the block lasts."""
    receiver = Receiver(scheme="http" if tls is None else "https", **behaviour)
    server = await asyncio.start_server(receiver.take, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        receiver.hanging = False
        server.close()
        async with asyncio.timeout(10):
            while receiver.busy:  # whoever called hangs up
                await asyncio.sleep(0.01)


async def _request(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    method, path, _ = head[0].split(" ")
    return Received(method, path, headers, body)
