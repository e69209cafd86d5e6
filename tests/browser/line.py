"""The line between a till and its server, which breaks where a test says: before a request arrives, or after it was
done and before anybody hears."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.client.proxy import Answers, Mishap, Proxy


@dataclass
class Line(Proxy):
    """`cuts` is what happens to the next requests that are sent to an address with `to` in it; others pass."""

    to: str = "/redeem"
    cuts: list[Mishap | Answers] = field(default_factory=list)
    is_down: bool = False
    """Nothing passes at all."""

    async def _answer(
        self,
        what: Mishap | Answers,
        request: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        first = request.split(b"\r\n", 1)[0].decode()
        if self.is_down:
            what = Mishap.RESET
        elif first.startswith("POST ") and self.to in first and self.cuts:
            what = self.cuts.pop(0)
        await super()._answer(what, request, reader, writer)
        if not writer.is_closing():
            await writer.drain()
            writer.close()

    async def _forward(self, request: bytes) -> bytes:
        """A connection for each request: on one that was used before, browsers ask once more by themselves, unseen."""
        head, _, body = (await super()._forward(request)).partition(b"\r\n\r\n")
        return head + b"\r\nConnection: close\r\n\r\n" + body

    def sent(self) -> list[str]:
        """The bodies of what was sent to such an address so far, as far as it came by."""
        return [one.body.decode() for one in self.seen if one.line.startswith("POST ") and self.to in one.line]


@contextmanager
def a_line(upstream: int) -> Iterator[Line]:
    """A line to the server at this port, on a loop and a thread of its own."""
    line, loop, ready = Line(upstream), asyncio.new_event_loop(), threading.Event()

    async def serve(stop: asyncio.Event) -> None:
        server = await asyncio.start_server(line.serve, "127.0.0.1", 0)
        line.port = server.sockets[0].getsockname()[1]
        ready.set()
        await stop.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve(stop))

    stop = asyncio.Event()
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield line
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
