"""One postgres process as our direct child: started, watched until it is ready, stopped."""

import os
import signal
import subprocess
from collections.abc import Mapping
from enum import Enum
from pathlib import Path

from kado.storage.embedded.binaries import Binaries
from kado.storage.embedded.cluster import cause_in
from kado.storage.embedded.connection import PORT
from kado.storage.embedded.memory import memory_mb
from kado.storage.embedded.place import Place, belong_to_folder, private_directory
from kado.storage.embedded.processes import clear_stale_pid_file, status_lines

_LOG_BYTES_MAX = 10 * 2**20
_STATE_LINE = 7
_STOPPING = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))

# Given on the command line, so that they hold for every cluster, whatever its own configuration file says.
SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    # With what the binaries know (pglz) it takes longer than all else that PostgreSQL does for a redemption.
    "wal_compression": "off",
    "max_wal_size": "2GB",
    "jit": "off",
    "timezone": "UTC",
    # What is kept for an archive or a backup that has fallen behind; more than that would fill the disk.
    "max_slot_wal_keep_size": "2GB",
    # Card numbers, codes and names must not reach the log: no statements, no parameters, and (terse) no DETAIL lines,
    # in which PostgreSQL quotes the row that a constraint refused.
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_min_messages": "warning",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
    "log_timezone": "UTC",
    "log_destination": "stderr",
    "logging_collector": "off",
}


_BUFFERS_LEAST_MB = 128
_BUFFERS_MOST_MB = 512
_OF_THE_MEMORY = 16


def buffers(megabytes: int) -> str:
    """How much PostgreSQL keeps in memory of its own, on a machine with so much: the system keeps the rest."""
    return f"{max(_BUFFERS_LEAST_MB, min(_BUFFERS_MOST_MB, megabytes // _OF_THE_MEMORY))}MB"


class State(Enum):
    """How far the process is."""

    STARTING = "starting"
    READY = "ready"
    ENDED = "ended"


class Postmaster:
    """The postgres of one cluster. It may be launched again after it ended."""

    def __init__(
        self, place: Place, binaries: Binaries, socket: Path, settings: Mapping[str, str] | None = None
    ) -> None:
        self.place = place
        self.binaries = binaries
        self.socket = socket
        self._settings = settings or {}
        self._process: subprocess.Popen[bytes] | None = None
        self._log_began = 0

    @property
    def pid(self) -> int:
        """The process, 0 before the first launch."""
        return self._process.pid if self._process else 0

    def launch(self) -> None:
        """Start the process. Nothing else may be at work on the cluster."""
        clear_stale_pid_file(self.place.cluster)
        private_directory(self.socket, self.place.account)
        for left in self.socket.glob(".s.PGSQL.*"):
            left.unlink(missing_ok=True)
        log = self._open_log()
        try:
            self._log_began = os.fstat(log).st_size
            self._process = self.place.account.spawn(self._command(), last_signal=signal.SIGINT, stdout=log, stderr=log)
        finally:
            os.close(log)

    def state(self) -> State:
        """What has become of the process; PostgreSQL keeps its own word on that in `postmaster.pid`."""
        if self._process is None or self._process.poll() is not None:
            return State.ENDED
        lines = status_lines(self.place.cluster)
        ready = len(lines) > _STATE_LINE and lines[0] == str(self.pid) and lines[_STATE_LINE].strip() == "ready"
        return State.READY if ready else State.STARTING

    def stop(self) -> None:
        """End the process: in order, then abruptly, then by force."""
        for number, seconds in _STOPPING:
            if self._process is None or self._process.poll() is not None:
                return
            self._process.send_signal(number)
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                continue

    @property
    def exit_status(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.returncode if self._process else None

    @property
    def last_words(self) -> str:
        """Why the process ended, as far as it said since the launch."""
        return cause_in(self.said())

    @property
    def is_blocked(self) -> bool:
        """Whether it ended because processes of the one before have not yet let go."""
        said = self.said()
        return "pre-existing shared memory block" in said or ("lock file" in said and "already exists" in said)

    def said(self) -> str:
        """What it said since the launch, the last of it."""
        with open(self.place.log, "rb") as log:
            log.seek(max(self._log_began, os.fstat(log.fileno()).st_size - 2**16))
            return log.read().decode(errors="replace")

    def _command(self) -> list[str]:
        directories = f'"{self.socket}"'  # quoted, since a space would end the name
        own = {"unix_socket_directories": directories, "shared_buffers": buffers(memory_mb())}
        settings = {**SETTINGS, **own, **self._settings}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [self.binaries.program("postgres"), "-D", str(self.place.cluster), *options]

    def _open_log(self) -> int:
        log = self.place.log
        if log.exists() and log.stat().st_size > _LOG_BYTES_MAX:
            log.replace(log.with_name(f"{log.name}.1"))
        descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        belong_to_folder(descriptor, self.place.data_dir)
        return descriptor
