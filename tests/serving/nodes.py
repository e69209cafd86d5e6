"""PostgreSQL servers that keep copies of each other, on ports of this machine: killed, frozen, promoted, rewound."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
from tests.serving.server import free_port, send, until

from kado.storage.embedded.account import Account, account_for
from kado.storage.embedded.binaries import Binaries, find_binaries, readable_binaries

_SECONDS = 60.0

# In the file, where the programs that work on a dead server's data find them too, and a copy takes them along.
_SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
shared_buffers = 64MB
wal_keep_size = 512MB
wal_retrieve_retry_interval = 200ms
"""


@dataclass(frozen=True)
class Site:
    """Where the servers live, the programs that they run and the user who runs them."""

    folder: Path
    account: Account
    binaries: Binaries

    def run(self, program: str, *arguments: str) -> str:
        """Run one of PostgreSQL's programs to its end; what it said. It must succeed."""
        status, said = self.account.run([self.binaries.program(program), *arguments])
        assert status == 0, f"{program}: {said}"
        return said


@contextmanager
def site() -> Iterator[Site]:
    """A place for some servers, removed at the end with whatever runs there."""
    folder = Path(tempfile.mkdtemp(prefix="kado-nodes-", dir=tempfile.tempdir or "/tmp"))
    folder.chmod(0o755)
    try:
        account = account_for(folder / "none")
        account.own(folder)
        yield Site(folder, account, readable_binaries(find_binaries(), account, folder))
    finally:
        for pid in processes_below(folder):
            send(pid, signal.SIGKILL)
        until(lambda: not processes_below(folder), _SECONDS, "a server outlives its folder")
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Node:
    """One server. Its name is also what it calls itself when it copies another one."""

    site: Site
    name: str
    fsync: bool = False
    port: int = field(default_factory=free_port)
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def data(self) -> Path:
        return self.site.folder / self.name

    @property
    def log(self) -> Path:
        return self.site.folder / f"{self.name}.log"

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"postgresql://kado:secret@{self.place}/kado"

    def initialise(self) -> None:
        """A new, empty cluster with the database `kado`; it runs afterwards."""
        self.site.run(
            "initdb", f"--pgdata={self.data}", "--username=kado", "--auth=trust", "--encoding=UTF8", "--locale=C",
            "--no-sync", "--no-instructions",
        )  # fmt: skip
        with (self.data / "postgresql.conf").open("a") as conf:
            conf.write(f"{_SETTINGS}fsync = {'on' if self.fsync else 'off'}\n")
        self.start()
        self.site.run("psql", f"--dbname={self._conninfo('postgres')}", "--command=CREATE DATABASE kado")

    def copy(self, leader: "Node") -> None:
        """Become a standby of that server, from a fresh copy of all that it has."""
        self.site.run(
            "pg_basebackup", f"--pgdata={self.data}", f"--dbname={leader._conninfo('postgres', self.name)}",
            "--write-recovery-conf", "--checkpoint=fast", "--no-sync",
        )  # fmt: skip
        self.start()

    def rejoin(self, leader: "Node") -> None:
        """Become a standby of that server after a death as leader: what nobody else has is thrown away."""
        self.site.run(
            "pg_rewind", f"--target-pgdata={self.data}", f"--source-server={leader._conninfo('postgres')}",
            "--write-recovery-conf", "--no-sync",
        )  # fmt: skip
        with (self.data / "postgresql.auto.conf").open("a") as conf:
            conf.write(f"primary_conninfo = '{leader._conninfo('postgres', self.name)}'\n")
            conf.write("synchronous_standby_names = ''\n")
        self.start()

    def start(self) -> None:
        """Start, and return when it accepts connections. Only from the main thread."""
        (self.data / "postmaster.pid").unlink(missing_ok=True)  # its owner may be a zombie
        with self.log.open("ab") as log:
            command = [self.site.binaries.program("postgres"), "-D", str(self.data), "-p", str(self.port)]
            self._process = self.site.account.spawn(command, last_signal=signal.SIGKILL, stdout=log, stderr=log)
        ready = [self.site.binaries.program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        until(lambda: subprocess.run(ready, check=False).returncode == 0, _SECONDS, self.log.read_text())

    def kill(self) -> None:
        """SIGKILL for the server and all its processes, as when the machine goes, but for the disk's cache."""
        for pid in self.processes():
            send(pid, signal.SIGKILL)
        if self._process is not None:
            self._process.wait(_SECONDS)
        until(lambda: not self.processes(), _SECONDS, f"{self.name} lives on")

    def freeze(self) -> None:
        """It holds its connections and does nothing any more."""
        for pid in self.processes():
            send(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        for pid in self.processes():
            send(pid, signal.SIGCONT)

    def processes(self) -> list[int]:
        return processes_below(self.data)

    async def connect(self) -> "asyncpg.Connection[asyncpg.Record]":
        """As its superuser, to the database `kado`."""
        return await asyncpg.connect(self.url, timeout=10)

    async def say(self, statement: str, *arguments: object) -> object:
        """Run one statement as its superuser; the first value of its answer."""
        connection = await self.connect()
        try:
            return await connection.fetchval(statement, *arguments)
        finally:
            connection.terminate()

    async def demand(self, standbys: str) -> None:
        """Let commits wait for these (the value of `synchronous_standby_names`)."""
        await self.say(f"ALTER SYSTEM SET synchronous_standby_names = '{standbys}'")
        await self.say("SELECT pg_reload_conf()")

    async def until_true(self, question: str) -> None:
        """Return when the answer to a query is true."""
        deadline = time.monotonic() + _SECONDS
        while not await self.say(question):
            assert time.monotonic() < deadline, question
            await asyncio.sleep(0.02)

    async def follow(self, leader: "Node") -> None:
        """As a standby that lives, copy another leader from now on."""
        await self.say(f"ALTER SYSTEM SET primary_conninfo = '{leader._conninfo('postgres', self.name)}'")
        await self.say("SELECT pg_reload_conf()")

    async def promote(self) -> None:
        """Make a standby the leader, with no standby of its own yet."""
        assert await self.say("SELECT pg_promote(true, 60)")

    def _conninfo(self, database: str, name: str = "test") -> str:
        return f"host=127.0.0.1 port={self.port} user=kado dbname={database} application_name={name}"


def address(*nodes: Node) -> str:
    """What `KADO_DATABASE_URL` says of all of them together."""
    places = ",".join(node.place for node in nodes)
    return f"postgresql://kado:secret@{places}/kado?target_session_attrs=read-write"


def processes_below(folder: Path) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            cwd = os.readlink(entry / "cwd")
        except OSError:
            continue
        if (cwd == str(folder) or cwd.startswith(f"{folder}/")) and _is_alive(entry):
            found.append(int(entry.name))
    return found


def _is_alive(process: Path) -> bool:
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (OSError, IndexError):
        return False
