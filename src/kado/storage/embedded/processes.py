"""Which PostgreSQL processes work on a cluster. A number proves nothing: it is reused, and zombies keep theirs."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from kado.storage.embedded.errors import EmbeddedError

_PROC = Path("/proc")
_POSTMASTER_PID = "postmaster.pid"
_ORDERLY_SECONDS = 10.0
_ABRUPT_SECONDS = 5.0


def status_lines(cluster: Path) -> list[str]:
    """The lines of `postmaster.pid`: the first is the process, the eighth its state."""
    try:
        return (cluster / _POSTMASTER_PID).read_text().splitlines()
    except (FileNotFoundError, UnicodeDecodeError):
        return []


def stop_orphan(cluster: Path) -> None:
    """Stop the postgres that an earlier supervisor left at work on `cluster`. Call with the lock held.

    Raises `EmbeddedError` when it cannot be stopped.
    """
    pid = _named_process(cluster)
    if pid is None or not works_on(pid, cluster):
        return
    for last_word, seconds in ((signal.SIGINT, _ORDERLY_SECONDS), (signal.SIGQUIT, _ABRUPT_SECONDS)):
        _signal(pid, last_word)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not works_on(pid, cluster):
                return
            time.sleep(0.02)
    raise EmbeddedError(f"PostgreSQL (process {pid}) is still at work on {cluster} and does not stop. End it first.")


def clear_stale_pid_file(cluster: Path) -> None:
    """Remove a `postmaster.pid` that names no postgres of this cluster.

    PostgreSQL copes with a dead process, but not with a zombie, nor with another program that got the number. The
    shared memory still guards against living backends: its key is taken from the folder itself.
    """
    pid = _named_process(cluster)
    if pid is not None and not works_on(pid, cluster):
        (cluster / _POSTMASTER_PID).unlink(missing_ok=True)


def end_stragglers(cluster: Path, last_word: signal.Signals = signal.SIGQUIT) -> None:
    """End processes whose parent was killed: a backend that is busy would notice only after its statement."""
    if sys.platform != "linux":
        return
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and _program(entry) == "postgres" and _works_in(entry, cluster):
            _signal(int(entry.name), last_word)


def works_on(pid: int, cluster: Path) -> bool:
    """Whether `pid` is a living postgres that has `cluster` open."""
    if sys.platform != "linux":
        return _listed_by_ps(pid, cluster)
    process = _PROC / str(pid)
    if _state(process) in (None, "Z", "X") or _program(process) != "postgres":
        return False
    # The command line is the second choice, for containers in which root may not follow the links of /proc.
    return _works_in(process, cluster) or str(cluster) in _command_line(process)


def _named_process(cluster: Path) -> int | None:
    lines = status_lines(cluster)
    try:
        return abs(int(lines[0]))  # negative: a single-user run
    except (IndexError, ValueError):
        return None


def _state(process: Path) -> str | None:
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return None


def _program(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return ""


def _works_in(process: Path, cluster: Path) -> bool:
    try:
        return os.path.samefile(process / "cwd", cluster)
    except OSError:
        return False


def _command_line(process: Path) -> list[str]:
    try:
        return (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def _listed_by_ps(pid: int, cluster: Path) -> bool:
    said = subprocess.run(  # noqa: S603 - its only variable part is a number
        ["ps", "-ww", "-o", "stat=,command=", "-p", str(pid)],  # noqa: S607 - it lies in different places
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    state, _, command = said.strip().partition(" ")
    return bool(state) and not state.startswith("Z") and "postgres" in command and str(cluster) in command


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # ended in between, which is what we want
        os.kill(pid, number)
