"""Start the embedded database, keep it up, stop it; and let commands use the one that a server keeps up."""

import asyncio
import logging
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from kado.storage.embedded.binaries import Binaries, find_binaries, installed, readable_binaries
from kado.storage.embedded.cluster import advice_for, ensure_cluster, read_password
from kado.storage.embedded.connection import (
    PORT,
    Connection,
    answers,
    read_connection,
    remove_connection,
    url_for,
    write_connection,
)
from kado.storage.embedded.errors import EmbeddedError, NotStarted, explained
from kado.storage.embedded.lock import POLL_SECONDS, Lock, Role, in_use, is_held, read_holder, take
from kado.storage.embedded.place import (
    SOCKET_PREFIX,
    TEMPORARY,
    Place,
    choose_socket,
    lock_file,
    look,
    prepare_data_dir,
    settle,
)
from kado.storage.embedded.postmaster import Postmaster, State
from kado.storage.embedded.processes import end_stragglers, stop_orphan
from kado.storage.embedded.replace import finish_replacement

# After a crash PostgreSQL replays its log first. Interrupting it would only make the next start replay it all again.
_RECOVERY_SECONDS = 300.0
_LOOK_SECONDS = 0.1
_RETRY_SECONDS_MAX = 1.0

log = logging.getLogger("kado.storage")


class Embedded:
    """A running embedded database and the lock on its data directory.

    `url` is the address of the database `kado` for asyncpg, as its owner `kado`; it stays the same across restarts.
    """

    url: str

    def __init__(self, postmaster: Postmaster, locks: Sequence[Lock], url: str) -> None:
        self.url = url
        self._postmaster = postmaster
        self._locks = locks
        self._process = os.getpid()
        self._stopped = False

    @property
    def running(self) -> "Running":
        """What others need to reach it."""
        postmaster = self._postmaster
        return Running(self.url, str(postmaster.socket), postmaster.place, postmaster.binaries)

    def stop(self) -> None:
        """Stop the database in order (abruptly if that takes too long) and let go of the lock. May be called again."""
        if self._stopped or os.getpid() != self._process:  # a forked worker has no say in it
            return
        self._stopped = True
        try:
            with suppress(OSError):  # others ask the database itself whether it is there
                remove_connection(self._postmaster.place.data_dir)
            self._postmaster.stop()
            _remove_socket(self._postmaster.socket)
        finally:
            _release(self._locks)

    async def watch(self) -> None:
        """Restart the database whenever it dies, for as long as this process lives; returns only after `stop`.

        Run it on the event loop of the main thread: the kernel ties the database to the thread that starts it.
        """
        while not self._stopped:
            if self._postmaster.state() is State.ENDED:
                log.warning("PostgreSQL ended (exit status %s); restarting it", self._postmaster.exit_status)
                await self._restart()
            await asyncio.sleep(_LOOK_SECONDS)

    async def _restart(self) -> None:
        began, pause, said_at = time.monotonic(), 0.05, 0.0
        while not self._stopped:
            trouble = await self._try_again()
            if trouble is None:
                if not self._stopped:
                    log.warning("PostgreSQL is back after %.1f s", time.monotonic() - began)
                return
            if time.monotonic() - said_at > 10:
                log.warning("PostgreSQL does not start yet: %s", trouble)
                said_at = time.monotonic()
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _RETRY_SECONDS_MAX)

    async def _try_again(self) -> str | None:
        """Launch once and wait; what went wrong, or None."""
        try:
            if self._postmaster.state() is State.ENDED:  # not so when only the connection file could not be written
                end_stragglers(self._postmaster.place.cluster)
                self._postmaster.launch()
            while self._postmaster.state() is State.STARTING:  # noqa: ASYNC110 - PostgreSQL sends no event
                await asyncio.sleep(0.01)
            if self._stopped:
                return None
            if self._postmaster.state() is State.ENDED:
                return self._postmaster.last_words
            _announce(self._postmaster)
        except Exception as trouble:  # noqa: BLE001 - whatever it is, a server without a database must try again
            return str(trouble) or repr(trouble)
        return None


def start(data_dir: Path, *, role: Role, wait_seconds: float = 30.0, connections: int = 100) -> Embedded:
    """Start the database of `data_dir`, made if new, and return when it accepts connections. Main thread only.

    It takes so many connections at once, or a hundred.
    A command that holds the data directory is waited for, `wait_seconds` at most. Raises `EmbeddedError` when another
    server holds it, when there is no PostgreSQL to run, or when the directory or PostgreSQL refuse.
    """
    with explained(data_dir):
        data_dir = prepare_data_dir(data_dir)
        return _start_locked(data_dir, take(lock_file(data_dir), role, wait_seconds), role, connections)


@dataclass(frozen=True)
class Running:
    """A database that runs: its address for asyncpg, and what its own programs need to reach it."""

    url: str
    socket: str
    place: Place
    binaries: Binaries


@contextmanager
def connect_or_start(data_dir: Path, *, wait_seconds: float = 30.0) -> Iterator[str]:
    """For commands: the address of the database, of the running server or else of one that lives for the block.

    Waits `wait_seconds` at most for a server that is still starting or for another command to end. Raises
    `EmbeddedError` as `start` does.
    """
    with run_or_join(data_dir, wait_seconds=wait_seconds) as running:
        yield running.url


@contextmanager
def run_or_join(data_dir: Path, *, wait_seconds: float = 30.0) -> Iterator[Running]:
    """What `connect_or_start` does, for those who need more than the address."""
    with explained(data_dir):
        data_dir = prepare_data_dir(data_dir)
        found = _join_or_lock(data_dir, time.monotonic() + wait_seconds)
        embedded = _start_locked(data_dir, found, "command") if isinstance(found, Lock) else None
    if embedded is not None:
        try:
            yield embedded.running
        finally:
            embedded.stop()
    elif isinstance(found, Connection):
        place = look(data_dir)
        url = url_for(found.socket, read_password(place))
        yield Running(url, found.socket, place, find_binaries(place.version))


def describe(data_dir: Path) -> dict[str, str]:
    """Where the database, its programs, socket, lock and log are and which version; for people, without secrets.

    Makes and changes nothing. Raises `EmbeddedError` when the data directory cannot be read.
    """
    data_dir = data_dir.expanduser().resolve()
    with explained(data_dir):
        place = look(data_dir)
        connection = read_connection(data_dir)
        return {
            "data directory": str(data_dir),
            "cluster": f"{place.cluster}{'' if place.version else ' (not made yet)'}",
            "cluster version": str(place.version or "none"),
            "runs as": place.account.name,
            **_describe_binaries(place),
            "socket": connection.socket if connection else "none (not running)",
            "lock": _describe_lock(lock_file(data_dir)),
            "log": str(place.log),
        }


def _describe_binaries(place: Place) -> dict[str, str]:
    try:
        binaries = find_binaries(place.version)
    except EmbeddedError as refusal:
        return {"binaries": str(refusal), "postgres": "none"}
    return {"binaries": str(binaries.directory), "postgres": binaries.version}


def _describe_lock(file: Path) -> str:
    if not is_held(file):
        return f"{file} (free)"
    return f"{file} (held by {read_holder(file) or 'a process that is starting'})"


def _join_or_lock(data_dir: Path, deadline: float) -> Lock | Connection:
    """Where the server's database is, or the lock when there is no server."""
    file = lock_file(data_dir)
    while (lock := Lock.try_take(file, "command")) is None:
        holder = read_holder(file)
        connection = read_connection(data_dir)
        if holder and holder.role == "server" and connection and answers(connection):
            return connection
        if time.monotonic() > deadline:
            raise (
                _not_answering(data_dir, holder.pid) if holder and holder.role == "server" else in_use(data_dir, holder)
            )
        time.sleep(POLL_SECONDS)
    return lock


def _not_answering(data_dir: Path, pid: int) -> EmbeddedError:
    return EmbeddedError(
        f"The kado server (process {pid}) that uses {data_dir} has no database that answers. "
        f"See {data_dir / 'postgres.log'} and what the server says."
    )


def _start_locked(data_dir: Path, lock: Lock, role: Role, connections: int = 100) -> Embedded:
    locks, socket = [lock], None
    try:
        place = _enter(data_dir, locks, role)
        here = list(installed())
        binaries = readable_binaries(find_binaries(place.version, here), place.account, place.home)
        if role == "server" and (newer := find_binaries(among=here)).major > binaries.major:
            log.warning(
                "The database is on PostgreSQL %s, and %s is here: stop the server and run `kado database upgrade`",
                binaries.version,
                newer.version,
            )
        ensure_cluster(place, binaries)
        socket = choose_socket(place)
        postmaster = Postmaster(place, binaries, socket, {"max_connections": str(max(100, connections))})
        _bring_up(postmaster)
        return Embedded(postmaster, locks, url_for(socket, read_password(place)))
    except BaseException:
        if socket is not None:
            _remove_socket(socket)
        _release(locks)
        raise


@contextmanager
def alone(data_dir: Path, *, wait_seconds: float = 30.0) -> Iterator[Place]:
    """For commands that put another cluster in place: nobody else uses the data directory, and no database runs.

    Raises `EmbeddedError` as `start` does.
    """
    with explained(data_dir):
        data_dir = prepare_data_dir(data_dir)
        locks = [take(lock_file(data_dir), "command", wait_seconds)]
        try:
            yield _enter(data_dir, locks, "command")
        finally:
            _release(locks)


def _enter(data_dir: Path, locks: list[Lock], role: Role) -> Place:
    """Where the cluster is, with nobody at work on it; the locks that this takes are added to the list."""
    _forget_last_run(data_dir)
    place = settle(data_dir)
    if place.home != data_dir:
        # A copy of the data directory has a lock of its own, but its link leads to the same cluster.
        locks.append(take(lock_file(place.home), role, 0))
    stop_orphan(place.cluster)
    return settle(data_dir) if finish_replacement(place) else place


def _release(locks: Sequence[Lock]) -> None:
    for lock in reversed(locks):
        lock.release()


@contextmanager
def run_beside(place: Place, binaries: Binaries, settings: Mapping[str, str] | None = None) -> Iterator[Postmaster]:
    """A cluster that is not in place (yet) runs inside the block; nobody but us hears of it. Main thread only."""
    socket = choose_socket(place)
    postmaster = Postmaster(place, binaries, socket, settings)
    try:
        while not _comes_up(postmaster, float("inf")):
            time.sleep(0.05)
        yield postmaster
    finally:
        postmaster.stop()
        _remove_socket(socket)


def _bring_up(postmaster: Postmaster) -> None:
    deadline = time.monotonic() + _RECOVERY_SECONDS
    try:
        while not _comes_up(postmaster, deadline):
            end_stragglers(postmaster.place.cluster)
            time.sleep(0.05)
        _announce(postmaster)
    except BaseException:
        postmaster.stop()
        raise


def _comes_up(postmaster: Postmaster, deadline: float) -> bool:
    """Whether one launch succeeded; False when leftovers were in the way and another may succeed."""
    postmaster.launch()
    while (state := postmaster.state()) is State.STARTING and time.monotonic() < deadline:
        time.sleep(0.005)
    if state is State.READY:
        return True
    place = postmaster.place
    if state is State.ENDED and postmaster.is_blocked and time.monotonic() < deadline:
        return False
    reason = postmaster.last_words if state is State.ENDED else f"it was not ready after {_RECOVERY_SECONDS:.0f} s"
    raise NotStarted(
        f"PostgreSQL did not start in {place.cluster}: {reason}. See {place.log}.{advice_for(place)}", postmaster.said()
    )


def _announce(postmaster: Postmaster) -> None:
    connection = Connection(
        socket=str(postmaster.socket),
        port=PORT,
        version=postmaster.binaries.version,
        pid=postmaster.pid,
    )
    write_connection(postmaster.place.data_dir, connection)


def _forget_last_run(data_dir: Path) -> None:
    """Remove what a supervisor that was killed could not: its connection file and its folder for the socket."""
    connection = read_connection(data_dir)
    if connection is not None:
        _remove_socket(Path(connection.socket))
    remove_connection(data_dir)


def _remove_socket(directory: Path) -> None:
    if directory.name.startswith(SOCKET_PREFIX) and str(directory.parent) in TEMPORARY:
        shutil.rmtree(directory, ignore_errors=True)
