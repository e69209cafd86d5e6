"""The archive: what PostgreSQL writes to its log is copied to another folder as it is written, and kept for a while.

    <archive>/<number of the cluster>/<timeline>-<where it begins>/<segments>

`pg_receivewal` does the copying, from a replication slot, so that nothing is missed while it is away. The slot keeps
2 GB at most (`max_slot_wal_keep_size`): an archive that cannot be written to never fills the database's disk. What was
lost by then is a gap, and after it a new folder begins.
"""

import asyncio
import logging
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import asyncpg

from kado.storage.embedded.account import caller
from kado.storage.embedded.cluster import cause_in, read_password
from kado.storage.embedded.segments import is_segment

if TYPE_CHECKING:
    from kado.storage.embedded.supervisor import Running

    Connection = asyncpg.Connection[asyncpg.Record]

SLOT: Final = "kado_archive"
_LOOK_SECONDS: Final = 0.2
_BEAT_SECONDS: Final = 20.0
_TIDY_SECONDS: Final = 600.0
_PAUSE_MIN: Final = 0.5
_PAUSE_MAX: Final = 30.0
_LAST_SECONDS: Final = 10.0
_SAID: Final = "said.log"
_FREE_BYTES_MIN: Final = 512 * 2**20
_DAY: Final = 86_400

log = logging.getLogger("kado.storage")


@dataclass(frozen=True)
class Keep:
    """Where the archive is and how much of it is kept."""

    folder: Path
    days: int
    gigabytes: int


class _NotNow(Exception):
    """It cannot go on at the moment; the text says why."""


class Archiver:
    """Keeps the archive going for as long as the server runs. Whatever goes wrong is in the log, and tried again."""

    def __init__(self, running: "Running", keep: Keep) -> None:
        self._running = running
        self._keep = keep
        self._process: subprocess.Popen[bytes] | None = None

    async def run(self) -> None:
        """Copy until cancelled. On the event loop of the main thread: the kernel ties the copying program to it."""
        pause, said = _PAUSE_MIN, ""
        while True:
            began = time.monotonic()
            try:
                await self._copy()
            except Exception as trouble:  # noqa: BLE001 - whatever it is, the archive must go on when it can
                text = str(trouble) or type(trouble).__name__
                if text != said:
                    log.error("The archive in %s does not go on: %s", self._keep.folder, text)
                said = text
            pause = _PAUSE_MIN if time.monotonic() - began > _PAUSE_MAX else min(_PAUSE_MAX, pause * 2)
            await asyncio.sleep(pause)

    def close(self) -> None:
        """After the database has stopped: it waits until all of it is copied, and the copying program ends then."""
        if self._process is None:
            return
        try:
            self._process.wait(_LAST_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    async def _copy(self) -> None:
        """One run of the copying program; raises when it ended."""
        connection: Connection = await asyncpg.connect(self._running.url, timeout=10)
        try:
            folder = await _prepare(connection, self._keep.folder)
            self.close()
            self._process = _start(self._running, folder)
            try:
                await self._attend(connection, self._process)
            except Exception:
                await asyncio.to_thread(_end, self._process)
                raise
            raise _NotNow(f"{cause_in((folder / _SAID).read_text(errors='replace'))} (pg_receivewal ended)")
        finally:
            connection.terminate()

    async def _attend(self, connection: "Connection", process: "subprocess.Popen[bytes]") -> None:
        beat = tidy = time.monotonic()
        while process.poll() is None:
            now = time.monotonic()
            if now >= beat:
                # A transaction now and then, so that the archive shows until when nothing else happened.
                await connection.execute("SELECT pg_current_xact_id()")
                beat = now + _BEAT_SECONDS
            if now >= tidy:
                await asyncio.to_thread(tidy_up, self._keep)
                _refuse_full_disk(self._keep.folder)
                tidy = now + _TIDY_SECONDS
            await asyncio.sleep(_LOOK_SECONDS)


async def forget_archive(running: "Running") -> None:
    """There is no archive (any more): nothing is kept for it."""
    connection: Connection = await asyncpg.connect(running.url)
    try:
        await connection.execute(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1 AND NOT active",
            SLOT,
        )
    finally:
        await connection.close()


async def _prepare(connection: "Connection", archive: Path) -> Path:
    """The slot and the folder that go on where both stopped, or new ones."""
    system = str(await connection.fetchval("SELECT system_identifier FROM pg_control_system()"))
    timeline = await connection.fetchval("SELECT timeline_id FROM pg_control_checkpoint()")
    of_system = archive / system
    of_system.mkdir(parents=True, exist_ok=True, mode=0o700)
    slot = await connection.fetchrow("SELECT wal_status, active FROM pg_replication_slots WHERE slot_name = $1", SLOT)
    folders = sorted(of_system.glob(f"{timeline:08X}-*"))
    if slot is not None and slot["wal_status"] not in ("lost", "unreserved") and folders:
        return folders[-1]
    if slot is not None:
        if slot["active"]:
            raise _NotNow("the copying program of an earlier run has not ended yet")
        await connection.execute("SELECT pg_drop_replication_slot($1)", SLOT)
    begins = await connection.fetchval(
        "SELECT lsn - '0/0' FROM pg_create_physical_replication_slot($1, true)",
        SLOT,
    )
    folder = of_system / f"{timeline:08X}-{int(begins):016X}"
    folder.mkdir(exist_ok=True, mode=0o700)
    log.warning("A new archive begins in %s. Make a backup: an older one cannot be continued from here", folder)
    return folder


def _start(running: "Running", folder: Path) -> "subprocess.Popen[bytes]":
    _refuse_full_disk(folder)
    command = [
        running.binaries.program("pg_receivewal"),
        *("--host", running.socket, "--port", "5432", "--username", "kado", "--no-password"),
        *("--directory", str(folder), "--slot", SLOT, "--synchronous", "--no-loop"),
    ]
    with (folder / _SAID).open("wb") as said:
        return caller().spawn(command, last_signal=signal.SIGINT, stderr=said, password=read_password(running.place))


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_LAST_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _refuse_full_disk(folder: Path) -> None:
    if shutil.disk_usage(folder).free < _FREE_BYTES_MIN:
        raise _NotNow("its disk is nearly full")


def tidy_up(keep: Keep) -> None:
    """Remove what is too old, and the oldest where there is too much. The newest segment of all stays."""
    files = [
        (file.stat().st_mtime, file.stat().st_size, file) for file in keep.folder.glob("*/*/*") if is_segment(file.name)
    ]
    files.sort()
    size, early = sum(size for _, size, _ in files), 0
    for changed, bytes_, file in files[:-1]:
        too_old = changed < time.time() - keep.days * _DAY
        if not too_old and size <= keep.gigabytes * 10**9:
            break
        file.unlink()
        size -= bytes_
        early += not too_old
    if early:
        log.warning("%s segments of the archive went before their time: it was over %s GB", early, keep.gigabytes)
