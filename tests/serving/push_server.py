"""Apple's push service as far as passes need it: HTTP/2 over TLS, asking for the client's certificate."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded


@dataclass(frozen=True)
class Push:
    """One request, as it came."""

    path: str
    headers: dict[str, str]
    body: bytes
    certificate: dict[str, Any]


@dataclass
class PushServer:
    """Answers the next pushes as `answers` says in turn (status, reason), then 200."""

    answers: list[tuple[int, str]] = field(default_factory=list)
    received: list[Push] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    async def until(self, count: int) -> list[Push]:
        """What it was sent, once that is so much."""
        async with asyncio.timeout(10):
            while len(self.received) < count:
                await asyncio.sleep(0.01)
        return list(self.received)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        shown = writer.get_extra_info("peercert") or {}
        connection = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        connection.initiate_connection()
        requests: dict[int, tuple[dict[str, str], bytearray]] = {}
        with suppress(ConnectionError, ssl.SSLError):
            writer.write(connection.data_to_send())
            while data := await reader.read(65_536):
                for event in connection.receive_data(data):
                    if isinstance(event, RequestReceived):
                        requests[event.stream_id] = ({str(k): str(v) for k, v in event.headers}, bytearray())
                    elif isinstance(event, DataReceived):
                        requests[event.stream_id][1].extend(event.data)
                        connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    elif isinstance(event, StreamEnded):
                        self._answer(connection, event.stream_id, *requests.pop(event.stream_id), shown)
                writer.write(connection.data_to_send())
                await writer.drain()
        writer.close()

    def _answer(
        self, connection: H2Connection, stream: int, headers: dict[str, str], body: bytearray, shown: dict[str, Any]
    ) -> None:
        self.received.append(Push(headers[":path"], headers, bytes(body), shown))
        status, reason = self.answers.pop(0) if self.answers else (200, "")
        said = json.dumps({"reason": reason}).encode() if reason else b""
        connection.send_headers(stream, [(":status", str(status)), ("content-length", str(len(said)))])
        connection.send_data(stream, said, end_stream=True)


@asynccontextmanager
async def pushing(context: ssl.SSLContext, **behaviour: Any) -> AsyncIterator[PushServer]:
    """The service on a free port of this machine, for as long as the block lasts."""
    context.set_alpn_protocols(["h2"])
    service = PushServer(**behaviour)
    server = await asyncio.start_server(service.take, "127.0.0.1", 0, ssl=context)
    service.port = server.sockets[0].getsockname()[1]
    try:
        yield service
    finally:
        server.close()
