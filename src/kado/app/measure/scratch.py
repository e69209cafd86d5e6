"""A server on scratch data: made for a measurement, gone afterwards; real cards are never touched, nor slowed down."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import asyncpg

from kado.crypto import Keyring
from kado.storage.connect import connect
from kado.storage.embedded.cluster import read_password
from kado.storage.embedded.connection import read_connection, url_for
from kado.storage.embedded.place import look

_START_SECONDS: Final = 60
_STOP_SECONDS: Final = 30
_LOOK_SECONDS: Final = 0.02
_PROC: Final = Path("/proc")
_HEALTH: Final = b"GET /health/ready HTTP/1.1\r\nHost: kado\r\nConnection: close\r\n\r\n"


class ScratchError(Exception):
    """There can be no scratch data here, or its server does not run; the text says why."""


class Scratch:
    """`kado serve` as a process of its own, on data that was made for it."""

    def __init__(
        self, root: Path, *, processes: int = 1, database_url: str | None = None, secret: str | None = None
    ) -> None:
        self.port = _free_port()
        self.data_dir = root / "data"
        self.processes = processes
        """As `KADO_PROCESSES`; counts from the next start on, as the next one does."""
        self.settings: dict[str, str] = {}
        """Further settings, by their names."""
        self.secret = secret or secrets.token_hex(32)
        self.keyring = Keyring([self.secret])
        self._database_url = database_url
        self._said = root / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start it, and return when it is ready; how many seconds that took."""
        began = time.perf_counter()
        self.launch()
        while not self._is_ready():
            if self._ended() or time.perf_counter() > began + _START_SECONDS:
                raise ScratchError(f"the scratch server does not become ready: {self._last_words()}")
            time.sleep(_LOOK_SECONDS)
        return time.perf_counter() - began

    def launch(self) -> None:
        """Start it, and leave it to itself."""
        with self._said.open("ab") as said:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own words
                [sys.executable, "-m", "kado", "serve", "--port", str(self.port)],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,  # Ctrl-C reaches us alone; we end it in order
            )

    def stop(self) -> None:
        """End it in order, or else at once. May be called again."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def database_url(self) -> str:
        """The database that it works on, as the user who made it."""
        if self._database_url is not None:
            return self._database_url
        found = read_connection(self.data_dir)
        if found is None:
            raise ScratchError("the scratch database does not run")
        return url_for(found.socket, read_password(look(self.data_dir)))

    def memory_mb(self) -> int | None:
        """The most that one of its processes has in memory now; None where the system does not say."""
        return max((_resident_kb(pid) for pid in self._pids()), default=0) // 1024 or None

    def processor_seconds(self) -> float:
        """How much of a processor its processes have used so far, PostgreSQL apart; 0 where nobody says."""
        return sum(_used_ticks(pid) for pid in self._pids()) / os.sysconf("SC_CLK_TCK")

    def _pids(self) -> list[int]:
        """Its process, and those that answer where there are several."""
        if self._process is None or not _PROC.is_dir():
            return []
        mine = self._process.pid
        with suppress(OSError):
            children = (_PROC / str(mine) / "task" / str(mine) / "children").read_text().split()
            return [mine, *(int(pid) for pid in children if b"_http" in (_PROC / pid / "cmdline").read_bytes())]
        return [mine]

    def _environment(self) -> dict[str, str]:
        """Nothing of the real server's settings: a scratch server sends no mail and knows no secret of it."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("KADO_")}
        chosen = {
            "KADO_DATA_DIR": str(self.data_dir),
            "KADO_SECRET_KEY": self.secret,
            "KADO_LOG_LEVEL": "info",
            "KADO_PROCESSES": str(self.processes),
        }
        place = {} if self._database_url is None else {"KADO_DATABASE_URL": self._database_url}
        return kept | chosen | place | self.settings

    def _ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _is_ready(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=2) as asked:
            asked.sendall(_HEALTH)
            return asked.recv(100)[9:12] == b"200"
        return False

    def _last_words(self) -> str:
        lines = self._said.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


@contextmanager
def folder(parent: Path | None) -> Iterator[Path]:
    """A folder for scratch data, removed at the end. Whoever runs PostgreSQL for root may pass through it."""
    try:
        root = Path(tempfile.mkdtemp(prefix="kado-bench-", dir=parent))
    except OSError as error:
        raise ScratchError(f"{parent or tempfile.gettempdir()} cannot hold scratch data: {error.strerror}") from None
    try:
        root.chmod(0o711)
        yield root
    finally:
        cluster = root / "data" / "postgres"
        if cluster.is_symlink():  # it lies where its user can reach it
            shutil.rmtree(cluster.resolve().parent, ignore_errors=True)
        shutil.rmtree(root, ignore_errors=True)


@asynccontextmanager
async def database_beside(url: str) -> AsyncIterator[str]:
    """A scratch database on the server of this URL, dropped at the end.

    Raises `ScratchError` where the database that the URL names holds cards: its tills would feel the measurement.
    """
    name = f"kado_bench_{secrets.token_hex(4)}"
    connection = await connect(url, timeout=10)
    try:
        if await _holds_cards(connection):
            raise ScratchError(
                "the database of KADO_DATABASE_URL holds cards, and a measurement would slow down whoever uses them. "
                "Name an empty database, on a server that nobody works with"
            )
        try:
            await connection.execute(f"CREATE DATABASE {name}")
        except asyncpg.InsufficientPrivilegeError:
            raise ScratchError("the user of KADO_DATABASE_URL may not make a database to measure in") from None
    finally:
        await connection.close()
    try:
        yield urlsplit(url)._replace(path=f"/{name}").geturl()
    finally:
        connection = await connect(url, timeout=10)
        await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await connection.close()


@contextmanager
def ends_in_order() -> Iterator[None]:
    """SIGTERM ends the block as Ctrl-C does, so that nothing is left running behind it."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


async def _holds_cards(connection: "asyncpg.Connection[asyncpg.Record]") -> bool:
    if await connection.fetchval("SELECT to_regclass('card')") is None:
        return False
    return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM card)"))


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _resident_kb(pid: int) -> int:
    with suppress(OSError):
        lines = (_PROC / str(pid) / "status").read_text().splitlines()
        return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0)
    return 0


def _used_ticks(pid: int) -> int:
    with suppress(OSError):
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])
    return 0
