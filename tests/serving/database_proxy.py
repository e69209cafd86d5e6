"""Between Kado and PostgreSQL: sees every request, and holds it, its answer, or both, exactly where a test says.

It runs in a thread of its own, so that a test may block. What happens to requests says a `Fault`; `Calm` is none.
"""

import asyncio
import struct
import tempfile
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, quote, urlencode, urlsplit, urlunsplit

from tests.serving.database_faults import FAILED, FLUSH, IDLE, IN_TRANSACTION, QUERY, SYNC, Asked, Calm, Link, Stop


class DatabaseProxy:
    """A socket that PostgreSQL seems to listen on."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self._upstream = query.get("host") or parts.hostname or "localhost"
        self._port = int(query.get("port") or parts.port or 5432)
        self._directory = Path(tempfile.mkdtemp(prefix="kado-px-"))
        query |= {"host": str(self._directory), "port": "5432"}
        user = parts.netloc.rpartition("@")[0]
        self.url = urlunsplit(parts._replace(netloc=f"{user}@", query=urlencode(query, quote_via=quote)))
        self.fault: Calm = Calm()
        self.links: set[Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.AbstractServer | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    # ── what a test does ───────────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        self._thread.start()
        self.up()

    def close(self) -> None:
        self.down()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._directory.rmdir()

    def up(self) -> None:
        """Take connections."""
        self._in_thread(self._up)

    def down(self) -> None:
        """Cut every connection and take no more."""
        self._in_thread(self._down)

    def goes_on(self, fault: Calm | None = None) -> None:
        """Whatever was held goes on; from now on this happens."""
        before, self.fault = self.fault, fault or Calm()

        async def release() -> None:
            if isinstance(before, Stop):
                before.let_go()
            for link in self.links:
                link.muted = False

        self._in_thread(release)

    def _in_thread(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        asyncio.run_coroutine_threadsafe(work(), self._loop).result(20)

    def is_quiet(self) -> bool:
        """Whether nobody but a posting machine waits for PostgreSQL."""
        return not any(link.busy for link in list(self.links) if not link.is_ledger)

    # ── what the thread does ───────────────────────────────────────────────────────────────────────────────────────

    async def _up(self) -> None:
        path = self._directory / ".s.PGSQL.5432"
        self._server = await asyncio.start_unix_server(self._serve, str(path))
        # Whoever runs the server must reach it.
        self._directory.chmod(0o711)
        path.chmod(0o777)

    async def _down(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
            (self._directory / ".s.PGSQL.5432").unlink(missing_ok=True)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._upstream.startswith("/"):
            return await asyncio.open_unix_connection(f"{self._upstream}/.s.PGSQL.{self._port}")
        return await asyncio.open_connection(self._upstream, self._port)

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        link = Link()
        to_server: asyncio.StreamWriter | None = None
        try:
            server, to_server = await self._connected()
            first = await _startup(client)
            to_server.write(first)
            self.links.add(link)
            await self._relay(link, client, to_client, server, to_server)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.links.discard(link)
            self._tasks.discard(task)
            to_client.transport.abort()
            if to_server is not None:
                to_server.close()

    async def _relay(
        self,
        link: Link,
        client: asyncio.StreamReader,
        to_client: asyncio.StreamWriter,
        server: asyncio.StreamReader,
        to_server: asyncio.StreamWriter,
    ) -> None:
        """Until one of the two hangs up. Kado is listened to even while a request of its own is held."""
        heard: asyncio.Queue[Asked] = asyncio.Queue()
        work = [
            asyncio.create_task(_hear(link, client, heard)),
            asyncio.create_task(self._forward(link, heard, to_client, to_server)),
            asyncio.create_task(self._answer(link, server, to_client)),
        ]
        try:
            await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)

    async def _forward(
        self,
        link: Link,
        heard: "asyncio.Queue[Asked]",
        to_client: asyncio.StreamWriter,
        to_server: asyncio.StreamWriter,
    ) -> None:
        rides = fails = False  # with something that has gone before, or that has failed
        while True:
            asked = await heard.get()
            while link.muted:  # what rides along is stopped too
                await asyncio.sleep(0.005)
            link.busy = True
            if fails:
                fails = not asked.ends_in_sync
                if asked.ends_in_sync:
                    link.busy = False
                    to_client.write(_message(b"Z", FAILED))
                continue
            code = await self.fault.asked(link, asked)
            if code is None:
                link.answer_ends = b"Z" if asked.ends_in_sync else b"C"
                rides = asked.runs and not asked.ends_in_sync
                to_server.write(asked.payload + (_message(FLUSH, b"") if rides else b""))
                if rides and asked.text == "BEGIN":
                    link.status = IN_TRANSACTION
                continue
            if link.in_transaction:
                link.swallow += 1 + rides
                to_server.write((_message(SYNC, b"") if rides else b"") + _message(QUERY, b"ROLLBACK\0"))
            status = IDLE if asked.text.startswith("COMMIT") or not link.in_transaction else FAILED
            ready = _message(b"Z", status) if asked.ends_in_sync else b""
            rides, fails = False, asked.runs and not asked.ends_in_sync
            while link.swallow:
                await asyncio.sleep(0.001)
            link.busy = not ready
            to_client.write(_error(code) + ready)

    async def _answer(self, link: Link, server: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        while True:
            kind, message = await _next(server)
            if kind == b"Z":
                link.status, link.busy = message[5:6], False
            if link.swallow:
                link.swallow -= kind == b"Z"
                continue
            link.kept += message
            if link.muted:
                if kind != link.answer_ends:
                    continue
                self.fault.answered(link)
                while link.muted:
                    await asyncio.sleep(0.005)
            to_client.write(bytes(link.kept))
            link.kept.clear()


@contextmanager
def proxying_database(url: str) -> Iterator[DatabaseProxy]:
    """A proxy in front of the PostgreSQL with this URL."""
    proxy = DatabaseProxy(url)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.close()


# ── the protocol ───────────────────────────────────────────────────────────────────────────────────────────────────


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


def _error(code: str) -> bytes:
    fields = {b"S": b"ERROR", b"V": b"ERROR", b"C": code.encode(), b"M": b"made up by a test"}
    return _message(b"E", b"".join(name + value + b"\0" for name, value in fields.items()) + b"\0")


async def _next(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readexactly(5)
    return head[:1], head + await reader.readexactly(struct.unpack("!I", head[1:])[0] - 4)


async def _startup(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(4)
    return head + await reader.readexactly(struct.unpack("!I", head)[0] - 4)


async def _hear(link: Link, client: asyncio.StreamReader, heard: "asyncio.Queue[Asked]") -> None:
    """Put together what belongs together, and remember the texts of statements by their names."""
    payload, text, runs = b"", "", False
    while True:
        kind, message = await _next(client)
        body = message[5:]
        if kind in (b"P", b"B") and runs and link.statements.get(body.split(b"\0", 2)[kind == b"B"]) != text:
            await heard.put(Asked(text, runs, payload, ends_in_sync=False))
            payload, text, runs = b"", "", False
        payload += message
        if kind == b"P":
            name, query, *_ = body.split(b"\0", 2)
            text = link.statements[name] = query.decode()
        elif kind == b"B":
            _portal, name, *_ = body.split(b"\0", 2)
            text, runs = link.statements.get(name, ""), True
        elif kind == QUERY:
            text, runs = body.rstrip(b"\0").decode(), True
        if kind in (SYNC, FLUSH, QUERY, b"p", b"X"):
            await heard.put(Asked(text, runs, payload, ends_in_sync=kind in (SYNC, QUERY)))
            payload, text, runs = b"", "", False
