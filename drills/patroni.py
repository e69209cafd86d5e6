"""Three PostgreSQL nodes under Patroni on this machine, with the very configuration that `deploy/ha/` ships.

Patroni and etcd are no dependencies of Kado. Patroni goes into a virtual environment of its own, kept in a cache
folder from one run to the next; etcd must be installed (on Debian: `apt-get install etcd-server`).
"""

import asyncio
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, TypeVar

from drills.line import Tell
from tests.serving.nodes import Site, processes_below
from tests.serving.server import free_port, send, until

from kado.storage.embedded.account import Account

_PACKAGES: Final = ("patroni[etcd3]==4.1.5", "psycopg[binary]==3.3.9")
_SHIPPED: Final = Path(__file__).resolve().parent.parent / "deploy" / "ha"
_START_SECONDS: Final = 120.0
_INSTALL_SECONDS: Final = 300.0

T = TypeVar("T")


class Missing(Exception):
    """Patroni cannot run here; the text says what is lacking."""


@dataclass
class Member:
    """One node: its agent, and the PostgreSQL that the agent runs."""

    site: Site
    name: str
    environment: dict[str, str]
    command: list[str]
    port: int = field(default_factory=free_port)
    api: int = field(default_factory=free_port)
    _agent: "subprocess.Popen[bytes] | None" = None

    @property
    def home(self) -> Path:
        return self.site.folder / self.name

    def start(self) -> None:
        """Start the agent, which sees to the rest. Only from the main thread."""
        self.home.mkdir(exist_ok=True)
        self.site.account.own(self.home)
        own = {
            "PATRONI_NAME": self.name,
            "PATRONI_POSTGRESQL_LISTEN": f"127.0.0.1:{self.port}",
            "PATRONI_POSTGRESQL_CONNECT_ADDRESS": f"127.0.0.1:{self.port}",
            "PATRONI_RESTAPI_LISTEN": f"127.0.0.1:{self.api}",
            "PATRONI_RESTAPI_CONNECT_ADDRESS": f"127.0.0.1:{self.api}",
            "PATRONI_POSTGRESQL_DATA_DIR": str(self.home / "data"),
            "PATRONI_POSTGRESQL_PGPASS": str(self.home / "pgpass"),
        }
        with (self.site.folder / f"{self.name}.log").open("ab") as log:
            self._agent = _spawn(self.site.account, self.command, self.environment | own, self.home, log)

    def kill(self) -> None:
        """SIGKILL for the agent and its PostgreSQL, as when the machine goes, but for the disk's cache."""
        self._signal_all(signal.SIGKILL)
        if self._agent is not None:
            self._agent.wait(60)
        until(lambda: not processes_below(self.home), 60, f"{self.name} lives on")

    def freeze(self) -> None:
        """The machine stands still: it holds its connections and answers nothing."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_all(signal.SIGCONT)

    def ask(self) -> dict[str, Any] | None:
        """What its agent says of the whole cluster; None when it says nothing."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.api}/cluster", timeout=1) as answer:
                said: dict[str, Any] = json.load(answer)
                return said
        except (OSError, ValueError):
            return None

    def _signal_all(self, number: signal.Signals) -> None:
        for pid in processes_below(self.home):  # the agent works there too
            send(pid, number)


class Cluster:
    """Three members that agree through etcd on who leads."""

    how = "Patroni with etcd, configured as in deploy/ha"

    def __init__(self, members: list[Member], password: str, patronictl: list[str]) -> None:
        self.members = members
        self._patronictl = patronictl
        places = ",".join(f"127.0.0.1:{member.port}" for member in members)
        self.url = f"postgresql://kado:{password}@{places}/kado?target_session_attrs=read-write"

    def state(self) -> dict[str, dict[str, Any]]:
        """What the members are, by name, as the first agent that answers knows it."""
        for member in self.members:
            if said := member.ask():
                return {one["name"]: one for one in said["members"]}
        return {}

    def with_role(self, *roles: str) -> Member | None:
        state = self.state()
        return next((one for one in self.members if state.get(one.name, {}).get("role") in roles), None)

    async def leader(self, besides: Member | None = None) -> Member:
        """The one that leads, as soon as there is one (another one than `besides`)."""
        return await _found(lambda: one if (one := self.with_role("leader")) is not besides else None)

    async def synchronous(self) -> Member:
        return await _found(lambda: self.with_role("sync_standby", "quorum_standby"))

    async def whole(self) -> None:
        """Return when all three work: a leader, and two that stream from it, one of them synchronously."""

        def is_whole() -> bool | None:
            state = self.state()
            roles = [one["role"] for one in state.values()]
            streaming = [one for one in state.values() if one["state"] in ("streaming", "running")]
            return (len(streaming), roles.count("leader"), roles.count("sync_standby")) == (3, 1, 1) or None

        await _found(is_whole)

    async def switch_over(self) -> None:
        """A planned change of leader, as an operator orders it."""
        leader, standby = await self.leader(), await self.synchronous()
        words = ["switchover", "kado", "--leader", leader.name, "--candidate", standby.name, "--force"]
        done = await asyncio.to_thread(
            subprocess.run, [*self._patronictl, *words], capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
        await self.leader(besides=leader)


async def _found(look: Callable[[], T | None]) -> T:
    """What `look` finds, as soon as it does."""
    async with asyncio.timeout(_START_SECONDS):
        while (found := await asyncio.to_thread(look)) is None:  # noqa: ASYNC110 - the agents tell who asks
            await asyncio.sleep(0.1)
    return found


@contextmanager
def cluster(site: Site, tell: Tell) -> Iterator[Cluster]:
    """Three members, whole and at work. Raises `Missing` where Patroni or etcd cannot be had."""
    etcd = shutil.which("etcd") or shutil.which("etcd", path="/usr/sbin:/usr/local/bin")
    if etcd is None:
        raise Missing("etcd is not installed (on Debian: apt-get install etcd-server)")
    programs = _install(site.account, tell)
    password = secrets.token_hex(12)
    shared, configuration = _configuration(site, password)
    client, peer = free_port(), free_port()
    _start_etcd(site, etcd, client, peer)
    shared["PATRONI_ETCD3_HOSTS"] = f"127.0.0.1:{client}"
    patroni = [str(programs / "python"), str(programs / "patroni"), str(configuration)]
    members = [Member(site, name, shared, patroni) for name in ("n1", "n2", "n3")]
    ctl = site.folder / "patronictl.yml"
    ctl.write_text(
        f"scope: kado\netcd3:\n  hosts: 127.0.0.1:{client}\n"
        f"ctl:\n  authentication:\n    username: patroni\n    password: {shared['PATRONI_RESTAPI_PASSWORD']}\n"
    )
    made = Cluster(members, password, [str(programs / "python"), str(programs / "patronictl"), "-c", str(ctl)])
    tell("three nodes under Patroni are starting")
    try:
        for member in members:
            member.start()
        yield made
    finally:
        for member in members:
            member.kill()


def _configuration(site: Site, password: str) -> tuple[dict[str, str], Path]:
    """The environment of all members, and the shipped file where their user can read it."""
    environment = {
        "PATH": f"{site.binaries.directory}:{os.environ.get('PATH', os.defpath)}",
        "LC_ALL": "C.UTF-8",
        "PATRONI_POSTGRESQL_BIN_DIR": str(site.binaries.directory),
        "PATRONI_RESTAPI_USERNAME": "patroni",
        "PATRONI_SUPERUSER_USERNAME": site.account.name,  # so that `peer` in pg_hba fits, as `postgres` does elsewhere
        "PATRONI_REPLICATION_USERNAME": "replicator",
        "PATRONI_REWIND_USERNAME": "rewind",
        "KADO_DATABASE_PASSWORD": password,
    }
    for who in ("RESTAPI", "SUPERUSER", "REPLICATION", "REWIND"):
        environment[f"PATRONI_{who}_PASSWORD"] = secrets.token_hex(12)
    script = site.folder / "post-init.sh"
    shutil.copy(_SHIPPED / "post-init.sh", script)
    script.chmod(0o755)
    configuration = site.folder / "patroni.yml"
    text = (_SHIPPED / "patroni.yml").read_text()
    for elsewhere, here in (("/etc/patroni/post-init.sh", script), ("/var/run/postgresql", site.folder)):
        assert elsewhere in text
        text = text.replace(elsewhere, str(here))
    configuration.write_text(text)
    configuration.chmod(0o644)
    return environment, configuration


def _start_etcd(site: Site, program: str, client: int, peer: int) -> None:
    home = site.folder / "etcd"
    home.mkdir()
    site.account.own(home)
    here, there = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
    options = {
        "name": "one",
        "data-dir": str(home / "data"),
        "listen-client-urls": here,
        "advertise-client-urls": here,
        "listen-peer-urls": there,
        "initial-advertise-peer-urls": there,
        "initial-cluster": f"one={there}",
    }
    command = [program, *(part for name, value in options.items() for part in (f"--{name}", value))]
    with (site.folder / "etcd.log").open("ab") as log:
        _spawn(site.account, command, {"PATH": os.defpath}, home, log)

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"{here}/health", timeout=1) as answer:
                return bool(json.load(answer)["health"] == "true")
        except (OSError, ValueError):
            return False

    until(answers, _START_SECONDS, (site.folder / "etcd.log").read_text()[-2000:])


def _install(account: Account, tell: Tell) -> Path:
    """The folder with Patroni's programs, from an earlier run or made now."""
    python = _python_for(account)
    cache = Path("/var/cache") if os.geteuid() == 0 else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    home = cache.expanduser() / "kado-drills" / _PACKAGES[0].replace("[etcd3]==", "-")
    programs = home / "bin"
    if not (home / "complete").exists():
        tell(f"installing {', '.join(_PACKAGES)} into {home}")
        home.mkdir(parents=True, exist_ok=True)
        for command in (
            [python, "-m", "venv", "--clear", str(home)],
            [str(programs / "python"), "-m", "pip", "install", "--quiet", *_PACKAGES],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_INSTALL_SECONDS)
            if done.returncode != 0:
                last = (done.stderr or done.stdout).strip().splitlines()[-1:]
                raise Missing(f"Patroni cannot be installed: {' '.join(last)}")
        (home / "complete").touch()
    if not account.can_use([programs / "python"]):
        raise Missing(f"user {account.name} cannot run the programs in {programs}")
    return programs


def _python_for(account: Account) -> str:
    """An interpreter that the user who runs PostgreSQL can run too, with what it takes to make an environment."""
    for candidate in (sys.executable, shutil.which("python3"), "/usr/bin/python3"):
        program = os.path.realpath(candidate or "/")
        if account.can_use([Path(program)]) and account.run([program, "-c", "import ensurepip, venv"])[0] == 0:
            return program
    raise Missing(f"user {account.name} can run no Python 3 with venv (on Debian: apt-get install python3-venv)")


def _spawn(
    account: Account, command: list[str], environment: dict[str, str], home: Path, log: IO[bytes]
) -> "subprocess.Popen[bytes]":
    """Start a program as that user, at work in a folder by which it can be found again."""
    return subprocess.Popen(
        command,
        cwd=home,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
        user=account.uid if account.is_other else None,
        group=account.gid if account.is_other else None,
        extra_groups=[] if account.is_other else None,
    )
