"""One HTTP process: uvicorn on a socket that somebody else bound."""

import asyncio
import socket

import uvicorn

from kado.app import compose, graceful
from kado.doors import pages
from kado.doors.api import gated
from kado.settings import Settings

_GRACE_SECONDS = 8
_LOOK_SECONDS = 0.01


async def serve(settings: Settings, url: str, listening: socket.socket, stop: asyncio.Event) -> None:
    """Answer requests until `stop` is set, then finish those that have begun."""
    async with compose.services(settings, url) as services:
        server = graceful.Server(
            uvicorn.Config(
                gated(services, pages.routes(services.database)),
                http=graceful.Connection,
                lifespan="off",
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=_GRACE_SECONDS,
                timeout_keep_alive=75,
                backlog=4096,
            )
        )
        serving = asyncio.create_task(server.serve([listening]))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
        # Stopped before it has begun, it would leave without a word to those it has let in.
        while not server.started and not serving.done():  # noqa: ASYNC110 - it tells nobody that it has
            await asyncio.sleep(_LOOK_SECONDS)
        server.should_exit = True
        stopping.cancel()
        await serving


def bind(host: str, port: int) -> socket.socket:
    """The socket that all HTTP processes share. Raises `OSError` when the port is taken or not allowed."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio switches Nagle's delay off only where it is: otherwise the second half of an
    # answer may wait 40 ms for the client to acknowledge the first.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.set_inheritable(True)
    except OSError:
        bound.close()
        raise
    return bound
