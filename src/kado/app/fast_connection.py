"""A connection whose plain requests take the fast lane (`doors/api/fast_lane`): uvicorn never hears of them.

Between two requests, bytes that are one whole plain request are answered here. All others go to uvicorn as they came.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from kado.app.connection import Bounds, Config, Connection
from kado.doors.api import Served
from kado.doors.api.fast_lane.lane import FastLane, Sent
from kado.doors.api.fast_lane.plain import Incomplete

_AHEAD_MAX: Final = 64 * 1024
"""Bytes that a client may send before it has its answer; then it is not read from until it has."""


class FastConfig(Config):
    """How HTTP is served where there is a fast lane."""

    def __init__(self, app: ASGIApp, bounds: Bounds, fast_lane: FastLane, **more: Any) -> None:  # noqa: ANN401 - uvicorn's
        super().__init__(app, bounds, protocol=FastConnection, **more)
        self.fast_lane = fast_lane


def configured(api: Served, bounds: Bounds, **more: Any) -> Config:  # noqa: ANN401 - uvicorn's own options
    """How the API is served."""
    if api.fast_lane is None:
        return Config(api.app, bounds, **more)
    return FastConfig(api.app, bounds, api.fast_lane, **more)


class FastConnection(Connection):
    """One client's connection."""

    config: FastConfig
    _answering: asyncio.Task[Sent] | None = None
    _held = b""
    """A plain request so far: its body is on the way. Many clients send head and body one after the other."""
    _ahead = b""
    """What came while an answer was under way."""
    _answered_at = float("-inf")

    def data_received(self, data: bytes) -> None:
        """A piece of a request, a request, or several."""
        if self._answering is not None:
            self._ahead += data
            if len(self._ahead) > _AHEAD_MAX:
                self.flow.pause_reading()
        elif self._is_between_requests():
            self._begin(data)
        else:
            super().data_received(self._with_held(data))

    def _with_held(self, data: bytes) -> bytes:
        held, self._held = self._held, b""
        return held + data

    def _is_between_requests(self) -> bool:
        """Nothing of a request is here but what is held, and none is under way."""
        if self._is_over or self._is_ending or self._is_in_head or self.flow.write_paused:
            return False
        return self.cycle is None or (self.cycle.response_complete and not self.cycle.more_body)

    def _begin(self, data: bytes) -> None:
        was_held, data = bool(self._held), self._with_held(data)
        found = self.config.fast_lane.answer(data, self.client[0] if self.client else None)
        if found is None or (was_held and isinstance(found, Incomplete)):
            super().data_received(data)
        elif isinstance(found, Incomplete):
            self._held = data
            self.config.hall.begins(self)
        else:
            self._answer(found)

    def _answer(self, answering: Coroutine[Any, Any, Sent]) -> None:
        self.config.hall.is_busy(self)
        self._answering = self.loop.create_task(answering)
        self.tasks.add(self._answering)  # type: ignore[arg-type] # uvicorn waits for it, whatever it gives
        self._answering.add_done_callback(self._answered)

    def _answered(self, task: asyncio.Task[Sent]) -> None:
        self.tasks.discard(task)
        self._answering = None
        if self.transport.is_closing():
            return
        if task.cancelled():  # before it had begun
            self.transport.close()
            return
        sent, is_last = task.result(), self._is_ending
        lines = [b"%b: %b\r\n" % pair for pair in self.server_state.default_headers]
        ending = b"connection: close\r\n\r\n" if is_last else b"\r\n"
        self.transport.write(b"".join((STATUS_LINE[sent.status], *lines, sent.head, ending, sent.body)))
        self.server_state.total_requests += 1
        if is_last:
            self.transport.close()
            return
        self.config.hall.waits(self, None)
        self._answered_at = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._wait_idle(self.timeout_keep_alive)
        if self._ahead:
            ahead, self._ahead = self._ahead, b""
            self.flow.resume_reading()
            self.data_received(ahead)

    # ── coming and going ───────────────────────────────────────────────────────────────────────────────────────────

    def is_slow(self) -> None:
        """What is held has not become a request at once: uvicorn waits for the rest, as long as is usual."""
        if self._held:
            super().data_received(self._with_held(b""))

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone. What it asked for goes on."""
        self._held = self._ahead = b""
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """The server stops: end now, or after the answer."""
        if self._answering is not None:
            self._is_ending = True
        else:
            super().shutdown()

    def timeout_keep_alive_handler(self) -> None:
        """For how long nothing was asked is looked at when the time is over, and not noted with every answer."""
        left = self._answered_at + self.timeout_keep_alive - self.loop.time()
        if self._answering is not None or left > 0:
            self._wait_idle(max(left, 1))
        else:
            super().timeout_keep_alive_handler()

    def _wait_idle(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)
