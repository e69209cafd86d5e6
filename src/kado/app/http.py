"""One HTTP process: uvicorn on a socket that somebody else bound."""

import asyncio
import resource
import socket
from contextlib import suppress
from typing import Final

from kado.app import compose, graceful
from kado.app.connection import Bounds, Config
from kado.doors import pages
from kado.doors.api import gated
from kado.settings import Settings

_GRACE_SECONDS = 8
_LOOK_SECONDS = 0.01
_SEND_BYTES: Final = 128 * 1024
_FILES: Final = 65_536
_OTHER_FILES: Final = 128
"""For the database, mail, webhooks and logs: a connection more must never be the one that they do not get."""


async def serve(settings: Settings, url: str, listening: socket.socket, stop: asyncio.Event) -> None:
    """Answer requests until `stop` is set, then finish those that have begun."""
    async with compose.services(settings, url) as services:
        app = gated(services, pages.routes(services.database))
        server = graceful.Server(Config(app, bounds(settings), timeout_graceful_shutdown=_GRACE_SECONDS))
        serving = asyncio.create_task(server.serve([listening]))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
        # Stopped before it has begun, it would leave without a word to those it has let in.
        while not server.started and not serving.done():  # noqa: ASYNC110 - it tells nobody that it has
            await asyncio.sleep(_LOOK_SECONDS)
        server.should_exit = True
        stopping.cancel()
        await serving


def bounds(settings: Settings) -> Bounds:
    """What connections may take of a process: a third of the time of a request for its head, the rest for its body."""
    third = settings.request_seconds / 3
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    room = settings.connections if files == resource.RLIM_INFINITY else files - _OTHER_FILES
    return Bounds(connections=max(1, min(settings.connections, room)), head_seconds=third, take_seconds=2 * third)


def may_open_files() -> None:
    """Raise the number of files that this process may have open, as far as it is allowed to. Children inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # some systems say that more is allowed than is
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def bind(host: str, port: int) -> socket.socket:
    """The socket that all HTTP processes share. Raises `OSError` when the port is taken or not allowed."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio switches Nagle's delay off only where it is: otherwise the second half of an
    # answer may wait 40 ms for the client to acknowledge the first.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Otherwise the kernel keeps up to some megabytes of an answer for each client that does not take it.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BYTES)
        bound.bind((host, port))
        bound.set_inheritable(True)
    except OSError:
        bound.close()
        raise
    return bound
