"""One client's connection, and the hall in which all connections of a process are kept.

By itself uvicorn waits for ever for the head of a request and for a client that does not take its answer, holds heads
of any size in memory, adds what comes behind a chunked body to the headers, and lets in as many as come. Here all of
that has an end.
"""

import asyncio
import socket
import struct
import time
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from kado.doors.api import answers
from kado.doors.api.intake import HeadersTooLarge, HeadersTooSlow
from kado.errors import Unavailable

# The transport asks for more when less than a quarter of its buffer of 64 kB is left.
_TAKEN_AT_A_TIME: Final = 48 * 1024
_LAST_SECONDS: Final = 1
_A_MOMENT: Final = 1.0
_AT_ONCE: Final = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the connections of one process may take of it."""

    connections: int = 4000
    head_seconds: float = 10
    """From the first byte of a request, or from the connection, to the end of its headers."""
    head_bytes: int = 32 * 1024
    """As sent. What the headers themselves may come to is the gate's business, and less."""
    requests_ahead: int = 16
    """That a client may send before it has its first answer."""
    take_seconds: float = 20
    take_bytes: int = 32 * 1024
    """So much of an answer has to be taken within those seconds, or all of it."""


class Hall:
    """The connections of one process. Whoever keeps it waiting too long is shown out; so is, when it is full, whoever
    has been without a request for longest."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self._idle: OrderedDict[Connection, float | None] = OrderedDict()

    def waits(self, connection: "Connection", since: float | None) -> None:
        """No request of this one is being answered. `since` is when it began with one; None: it need not."""
        self._idle[connection] = since

    def is_busy(self, connection: "Connection") -> None:
        """It has sent a request, or left."""
        self._idle.pop(connection, None)

    def begins(self, connection: "Connection") -> None:
        """It sends something; the first byte of a request sets the time."""
        if self._idle.get(connection, 0) is None:
            self._idle[connection] = time.monotonic()

    def has_room(self, connections: int) -> bool:
        """Whether one more may come in, now that so many are there; another may have to go for it."""
        if connections <= self.bounds.connections:
            return True
        if not self._idle:
            return False
        longest, _ = self._idle.popitem(last=False)
        longest.transport.abort()
        return True

    def look_round(self, connections: Iterable[object]) -> None:
        """Show out who has kept us waiting for too long. Called every second."""
        now = time.monotonic()
        for connection, since in list(self._idle.items()):
            if since is not None and now - since > _A_MOMENT:
                connection.is_slow()
            if since is not None and now - since > self.bounds.head_seconds and connection in self._idle:
                connection.give_up()
        for one in list(connections):
            if isinstance(one, Connection) and not one.takes_its_answer(now):
                one.cut_off()


class Config(uvicorn.Config):
    """How HTTP is served here. Processes have a hall each."""

    def __init__(
        self,
        app: ASGIApp,
        bounds: Bounds,
        *,
        protocol: "type[Connection] | None" = None,
        **more: Any,  # noqa: ANN401 - uvicorn's own options
    ) -> None:
        self.protocol = protocol or Connection
        super().__init__(
            app,
            http=self.protocol,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=75,
            backlog=4096,
            **more,
        )
        self.hall = Hall(bounds)


class Connection(HttpToolsProtocol):
    """One client's connection."""

    config: Config
    _is_ending = False
    _is_over = False
    _is_in_head = False
    _unread = 0
    """Bytes since the last one that was part of a body, or the end of a request's headers or of the request."""
    _resumed = 0
    _untaken: tuple[float, int, int] | None = None
    """Since when there has been something to take, how much it was then, and how often more was asked for by then."""

    # ── coming and going ───────────────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is here, if there is room."""
        super().connection_made(transport)
        hall = self.config.hall
        if hall.has_room(len(self.connections)):
            hall.waits(self, time.monotonic())
        else:
            self._refuse(answers.render(Unavailable("busy", "Too many connections; try again.")))
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone, or was shown out."""
        self.config.hall.is_busy(self)
        # Otherwise its timer keeps all of this in memory for another minute.
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def cut_off(self) -> None:
        """End it at once. What is on its way is dropped by the kernel too, which would try for minutes."""
        with suppress(OSError):  # it left
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        self.transport.abort()

    def give_up(self) -> None:
        """Nothing that could be answered has come in time."""
        self.config.hall.is_busy(self)
        if self._is_in_head:
            self._refuse(answers.render(HeadersTooSlow("headers_too_slow", "The request did not arrive in time.")))
        else:
            self.transport.close()

    def is_slow(self) -> None:
        """Some of a request is here, and has been for a moment. To be overridden."""

    def end_after_answer(self) -> None:
        """The answer under way, or else the next one, is the last."""
        self._is_ending = True
        if self._is_answering():
            self.cycle.keep_alive = False

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    # ── what comes in ──────────────────────────────────────────────────────────────────────────────────────────────

    def data_received(self, data: bytes) -> None:
        """A piece of a request, or several requests."""
        if self._is_over:
            return
        self._unread += len(data)
        self.config.hall.begins(self)
        super().data_received(data)
        if self._unread > self.config.hall.bounds.head_bytes and not self._is_over:
            self._refuse(answers.render(HeadersTooLarge("headers_too_large", "The request headers are too large.")))

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._is_in_head = True
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header. What comes behind a chunked body is none: nobody on the way here has looked at it."""
        if self._is_in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """There is a request to be answered."""
        if len(self.pipeline) >= self.config.hall.bounds.requests_ahead or not self._is_clear():
            raise _Refused
        self._is_in_head = False
        self._unread = 0
        super().on_headers_complete()
        self.config.hall.is_busy(self)
        if self._is_ending and self.cycle is not None:
            self.cycle.keep_alive = False

    def _is_clear(self) -> bool:
        """Whether everybody on the way here must have understood the same: where it ends, and for whom it is."""
        version, named = self.parser.get_http_version(), [name for name, _ in self.headers]
        coded = [value for name, value in self.headers if name == b"transfer-encoding"]
        if coded and (version != "1.1" or len(coded) > 1 or coded[0].lower() != b"chunked"):
            return False
        hosts = named.count(b"host")
        return hosts == 1 if version == "1.1" else version == "1.0" and hosts <= 1

    def on_body(self, body: bytes) -> None:
        """A piece of its body; nobody keeps one whose answer has begun."""
        self._unread = 0
        super().on_body(b"" if self.cycle.response_started else body)

    def on_message_complete(self) -> None:
        """The last byte of a request."""
        self._unread = 0
        super().on_message_complete()

    # ── what goes out ──────────────────────────────────────────────────────────────────────────────────────────────

    def resume_writing(self) -> None:
        """The client has taken most of what there was to take."""
        self._resumed += 1
        super().resume_writing()

    def on_response_complete(self) -> None:
        """The answer is given; perhaps the next request is here already."""
        is_last = not self.pipeline
        super().on_response_complete()
        if is_last and not self.transport.is_closing():
            self.config.hall.waits(self, time.monotonic() if self._is_in_head else None)

    def takes_its_answer(self, now: float) -> bool:
        """Whether the client reads what it was sent, at the pace that `Bounds` ask for."""
        size = self.transport.get_write_buffer_size()
        if size == 0:
            self._untaken = None
            return True
        if self._untaken is None:
            self._untaken = now, size, self._resumed
        since, before, resumed = self._untaken
        if now - since < self.config.hall.bounds.take_seconds:
            return True
        self._untaken = now, size, self._resumed
        taken = (self._resumed - resumed) * _TAKEN_AT_A_TIME + before - size
        return taken >= self.config.hall.bounds.take_bytes

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the text is uvicorn's, ours has the API's shape
        """What is no HTTP gets the same shape of answer as everything else."""
        self._refuse(answers.plain(400))

    def _refuse(self, rendered: answers.Rendered) -> None:
        """Answer what never became a request, and end. Behind requests that are, they are answered and that is all."""
        if self.transport.is_closing():
            return
        if self.pipeline or (self._is_answering() and (self.cycle.response_started or not self.cycle.more_body)):
            self.cycle.keep_alive = False
            self.flow.pause_reading()
            return
        status, body, headers = rendered
        headers = headers | {
            "Content-Length": str(len(body)),
            "Connection": "close",
            **answers.STANDARD,
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.transport.write(f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{lines}\r\n".encode("ascii") + body)
        self.transport.write_eof()
        # Who still sends would otherwise see a reset instead of the answer.
        self._is_over = True
        self.config.hall.is_busy(self)
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.loop.call_later(_LAST_SECONDS, self.transport.close)


class _Refused(Exception):
    """The parser would go on; we do not."""
