"""`GET /metrics` on a socket of its own: one question, one answer, and the connection is over.

Nothing of the API stands behind this port, and nothing of this stands behind the API's.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final, cast

import httptools
import structlog

from kado.crypto import equal

Expose = Callable[[str], tuple[str, bytes]]
"""Given an `Accept` header, the content type and the text."""

_log: Any = structlog.get_logger("kado.metrics")
_HEAD_BYTES: Final = 16 * 1024
_SECONDS: Final = 10.0
_AT_ONCE: Final = 16


@asynccontextmanager
async def serving(address: str, port: int, token: str | None, expose: Expose) -> AsyncIterator[None]:
    """Answer there while inside. Raises `OSError` when the port is taken."""
    connections: set[_Asking] = set()
    server = await asyncio.get_running_loop().create_server(
        lambda: _Asking(connections, token, expose), address, port, reuse_address=True
    )
    try:
        yield
    finally:
        server.close()
        for connection in list(connections):
            connection.cut()


class _Asking(asyncio.Protocol):
    """One connection."""

    def __init__(self, connections: "set[_Asking]", token: str | None, expose: Expose) -> None:
        self._connections = connections
        self._token = token
        self._expose = expose
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._unread = 0
        self._target = b""
        self._headers: dict[bytes, bytes] = {}
        self._is_answered = False

    # ── the connection ─────────────────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)
        self._end = asyncio.get_running_loop().call_later(_SECONDS, self.cut)
        if len(self._connections) > _AT_ONCE:
            self._say(HTTPStatus.SERVICE_UNAVAILABLE)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as asyncio calls it
        self._connections.discard(self)
        self._end.cancel()

    def cut(self) -> None:
        """End it, whatever is under way."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._is_answered:
            return
        self._unread += len(data)
        if self._unread > _HEAD_BYTES:
            self._say(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._say(HTTPStatus.BAD_REQUEST)

    # ── the request, as the parser tells it ────────────────────────────────────────────────────────────────────────

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        status = self._status()
        if status is not HTTPStatus.OK:
            self._say(status)
            return
        try:
            content_type, body = self._expose(self._headers.get(b"accept", b"").decode("latin-1"))
        except Exception as error:  # noqa: BLE001 - a server sells on, whatever is wrong with what it counts
            _log.error("metrics.fault", error=type(error).__name__)
            self._say(HTTPStatus.INTERNAL_SERVER_ERROR)
        else:
            self._say(HTTPStatus.OK, content_type, body)

    def _status(self) -> HTTPStatus:
        if self._token is not None:
            given = self._headers.get(b"authorization", b"")
            if not equal(given, b"Bearer " + self._token.encode()):
                return HTTPStatus.UNAUTHORIZED
        if self._target.partition(b"?")[0] != b"/metrics":
            return HTTPStatus.NOT_FOUND
        if self._parser.get_method() not in (b"GET", b"HEAD"):
            return HTTPStatus.METHOD_NOT_ALLOWED
        return HTTPStatus.OK

    def _say(self, status: HTTPStatus, content_type: str = "text/plain; charset=utf-8", body: bytes = b"") -> None:
        if self._is_answered or self._transport is None:
            return
        self._is_answered = True
        body = body or f"{status.value} {status.phrase}\n".encode()
        head = [
            f"HTTP/1.1 {status.value} {status.phrase}",
            f"Content-Type: {content_type}",
            f"Content-Length: {len(body)}",
            "Cache-Control: no-store",
            "X-Content-Type-Options: nosniff",
            "Connection: close",
        ]
        if status is HTTPStatus.UNAUTHORIZED:
            head.append("WWW-Authenticate: Bearer")
        is_head = status is HTTPStatus.OK and self._parser.get_method() == b"HEAD"
        self._transport.write("\r\n".join([*head, "", ""]).encode() + (b"" if is_head else body))
        self._transport.close()
