"""A service that judges captchas: a real HTTPS server in place of Turnstile or hCaptcha, strict about what it gets."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

SECRET = "0x4AAAA-the-secret-of-the-widget"
SITE_KEY = "0x4AAAA-the-site-key"

HANG, DROP, ENDLESS = "hang", "drop", "endless"


@dataclass
class Service:
    """Accepts each token that begins with "good" as often as `accepts` says, as the real ones do once.

    `answers` are given first: a status and a body, or one of the words above.
    """

    accepts: int = 1
    answers: list[tuple[int, bytes] | str] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    open_most: int = 0
    asked_at_once: int = 0
    asked_at_once_most: int = 0
    hanging: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0
    _seen: dict[str, int] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}/turnstile/v0/siteverify"

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self.open_most = max(self.open, self.open_most)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
                while await self._once(reader, writer):
                    pass
        finally:
            writer.close()
            with suppress(ConnectionError, TimeoutError, ssl.SSLError):
                await asyncio.wait_for(writer.wait_closed(), 1)
            self.open -= 1

    async def _once(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request; whether the connection stays open."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(int(line[15:]) for line in head.splitlines() if line.lower().startswith("content-length:"))
        body = (await reader.readexactly(length)).decode()
        self.heads.append(head)
        self.forms.append({name: value[0] for name, value in parse_qs(body, keep_blank_values=True).items()})
        self.asked_at_once += 1
        self.asked_at_once_most = max(self.asked_at_once, self.asked_at_once_most)
        try:
            return await self._answer(writer, self.answers.pop(0) if self.answers else self._verdict())
        finally:
            self.asked_at_once -= 1

    def _verdict(self) -> tuple[int, bytes]:
        form = self.forms[-1]
        said: dict[str, Any] = {"success": False, "error-codes": []}
        if form.get("secret") != SECRET:
            said["error-codes"] = ["invalid-input-secret"]
        elif not form.get("response", "").startswith("good"):
            said["error-codes"] = ["invalid-input-response"]
        elif self._seen.get(form["response"], 0) >= self.accepts:
            said["error-codes"] = ["timeout-or-duplicate"]
        else:
            self._seen[form["response"]] = self._seen.get(form["response"], 0) + 1
            said = {"success": True, "challenge_ts": "2026-11-26T12:00:00Z", "hostname": "cards.flowers.example"}
        return 200, json.dumps(said).encode()

    async def _answer(self, writer: asyncio.StreamWriter, answer: tuple[int, bytes] | str) -> bool:
        if not isinstance(answer, str):
            await self._say(writer, *answer)
            return True
        if answer == HANG:
            await self.hanging.wait()
            return False
        if answer == DROP:
            return False
        assert answer == ENDLESS
        await self._endless(writer)
        return False

    async def _endless(self, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        while True:
            writer.write(b" " * 16_384)
            await writer.drain()

    async def _say(self, writer: asyncio.StreamWriter, status: int, body: bytes) -> None:
        place = "Location: https://127.0.0.1:1/elsewhere\r\n" if 300 <= status < 400 else ""
        head = f"HTTP/1.1 {status} x\r\n{place}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()


@asynccontextmanager
async def judging(tls: ssl.SSLContext, **behaviour: Any) -> AsyncIterator[Service]:
    """The service on a free port of this machine, for as long as the block lasts."""
    service = Service(**behaviour)
    server = await asyncio.start_server(service.take, "127.0.0.1", 0, ssl=tls)
    service.port = server.sockets[0].getsockname()[1]
    try:
        yield service
    finally:
        service.hanging.set()
        server.close()
        async with asyncio.timeout(10):
            while service.open:  # whoever asks hangs up
                await asyncio.sleep(0.01)
