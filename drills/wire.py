"""One connection to a server that may die at any moment: raw, so that thousands of requests a second cost little."""

import asyncio
import json
import time
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: a status, or the name of what the connection died of."""

    outcome: int | str
    seconds: float
    head: str = ""
    body: bytes = b""

    @property
    def nobody_listened(self) -> bool:
        """Whether the request was certainly not read."""
        return self.outcome == "ConnectionRefusedError"

    def header(self, name: str) -> str | None:
        """The first header of this name."""
        for line in self.head.split("\r\n")[1:]:
            found, _, value = line.partition(":")
            if found.lower() == name.lower():
                return value.strip()
        return None

    def json(self) -> Any:  # noqa: ANN401 - whatever the server said
        return json.loads(self.body)


class Wire:
    """Sends one request after another, and connects again where the connection was lost."""

    def __init__(self, port: int, token: str = "", *, address: str | None = None, patience_seconds: float = 30) -> None:
        self._port = port
        self._authorization = f"Authorization: Bearer {token}\r\n" if token else ""
        self._address = None if address is None else (address, 0)
        self._patience_seconds = patience_seconds
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._writer is not None:
            with suppress(OSError):
                self._writer.close()
        self._reader = self._writer = None

    async def connect(self) -> None:
        """Connect now, and not with the first request."""
        self._reader, self._writer = await asyncio.open_connection(
            "127.0.0.1", self._port, local_addr=self._address, limit=2**20
        )

    async def get(self, path: str) -> Reply:
        return await self.send("GET", path)

    async def post(self, path: str, body: object, key: str | None = None, headers: str = "") -> Reply:
        """`headers` are whole lines, each with its line end."""
        named = f"Idempotency-Key: {key}\r\n" if key is not None else ""
        return await self.send("POST", path, json.dumps(body).encode(), f"{named}{headers}")

    async def send(self, method: str, path: str, body: bytes = b"", headers: str = "") -> Reply:
        described = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: kado\r\n{self._authorization}{headers}{described}\r\n"
        began = time.perf_counter()
        try:
            async with asyncio.timeout(self._patience_seconds):
                said, came = await self._exchange(head.encode() + body)
        except (OSError, EOFError) as error:  # a timeout is an OSError
            self.close()
            return Reply(type(error).__name__, time.perf_counter() - began)
        return Reply(int(said[9:12]), time.perf_counter() - began, said, came)

    async def _exchange(self, request: bytes) -> tuple[str, bytes]:
        if self._reader is None or self._writer is None or self._reader.at_eof():
            self.close()
            await self.connect()
        assert self._reader is not None
        assert self._writer is not None
        self._writer.write(request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lower = head.lower()
        at = lower.find("\r\ncontent-length:")
        length = int(lower[at + 17 : lower.index("\r\n", at + 2)]) if at >= 0 else 0
        body = await self._reader.readexactly(length) if length else b""
        if "\r\nconnection: close" in lower:
            self.close()
        return head, body
