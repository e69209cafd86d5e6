"""The operating system user that runs PostgreSQL, which refuses to run as root."""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kado.storage.embedded.errors import EmbeddedError

CANDIDATES = ("kado", "postgres", "nobody")
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Account:
    """Who runs PostgreSQL: the caller, or for root an unprivileged user."""

    uid: int
    gid: int
    name: str

    @property
    def is_other(self) -> bool:
        """Whether the processes must be started as somebody else than the caller."""
        return self.uid != os.geteuid()

    def spawn(
        self,
        command: Sequence[str],
        *,
        last_signal: signal.Signals,
        stdin: int | IO[bytes] = subprocess.DEVNULL,
        stdout: int | IO[bytes] = subprocess.DEVNULL,
        stderr: int | IO[bytes] = subprocess.DEVNULL,
        cwd: str = "/",
        password: str | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a program as this user; it gets `last_signal` when we die (Linux). Only the main thread may.

        `password` is for the programs that connect to a database; others cannot read the environment of a process.
        """
        # The kernel sends the signal when the *thread* that forked ends: a short-lived one would end the database.
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("the embedded database must be started from the main thread")
        return subprocess.Popen(  # noqa: S603 - only PostgreSQL's programs and the shell, by our own command lines
            command,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            user=self.uid if self.is_other else None,
            group=self.gid if self.is_other else None,
            extra_groups=[] if self.is_other else None,
            cwd=cwd,  # by default not the caller's, which may be closed to this user
            env=_environment() | ({} if password is None else {"PGPASSWORD": password}),
            # Its own session: Ctrl-C in the terminal is for us, and we stop the database after the last request.
            start_new_session=True,
            preexec_fn=_die_with(os.getpid(), last_signal),  # noqa: PLW1509 - one system call, no Python lock taken
        )

    def run(
        self, command: Sequence[str], text: str = "", *, cwd: str = "/", password: str | None = None
    ) -> tuple[int, str]:
        """Run a program as this user to its end, `text` on its standard input; its exit status and what it said."""
        with self.spawn(
            command,
            last_signal=signal.SIGKILL,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            password=password,
        ) as process:
            said, _ = process.communicate(text.encode())
        return process.returncode, said.decode(errors="replace")

    def can_enter(self, directory: Path) -> bool:
        """Whether this user can reach what lies in `directory`, all parents included."""
        return self._agrees('cd -- "$1"', [str(directory)])

    def can_use(self, programs: Sequence[Path], files: Sequence[Path] = ()) -> bool:
        """Whether this user can run all these programs and read these files, all parents included."""
        wanted = [
            word for test, paths in (("-x", programs), ("-r", files)) for one in paths for word in (test, str(one))
        ]
        return self._agrees('while [ $# -gt 0 ]; do test "$1" "$2" || exit 1; shift 2; done', wanted)

    def _agrees(self, script: str, words: Sequence[str]) -> bool:
        # Asked of the kernel rather than worked out from mode bits: access lists and mounts have their say as well.
        return self.run(["/bin/sh", "-c", script, "sh", *words])[0] == 0

    def own(self, path: Path) -> None:
        """Hand `path` to this user."""
        if self.is_other:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def account_for(cluster: Path) -> Account:
    """The user that runs `cluster`: whoever owns it already, else the caller, or for root the first candidate.

    Raises `EmbeddedError` when there is no such user, or when the caller has no entry in the list of users.
    """
    if os.geteuid() != 0:
        return caller()
    owner = cluster.stat() if (cluster / "PG_VERSION").exists() else None
    if owner is None:
        return _first_candidate()
    if owner.st_uid == 0:
        raise EmbeddedError(f"{cluster} belongs to root, and PostgreSQL refuses to run as root. Give it to its user.")
    return Account(owner.st_uid, owner.st_gid, _name_of(owner.st_uid))


def caller() -> Account:
    """Whoever runs this process. Raises `EmbeddedError` when that user has no entry in the list of users."""
    uid = os.geteuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        raise EmbeddedError(
            f"User id {uid} has no entry in the list of users (/etc/passwd), and PostgreSQL will not run without one. "
            "Add the entry, or run Kado as another user."
        ) from None
    return Account(uid, os.getegid(), name)


def _first_candidate() -> Account:
    for name in CANDIDATES:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        if found.pw_uid != 0:
            return Account(found.pw_uid, found.pw_gid, name)
    raise EmbeddedError(
        "PostgreSQL refuses to run as root, and none of the users kado, postgres and nobody exists. "
        "Create a user named kado, or run Kado as an ordinary user."
    )


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _environment() -> dict[str, str]:
    # A PGPORT, PGDATA or locale meant for another database must not reach ours.
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LD_LIBRARY_PATH")}
    return {"PATH": os.defpath, **kept, "LC_ALL": "C", "TZ": "UTC"}


def _die_with(parent: int, last_signal: signal.Signals) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)  # loaded here, because the child may do very little between fork and exec

    def arrange() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(last_signal))
        if os.getppid() != parent:  # we died before the kernel knew of the arrangement
            os._exit(1)

    return arrange
