"""Which pg_dump and pg_restore fit a server: its own version if there is one, else the next newer one."""

import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Final
from urllib.parse import parse_qsl, unquote, urlencode, urlunsplit

from kado.settings import split_address
from kado.storage.backup.errors import BackupError
from kado.storage.embedded.binaries import Binaries, installed
from kado.storage.embedded.cluster import cause_in

_PROGRAMS: Final = ("pg_restore", "pg_dump")
_WITH_TLS: Final = ("require", "verify-ca", "verify-full")


@dataclass(frozen=True)
class Target:
    """A database as PostgreSQL's programs are told of it: the URL without its password, and the password apart."""

    url: str
    password: str | None

    @classmethod
    def of(cls, url: str) -> "Target":
        """Others can read the arguments of a process, so the password must not be among them."""
        parts, servers = split_address(url)
        user, at, _ = parts.netloc.rpartition("@")
        name, _, password = user.partition(":")
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        given = unquote(password) or next((value for key, value in pairs if key == "password"), "")
        query = urlencode([(key, value) for key, value in pairs if key != "password"])
        return cls(urlunsplit(parts._replace(netloc=f"{name}{at}{servers}", query=query)), given or None)

    @property
    def demands_tls(self) -> bool:
        """Whether the URL forbids a connection without TLS."""
        return any(
            key == "sslmode" and value in _WITH_TLS for key, value in parse_qsl(split_address(self.url)[0].query)
        )


def programs_for(target: Target, server_major: int, *, oldest: int = 0) -> Binaries:
    """The programs to dump or restore with. `oldest` is the version that made a dump which is to be read.

    Raises `BackupError` that says what to install when none fits.
    """
    needed = max(server_major, oldest)
    fitting = [
        one for one in installed(_PROGRAMS) if one.major >= needed and not (target.demands_tls and one.site is not None)
    ]
    if fitting:
        return min(fitting, key=lambda one: one.major)
    seen = ", ".join(sorted({one.version for one in installed(_PROGRAMS)})) or "none"
    tls = (
        " (those that come with Kado cannot speak TLS, which this database's URL demands)" if target.demands_tls else ""
    )
    raise BackupError(
        f"PostgreSQL {needed} needs pg_dump and pg_restore of version {needed} or later; here there is {seen}{tls}. "
        f"Install your distribution's postgresql-client-{needed}, so that pg_dump is on the PATH, and try again."
    )


@dataclass(frozen=True)
class Program:
    """A call of one of PostgreSQL's programs, with the password for the database that it connects to."""

    command: Sequence[str]
    password: str | None

    def output(self, size: int) -> Iterator[bytes]:
        """What it writes, at most `size` bytes at a time. Raises `BackupError` at the end if it failed."""
        with TemporaryFile() as said, self._start(stdout=subprocess.PIPE, stderr=said) as process:
            assert process.stdout is not None
            try:
                while data := process.stdout.read(size):
                    yield data
            except BaseException:
                process.kill()  # nobody wants the rest
                raise
            self._judge(process.wait(), said)

    def feed(self, data: Iterable[bytes]) -> None:
        """Give it `data` to read. Raises `BackupError` if it failed."""
        with TemporaryFile() as said, self._start(stdin=subprocess.PIPE, stderr=said) as process:
            assert process.stdin is not None
            try:
                for part in data:
                    process.stdin.write(part)
                process.stdin.close()
            except BrokenPipeError:
                pass  # it gave up; what it said tells why
            except BaseException:
                process.kill()
                raise
            self._judge(process.wait(), said)

    def _start(
        self, *, stdin: int = subprocess.DEVNULL, stdout: int = subprocess.DEVNULL, stderr: IO[bytes]
    ) -> "subprocess.Popen[bytes]":
        environment = os.environ | ({} if self.password is None else {"PGPASSWORD": self.password})
        return subprocess.Popen(  # noqa: S603 - a program that was looked for by its version, and our own words
            self.command, stdin=stdin, stdout=stdout, stderr=stderr, env=environment
        )

    def _judge(self, status: int, said: IO[bytes]) -> None:
        if status != 0:
            said.seek(0)
            cause = cause_in(said.read(2**16).decode(errors="replace"))
            raise BackupError(f"{Path(self.command[0]).name} failed: {cause}.")
