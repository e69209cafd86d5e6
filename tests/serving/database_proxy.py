"""Between Kado and PostgreSQL: sees every request, and holds it, its answer, or both, exactly where a test says.

It runs in a thread of its own, so that a test may block. What happens to requests says a `Fault`; `Calm` is none.
"""

import asyncio
import random
import struct
import tempfile
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, quote, urlencode, urlsplit, urlunsplit

_SYNC, _FLUSH, _QUERY = b"S", b"H", b"Q"
_IN_TRANSACTION, _FAILED, _IDLE = b"T", b"E", b"I"
_CANCEL = 80877102


@dataclass(frozen=True)
class Asked:
    """What Kado sends in one go: a statement to prepare, one to run, or the end of a transaction.

    Of statements that ride in one flight each is asked for by itself, and only the last of them ends in a Sync.
    """

    text: str
    runs: bool
    payload: bytes
    ends_in_sync: bool

    def does(self, words: str) -> bool:
        """Whether it runs a statement with these words."""
        return self.runs and words in self.text


@dataclass(eq=False)
class Link:
    """One of Kado's connections."""

    parameters: dict[str, str] = field(default_factory=dict)
    statements: dict[bytes, str] = field(default_factory=dict)
    status: bytes = _IDLE
    muted: bool = False
    """Whether answers are kept back."""
    answer_ends: bytes = b"Z"
    """The kind of message with which the answer to what was asked last is complete."""
    kept: bytearray = field(default_factory=bytearray)
    swallow: int = 0
    """How many of the next answers are not Kado's to hear."""
    busy: bool = True
    """Whether it waits for an answer."""

    @property
    def is_ledger(self) -> bool:
        """Whether it belongs to a posting machine: only those ask for plans by key."""
        return self.parameters.get("enable_seqscan") == "off"

    @property
    def in_transaction(self) -> bool:
        return self.status != _IDLE


class Calm:
    """No fault. `asked` may wait; a returned SQLSTATE is what the request fails with, and with it its transaction."""

    async def asked(self, link: Link, asked: Asked) -> str | None:
        return None

    def answered(self, link: Link) -> None:
        """PostgreSQL has answered a request in full, and Kado has not heard it yet."""


class Stop(Calm):
    """Stops a posting machine the n-th time it runs a statement with these words: before it, or after it is done."""

    def __init__(self, words: str, *, after: bool, nth: int = 1) -> None:
        self._left = nth
        self._words = words
        self._after = after
        self._link: Link | None = None
        self._released = asyncio.Event()
        self.lock_payload = b""
        self.reached = threading.Event()

    async def asked(self, link: Link, asked: Asked) -> str | None:
        if not link.is_ledger or self._link not in (None, link):
            return None
        if asked.does("FOR UPDATE OF c"):
            self.lock_payload = asked.payload
        if self._link is None and asked.does(self._words):
            self._left -= 1
            if self._left:
                return None
            self._link = link
            if self._after:
                link.muted = True
            else:
                self.reached.set()
                await self._released.wait()
        return None

    def answered(self, link: Link) -> None:
        if link is self._link:
            self.reached.set()

    def let_go(self) -> None:
        """To be called in the proxy's thread."""
        self._released.set()


class Slow(Calm):
    """Every request takes so much longer."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def asked(self, link: Link, asked: Asked) -> str | None:
        await asyncio.sleep(self._seconds)
        return None


class Silence(Calm):
    """Nothing is answered any more, as when a cable is pulled."""

    async def asked(self, link: Link, asked: Asked) -> str | None:
        await asyncio.get_running_loop().create_future()
        return None


class Failing(Calm):
    """A share of the transactions fail, at a statement or at the commit, with one of these SQLSTATEs in turn."""

    def __init__(self, share: float, codes: tuple[str, ...], seed: int = 1) -> None:
        self._share = share
        self._codes = codes
        self._dice = random.Random(seed)
        self._fates: dict[int, int] = {}
        self.transactions = 0
        self.failed = 0

    async def asked(self, link: Link, asked: Asked) -> str | None:
        """The dice are thrown at the beginning of a transaction: which of its requests fails, if any."""
        if not asked.runs:
            return None
        if asked.text.startswith("BEGIN"):
            self.transactions += 1
            chosen = self._dice.random() < self._share
            self._fates[id(link)] = self._dice.randint(1, 4) if chosen else -1
            return None
        left = self._fates.get(id(link), -1)
        if left < 0 or not link.in_transaction or asked.text.startswith(("ROLLBACK", "SET ")):
            return None
        self._fates[id(link)] = left - 1
        if left > 1 and not asked.text.startswith("COMMIT"):
            return None
        self._fates[id(link)] = -1
        self.failed += 1
        return self._codes[self.failed % len(self._codes)]


class Refusing(Calm):
    """Every statement that would write fails with this SQLSTATE."""

    def __init__(self, code: str, words: tuple[str, ...] = ("INSERT", "UPDATE card", "DELETE")) -> None:
        self._code = code
        self._words = words

    async def asked(self, link: Link, asked: Asked) -> str | None:
        return self._code if asked.runs and any(word in asked.text for word in self._words) else None


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
            if struct.unpack("!I", first[4:8])[0] != _CANCEL:
                link.parameters = _parameters(first)
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
                    to_client.write(_message(b"Z", _FAILED))
                continue
            code = await self.fault.asked(link, asked)
            if code is None:
                link.answer_ends = b"Z" if asked.ends_in_sync else b"C"
                rides = asked.runs and not asked.ends_in_sync
                to_server.write(asked.payload + (_message(_FLUSH, b"") if rides else b""))
                if rides and asked.text == "BEGIN":
                    link.status = _IN_TRANSACTION
                continue
            if link.in_transaction:
                link.swallow += 1 + rides
                to_server.write((_message(_SYNC, b"") if rides else b"") + _message(_QUERY, b"ROLLBACK\0"))
            status = _IDLE if asked.text.startswith("COMMIT") or not link.in_transaction else _FAILED
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


def _parameters(startup: bytes) -> dict[str, str]:
    words = startup[8:].decode().split("\0")
    return dict(zip(words[::2], words[1::2], strict=False))


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
        elif kind == _QUERY:
            text, runs = body.rstrip(b"\0").decode(), True
        if kind in (_SYNC, _FLUSH, _QUERY, b"p", b"X"):
            await heard.put(Asked(text, runs, payload, ends_in_sync=kind in (_SYNC, _QUERY)))
            payload, text, runs = b"", "", False
