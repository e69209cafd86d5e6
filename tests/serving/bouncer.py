"""A real PgBouncer before a database: started, killed, started again on the same port. Skips where there is none."""

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from tests.serving.server import free_port, listens, send, until

from kado.storage.embedded.account import Account, account_for

Mode = Literal["session", "transaction"]
_SECONDS = 20.0
_SHIPPED = Path(__file__).parents[2] / "deploy" / "pgbouncer" / "pgbouncer.ini"


class Bouncer:
    """`url` is the database's, as `database_url` has it, through the bouncer."""

    def __init__(self, folder: Path, program: str, account: Account, database_url: str, mode: Mode) -> None:
        self.port = free_port()
        parts = urlsplit(database_url)
        name = parts.path.lstrip("/")
        self.url = f"postgresql://{parts.username}:unread@127.0.0.1:{self.port}/{name}"
        self._account = account
        self._log = folder / "bouncer.log"
        self._file = folder / "bouncer.ini"
        self._command = [program, str(self._file)]
        self._file.write_text(
            f"""{_SHIPPED.read_text()}
[databases]
{name} = {_conninfo(database_url)}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self.port}
auth_type = any
auth_file =
pool_mode = {mode}
default_pool_size = {4 if mode == "transaction" else 40}
"""
        )
        account.own(folder)
        account.own(self._file)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return when it listens. Only from the main thread."""
        with self._log.open("ab") as log:
            self._process = self._account.spawn(self._command, last_signal=signal.SIGKILL, stdout=log, stderr=log)
        until(lambda: listens(self.port), _SECONDS, f"PgBouncer does not listen: {self._log.read_text()}")

    def kill(self) -> None:
        """SIGKILL: every connection breaks, in whatever it was."""
        assert self._process is not None, "it does not run"
        send(self._process.pid, signal.SIGKILL)
        self._process.wait(_SECONDS)


@contextmanager
def bouncing(database_url: str, mode: Mode) -> Iterator[Bouncer]:
    """A running PgBouncer before this database."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("no pgbouncer on this machine (Debian: apt-get install pgbouncer)")
    folder = Path(tempfile.mkdtemp(prefix="kado-bouncer-", dir="/tmp"))
    bouncer = None
    try:
        bouncer = Bouncer(folder, program, account_for(folder / "none"), database_url, mode)
        bouncer.start()
        yield bouncer
    finally:
        if bouncer is not None and bouncer._process is not None:
            bouncer.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _conninfo(url: str) -> str:
    parts, query = urlsplit(url), parse_qs(urlsplit(url).query)
    host = query["host"][0] if "host" in query else parts.hostname
    port = query["port"][0] if "port" in query else parts.port or 5432
    facts = {"host": host, "port": port, "dbname": parts.path.lstrip("/"), "user": parts.username}
    if parts.password:
        facts["password"] = unquote(parts.password)
    return " ".join(f"{name}={value}" for name, value in facts.items())
