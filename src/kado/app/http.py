"""One HTTP process: uvicorn on a socket that somebody else bound."""

import asyncio
import contextlib
import socket
from collections.abc import Generator

import uvicorn

from kado.app import compose
from kado.doors import pages
from kado.doors.api import gated
from kado.settings import Settings

_GRACE_SECONDS = 15


class _Server(uvicorn.Server):
    """Leaves signals to us: after the last answer there are still seals to write and a database to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


async def serve(settings: Settings, url: str, listening: socket.socket, stop: asyncio.Event) -> None:
    """Answer requests until `stop` is set, then finish those that have begun."""
    async with compose.services(settings, url) as services:
        server = _Server(
            uvicorn.Config(
                gated(services, pages.routes(services.database)),
                http="httptools",
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
        server.should_exit = True
        stopping.cancel()
        await serving


def bind(host: str, port: int) -> socket.socket:
    """The socket that all HTTP processes share. Raises `OSError` when the port is taken or not allowed."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.set_inheritable(True)
    except OSError:
        bound.close()
        raise
    return bound
