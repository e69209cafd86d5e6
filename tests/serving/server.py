"""A real `kado serve` beside a test, in a data directory of its own: stopped, killed, started again (Linux only)."""

import http.client
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import asyncpg
from tests.secrets.forms import found_in_log
from tests.serving import prepared
from tests.serving.commands import Ran, run, without_settings

from kado.storage.embedded.connection import read_connection, url_for

_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_PROC = Path("/proc")
_AS_SYSTEMD = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); "
    "os.execve(sys.argv[2], sys.argv[2:], os.environ | {'LISTEN_FDS': '1', 'LISTEN_PID': str(os.getpid())})"
)


class Server:
    """`kado serve` as a process, its environment, and everything that it started."""

    def __init__(
        self, *, processes: int = 1, database_url: str | None = None, settings: Mapping[str, str] | None = None
    ) -> None:
        # Whoever runs PostgreSQL for root must be able to pass through.
        self.root = Path(tempfile.mkdtemp(prefix="kado-served-"))
        self.root.chmod(0o711)
        self.data_dir = self.root / "data"
        self.data_dir.mkdir()
        self.data_dir.chmod(0o711)
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.stderr_file = self.root / "stderr.log"
        self.environment = (
            without_settings()
            | _all_is_logged()
            | {"KADO_FAST_LANE": os.environ.get("KADO_TEST_FAST_LANE", "on")}
            | {
                "KADO_DATA_DIR": str(self.data_dir),
                "KADO_PROCESSES": str(processes),
                "KADO_PUBLIC_URL": self.base_url,
                **({"KADO_DATABASE_URL": database_url} if database_url else {}),
                **(settings or {}),
            }
        )
        self.held: socket.socket | None = None
        """A listening socket that is held for the server, as systemd does."""
        self._database_url = database_url
        self._process: subprocess.Popen[bytes] | None = None
        self._stderr: IO[bytes] | None = None

    # ── start and end ──────────────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Start, and return when `/health/ready` says so."""
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        assert self._process is None, "it runs already"
        self._stderr = self.stderr_file.open("ab")
        kado = [sys.executable, "-m", "kado", "serve", "--port", str(self.port)]
        self._process = subprocess.Popen(
            kado if self.held is None else [sys.executable, "-c", _AS_SYSTEMD, str(self.held.fileno()), *kado],
            env=self.environment,
            pass_fds=() if self.held is None else (self.held.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=self._stderr,
            stderr=self._stderr,
            start_new_session=True,
        )

    def wait_until_ready(self, seconds: float = _START_SECONDS) -> None:
        """Raises when the server ends instead, or takes too long."""
        deadline = time.monotonic() + seconds
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the server did not become ready:\n{self.said()[-4000:]}")
            time.sleep(0.02)

    def is_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def stop(self) -> None:
        """SIGTERM. The server must end by itself, with status 0, and leave no process behind."""
        self.process.send_signal(signal.SIGTERM)
        self.wait_for_the_end()

    def wait_for_the_end(self) -> None:
        """What `stop` demands, for a server that has its signal already."""
        try:
            status = self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the server did not stop:\n{self.said()[-4000:]}") from None
        self._forget()
        assert status == 0, f"exit status {status}:\n{self.said()[-4000:]}"
        assert not self.all_processes(), "processes were left behind"

    def kill(self) -> None:
        """SIGKILL for everything that belongs to the server, PostgreSQL too."""
        for pid in self.all_processes():
            send(pid, signal.SIGKILL)
        self.reap()

    def start_again(self) -> None:
        """Start after the first process was killed, however much of what it had started still lives."""
        self.process.wait(_STOP_SECONDS)
        self._forget()
        self.start()

    def reap(self) -> None:
        """Wait for the end of a server that was killed, and of all that it had started."""
        if self._process is not None:
            self._process.wait(_STOP_SECONDS)
            self._forget()
        until(lambda: not self.all_processes(), _STOP_SECONDS, "processes outlive their server")

    def remove(self) -> None:
        """End whatever is left and delete the data. What it logged in a test must not hold anything secret."""
        try:
            self.kill()
            hits = found_in_log(self.said() + self.said_by_postgres()) if _all_is_logged() else []
            assert not hits, f"the server's logs hold {hits[:20]}"
        finally:
            cluster = self.data_dir / "postgres"
            if cluster.is_symlink():
                shutil.rmtree(cluster.resolve().parent, ignore_errors=True)
            shutil.rmtree(self.root, ignore_errors=True)

    def _forget(self) -> None:
        self._process = None
        if self._stderr is not None:
            self._stderr.close()
            self._stderr = None

    # ── its processes ──────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        """The one that was started here; it owns the others."""
        assert self._process is not None, "it does not run"
        return self._process

    def http_processes(self) -> list[int]:
        """Those that answer, where there is more than one process."""
        return [pid for pid in self._kado_processes() if b"\0_http\0" in _read(pid, "cmdline")]

    def postmaster(self) -> int:
        """The main process of the embedded PostgreSQL; 0 while there is none."""
        try:
            return int((self.data_dir / "postgres" / "postmaster.pid").read_text().split()[0])
        except (FileNotFoundError, IndexError):
            return 0

    def all_processes(self) -> list[int]:
        """Everything alive that works for this data directory, zombies not counted."""
        return [*self._kado_processes(), *self.postgres_processes()]

    def server_processes(self) -> list[int]:
        """The same without PostgreSQL, and without commands."""
        return [self.process.pid, *self.http_processes()]

    def memory_kilobytes(self) -> int:
        """Resident memory of the process that answers (the first of them)."""
        return self.memory_by_process()[(self.http_processes() or [self.process.pid])[0]]

    def memory_by_process(self) -> dict[int, int]:
        """Resident memory of each of the server's processes in kilobytes, PostgreSQL not counted."""
        status = {pid: _read(pid, "status").splitlines() for pid in self.server_processes()}
        lines = {pid: [line for line in said if line.startswith(b"VmRSS:")] for pid, said in status.items()}
        return {pid: int(found[0].split()[1]) for pid, found in lines.items() if found}

    def processor_seconds(self) -> float:
        """How much of a processor the server has used so far, PostgreSQL not counted."""
        stats = [_read(pid, "stat").rpartition(b")")[2].split() for pid in self.server_processes()]
        return sum(int(stat[11]) + int(stat[12]) for stat in stats if stat) / os.sysconf("SC_CLK_TCK")

    def _kado_processes(self) -> list[int]:
        mark = f"KADO_DATA_DIR={self.data_dir}".encode()
        return [pid for pid in _pids() if mark in _read(pid, "environ").split(b"\0")]

    def postgres_processes(self) -> list[int]:
        """The embedded PostgreSQL, all of it."""
        cluster = (self.data_dir / "postgres").resolve()
        return [pid for pid in _pids() if _cwd(pid) == str(cluster)]

    # ── the command line and the database ──────────────────────────────────────────────────────────────────────────

    def command(self, *words: str, said: str = "", seconds: float = 60) -> Ran:
        """Run `kado …` with the server's settings."""
        return run(*words, environment=self.environment, said=said, seconds=seconds)

    def made(self, *words: str, said: str = "") -> dict[str, Any]:
        """Run a command that succeeds and prints one line of JSON."""
        answer: dict[str, Any] = self.command(*words, "--json", said=said).json
        return answer

    def merchant(self, name: str, owner: str = "", password: str = "correct horse battery") -> str:
        """A new merchant's id."""
        owner = owner or f"{name.lower().replace(' ', '.')}@shops.example"
        words = ("merchant", "create", name, "--owner", owner, "--password-stdin")
        return str(self.made(*words, said=f"{password}\n")["merchantId"])

    def key(self, merchant: str, *options: str) -> str:
        """A new key's secret."""
        return str(self.made("key", "create", "--merchant", merchant, *options)["secret"])

    def verify(self) -> Ran:
        return self.command("verify", "--json", seconds=300)

    def books_are_right(self) -> None:
        """`kado verify` has nothing to say against the ledger."""
        done = self.verify()
        assert done.code == 0, f"kado verify: {done.out}{done.err}"

    def database_url(self) -> str:
        """The database as its superuser."""
        if self._database_url:
            return self._database_url
        connection = read_connection(self.data_dir)
        assert connection is not None, "the embedded database does not run"
        return url_for(connection.socket, (self.data_dir / "database.password").read_text().strip())

    async def superuser(self) -> "asyncpg.Connection[asyncpg.Record]":
        return await asyncpg.connect(self.database_url(), timeout=10)

    def said(self) -> str:
        """Everything on the server's stdout and stderr so far."""
        return self.stderr_file.read_text(errors="replace")

    def said_by_postgres(self) -> str:
        """The embedded database's own log."""
        file = self.data_dir / "postgres.log"
        return file.read_text(errors="replace") if file.exists() else ""


def _all_is_logged() -> dict[str, str]:
    """In tests everything is logged, so that it can be seen what is; drills and measurements have a server's habits."""
    return {"KADO_LOG_LEVEL": "debug"} if "PYTEST_VERSION" in os.environ else {}


@contextmanager
def serving(
    *, processes: int = 1, database_url: str | None = None, settings: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """A running server, removed afterwards. Who wants to see it stop in order calls `stop`.

    In tests it finds a database that was made before, and only starts.
    """
    server = Server(processes=processes, database_url=database_url, settings=settings)
    try:
        if database_url is None and prepared.FOLDER in os.environ:
            prepared.copy_to(server.data_dir)
        server.start()
        yield server
    finally:
        server.remove()


def until(is_so: Callable[[], object], seconds: float, complaint: str) -> None:
    """Return as soon as `is_so`; raises `AssertionError` with the complaint after that many seconds."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.01)


def free_port() -> int:
    """A port that nobody uses, outside the range from which outgoing connections take theirs, so that it stays free."""
    while True:
        port = random.randint(20_000, 32_000)
        with socket.socket() as attempt, suppress(OSError):
            attempt.bind(("127.0.0.1", port))
            return port


def listens(port: int) -> bool:
    """Whether somebody takes connections on this port, without making one."""
    return f":{port:04X} 00000000:0000 0A" in (_PROC / "net" / "tcp").read_text()


def send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _pids() -> list[int]:
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]


def _read(pid: int, name: str) -> bytes:
    try:
        return (_PROC / str(pid) / name).read_bytes()
    except OSError:
        return b""


def _cwd(pid: int) -> str:
    try:
        return os.readlink(_PROC / str(pid) / "cwd")
    except OSError:
        return ""
