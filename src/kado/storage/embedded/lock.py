"""One supervisor per data directory: a lock that the kernel lets go when its holder dies, however it dies."""

import fcntl
import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from kado.storage.embedded.errors import EmbeddedError
from kado.storage.embedded.place import belong_to_folder

Role = Literal["server", "command"]
POLL_SECONDS = 0.03

_held: set[int] = set()


def _close_in_child() -> None:
    # A forked worker shares the lock and would keep it after its parent was killed. (A spawned one never has it.)
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_close_in_child)


@dataclass(frozen=True)
class Holder:
    """Who holds the lock, as it says itself. The process id may come from another container."""

    pid: int
    role: str
    started: str

    def __str__(self) -> str:
        return f"{self.role}, process {self.pid}, since {self.started}"


class Lock:
    """The lock, held."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor
        _held.add(descriptor)

    @classmethod
    def try_take(cls, file: Path, role: Role) -> "Lock | None":
        """Take the lock if it is free."""
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        lock = cls(descriptor)
        try:
            belong_to_folder(descriptor, file.parent)
            lock._say(role)
        except OSError as refusal:
            lock.release()
            raise OSError(refusal.errno, refusal.strerror, str(file)) from refusal
        return lock

    def _say(self, role: Role) -> None:
        assert self._descriptor is not None
        says = {"pid": os.getpid(), "role": role, "started": datetime.now(UTC).isoformat(timespec="seconds")}
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, json.dumps(says).encode(), 0)

    def release(self) -> None:
        """Let go. The file stays: removing it would let two processes lock two files of one name."""
        if self._descriptor is None:
            return
        with suppress(OSError):  # a disk that became read-only must not keep us from letting go
            os.ftruncate(self._descriptor, 0)
        _held.discard(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = None


def read_holder(file: Path) -> Holder | None:
    """What the last holder wrote; None when nobody did, or while it is being written."""
    try:
        says = json.loads(file.read_text())
        return Holder(int(says["pid"]), str(says["role"]), str(says["started"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def is_held(file: Path) -> bool:
    """Whether somebody holds the lock now; makes no file."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def take(file: Path, role: Role, wait_seconds: float) -> Lock:
    """Take the lock, waiting for a command that holds it but not for a server; else `EmbeddedError` with its name."""
    deadline = time.monotonic() + wait_seconds
    before: Holder | None = None
    while (lock := Lock.try_take(file, role)) is None:
        holder = read_holder(file)
        # Believed when read twice: what a killed server left stands in the file until the next holder has written.
        if holder and holder == before and holder.role == "server":
            raise in_use(file.parent, holder)
        if time.monotonic() > deadline:
            raise in_use(file.parent, holder)
        before = holder
        time.sleep(POLL_SECONDS)
    return lock


def in_use(data_dir: Path, holder: Holder | None) -> EmbeddedError:
    """The refusal when somebody else works in the data directory."""
    if holder is None:
        return EmbeddedError(f"Another Kado process uses the data directory {data_dir}. Wait for it and try again.")
    if holder.role == "server":
        return EmbeddedError(
            f"Another kado server (process {holder.pid}) uses the data directory {data_dir}. "
            "Stop it first, or give this one a data directory of its own."
        )
    return EmbeddedError(
        f"A kado command (process {holder.pid}) is still using the data directory {data_dir}. "
        "Wait until it has finished and try again."
    )
