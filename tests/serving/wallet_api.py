"""Google as far as wallets need it: access tokens for signed assertions, and objects that are written over REST."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

import jwt


@dataclass
class WalletApi:
    """Keeps what is written. `answers` are statuses for the next writes, in place of what would be answered."""

    public_key: Any
    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    assertions: list[dict[str, Any]] = field(default_factory=list)
    tokens: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def token_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/token"

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                first, *lines = head.strip().split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                status, said = self._answer(first, headers, body)
                told = json.dumps(said).encode()
                writer.write(f"HTTP/1.1 {status} x\r\nContent-Length: {len(told)}\r\n\r\n".encode() + told)
                await writer.drain()
        writer.close()

    def _answer(self, first: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        method, path, _ = first.split()
        if path == "/token":
            form = parse_qs(body.decode())
            assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
            said = jwt.decode(form["assertion"][0], self.public_key, ["RS256"], audience=self.token_url)
            self.assertions.append(said)
            self.tokens += 1
            return 200, {"access_token": f"token-{self.tokens}", "expires_in": 3600}
        self.asked.append(f"{method} {path.removeprefix('/v1')}")
        if headers.get("authorization") != f"Bearer token-{self.tokens}":
            return 401, {}
        if self.answers and (status := self.answers.pop(0)):
            return status, {}
        said = json.loads(body)
        if method == "PUT" and said["id"] not in self.kept:
            return 404, {}
        self.kept[said["id"]] = said
        return 200, said


@asynccontextmanager
async def keeping(public_key: Any) -> AsyncIterator[WalletApi]:
    """The service on a free port of this machine, for as long as the block lasts."""
    service = WalletApi(public_key)
    server = await asyncio.start_server(service.take, "127.0.0.1", 0)
    service.port = server.sockets[0].getsockname()[1]
    try:
        yield service
    finally:
        server.close()


@contextmanager
def keeping_beside(public_key: Any) -> Iterator[WalletApi]:
    """The same, in a thread of its own: for whoever has no loop."""
    begun: Future[tuple[WalletApi, asyncio.Event, asyncio.AbstractEventLoop]] = Future()

    async def keep() -> None:
        async with keeping(public_key) as service:
            over = asyncio.Event()
            begun.set_result((service, over, asyncio.get_running_loop()))
            await over.wait()

    thread = Thread(target=asyncio.run, args=(keep(),))
    thread.start()
    service, over, loop = begun.result(10)
    try:
        yield service
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
