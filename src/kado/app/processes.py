"""Several HTTP processes on one socket: started, watched and ended by the one that owns database and worker."""

import asyncio
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

import structlog
import uvloop

from kado import settings as configuration
from kado.app import HTTP_PROCESS, entrance, reports, watched
from kado.app.reading import reading
from kado.observability import logs
from kado.observability.meters import PROCESSES_LOST
from kado.observability.tally import Totals

log = structlog.get_logger("kado.processes")


@dataclass(frozen=True, slots=True)
class Child:
    """An HTTP process, and our end of the line on which it says what it counts."""

    process: "subprocess.Popen[bytes]"
    line: socket.socket


_FILES: Final = 65_536
_STOP_SECONDS: Final = 20.0
_LOOK_SECONDS: Final = 0.1
_SETTLED_SECONDS: Final = 10.0
_PAUSE_MAX_SECONDS: Final = 10.0


def may_open_files() -> None:
    """Raise the number of files that this process may have open, as far as it is allowed to. Children inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # some systems say that more is allowed than is
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextmanager
def started(count: int, listening: socket.socket) -> Iterator[list[Child]]:
    """HTTP processes that read the program already and wait to hear where the database is. None outlives the block."""
    children = [_start(listening) for _ in range(count)]
    try:
        yield children
    finally:
        for child in children:
            _hang_up(child)
        for child in children:
            child.process.wait()
            child.line.close()


async def supervise(
    children: list[Child],
    url: str,
    host: str,
    port: int,
    listening: socket.socket,
    stop: asyncio.Event,
    totals: Totals,
) -> None:
    """Put these processes to work and keep as many running until `stop` is set; one that dies is replaced.

    What they count goes into `totals`.
    """
    is_held = isinstance(listening, entrance.Held)
    hearing: set[asyncio.Task[None]] = set()

    def set_to_work(at: int) -> None:
        told = {"url": url, "host": host, "port": port, "name": f"http-{at + 1}", "held": is_held}
        _tell(children[at], json.dumps(told).encode() + b"\n")
        task = asyncio.create_task(reports.hear(children[at].line, totals))
        hearing.add(task)
        task.add_done_callback(hearing.discard)

    for at in range(len(children)):
        set_to_work(at)
    try:
        await asyncio.gather(*(_keep(children, at, set_to_work, listening, stop) for at in range(len(children))))
    finally:
        listening.close()
        await _end(children)
        if hearing:
            await asyncio.wait(hearing)


async def _keep(
    children: list[Child], at: int, set_to_work: Callable[[int], None], listening: socket.socket, stop: asyncio.Event
) -> None:
    """Replace the process in this place whenever it dies: at once, but for one that dies as soon as it has begun."""
    pause = _LOOK_SECONDS
    while not stop.is_set():
        child, began = children[at], time.monotonic()
        while child.process.poll() is None and not stop.is_set():
            await _sleep(_LOOK_SECONDS, stop)
        if stop.is_set():
            return
        log.warning("http process ended", pid=child.process.pid, code=child.process.returncode)
        PROCESSES_LOST.add()
        pause = _LOOK_SECONDS if time.monotonic() - began > _SETTLED_SECONDS else min(2 * pause, _PAUSE_MAX_SECONDS)
        await _sleep(pause, stop)
        if not stop.is_set():
            _hang_up(child)
            children[at] = _start(listening)
            set_to_work(at)


async def _sleep(seconds: float, stop: asyncio.Event) -> None:
    """Sleep, but not past the stop."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


def _start(listening: socket.socket) -> Child:
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own words
            [sys.executable, "-m", "kado", HTTP_PROCESS, str(listening.fileno()), str(theirs.fileno())],
            stdin=subprocess.PIPE,
            pass_fds=(listening.fileno(), theirs.fileno()),
            start_new_session=True,  # Ctrl-C reaches us alone; we end them in order
        )
    return Child(process, ours)


def _tell(child: Child, what: bytes) -> None:
    """Through a pipe, because others may read the arguments of a process. It stays open: its end tells we are gone."""
    assert child.process.stdin is not None
    with suppress(BrokenPipeError):  # it died, and is replaced
        child.process.stdin.write(what)
        child.process.stdin.flush()


def _hang_up(child: Child) -> None:
    assert child.process.stdin is not None
    with suppress(BrokenPipeError):
        child.process.stdin.close()


async def _end(children: list[Child]) -> None:
    for child in children:
        child.process.terminate()
    deadline = asyncio.get_running_loop().time() + _STOP_SECONDS
    while any(child.process.poll() is None for child in children) and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - a process tells its end to whoever asks
        await asyncio.sleep(0.02)
    for child in children:
        if child.process.poll() is None:
            child.process.kill()
        child.process.wait()


def run_child(descriptor: int, line: int) -> None:
    """The main function of an HTTP process."""
    with reading():
        from kado.app import http  # noqa: PLC0415 - not for the process that starts these

    first = sys.stdin.buffer.readline()
    if not first:
        return  # the server has ended before it began
    told = json.loads(first)
    settings = configuration.load(host=told["host"], port=told["port"])
    logs.configure(settings.log_level)
    listening = (entrance.Held if told["held"] else socket.socket)(fileno=descriptor)
    reporting = socket.socket(fileno=line)

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        os.set_blocking(sys.stdin.fileno(), False)
        loop.add_reader(sys.stdin.fileno(), stop.set)  # the parent's end closed: it is gone, however it went
        async with reports.reporting(reporting, told["name"], is_wanted=settings.metrics is not None):
            await http.serve(settings, told["url"], listening, stop)

    with (
        watched.traced(settings, told["name"]),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(main())
