"""Several HTTP processes on one socket: started, watched and ended by the one that owns database and worker."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from typing import Final

import structlog
import uvloop

from kado import settings as configuration
from kado.app import HTTP_PROCESS, http
from kado.observability import logs

log = structlog.get_logger("kado.processes")

_STOP_SECONDS: Final = 20.0
_RESTART_PAUSE: Final = 0.2


async def supervise(count: int, url: str, host: str, port: int, listening: socket.socket, stop: asyncio.Event) -> None:
    """Keep `count` HTTP processes running until `stop` is set; one that dies is replaced."""
    children = [_start(url, host, port, listening) for _ in range(count)]
    try:
        while not stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _RESTART_PAUSE)
            for at, child in enumerate(children):
                if not stop.is_set() and child.poll() is not None:
                    log.warning("http process ended", pid=child.pid, code=child.returncode)
                    children[at] = _start(url, host, port, listening)
    finally:
        listening.close()
        await _end(children)


def _start(url: str, host: str, port: int, listening: socket.socket) -> "subprocess.Popen[bytes]":
    child = subprocess.Popen(  # noqa: S603 - our own interpreter and our own words
        [sys.executable, "-m", "kado", HTTP_PROCESS, str(listening.fileno())],
        stdin=subprocess.PIPE,
        pass_fds=(listening.fileno(),),
        start_new_session=True,  # Ctrl-C reaches us alone; we end them in order
    )
    assert child.stdin is not None
    # Through a pipe, because others may read the arguments of a process. It stays open: its end tells that we are gone.
    child.stdin.write(json.dumps({"url": url, "host": host, "port": port}).encode() + b"\n")
    child.stdin.flush()
    return child


async def _end(children: "list[subprocess.Popen[bytes]]") -> None:
    for child in children:
        child.terminate()
    deadline = asyncio.get_running_loop().time() + _STOP_SECONDS
    while any(child.poll() is None for child in children) and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - a process tells its end to whoever asks
        await asyncio.sleep(0.02)
    for child in children:
        if child.poll() is None:
            child.kill()
        child.wait()
        if child.stdin is not None:
            child.stdin.close()


def run_child(descriptor: int) -> None:
    """The main function of an HTTP process."""
    told = json.loads(sys.stdin.buffer.readline())
    settings = configuration.load(host=told["host"], port=told["port"])
    logs.configure(settings.log_level)
    listening = socket.socket(fileno=descriptor)

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        os.set_blocking(sys.stdin.fileno(), False)
        loop.add_reader(sys.stdin.fileno(), stop.set)  # the parent's end closed: it is gone, however it went
        await http.serve(settings, told["url"], listening, stop)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
