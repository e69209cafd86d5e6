"""The API as it is served: the real application behind a real server on a free port, inside the test's process."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from kado import settings as configuration
from kado.app import compose, graceful, http
from kado.app.connection import Config
from kado.doors.api import gated
from kado.doors.api.services import Services
from kado.settings import Settings

PUBLIC_URL = "https://cards.flowers.example"


@dataclass(frozen=True)
class Served:
    """A running server: where it is, what it works with, and a client that knows both."""

    port: int
    url: str
    services: Services
    client: httpx2.AsyncClient


def settings_for(data_dir: Path, **environment: str) -> Settings:
    """Settings as an operator would write them, with a secret of the test's own."""
    given = {"KADO_DATA_DIR": str(data_dir), "KADO_SECRET_KEY": secrets.token_hex(32), "KADO_PUBLIC_URL": PUBLIC_URL}
    return configuration.load(given | environment)


@asynccontextmanager
async def serving(settings: Settings, url: str) -> AsyncIterator[Served]:
    """One process of the server, for as long as the block lasts."""
    async with compose.services(settings, url) as services:
        with http.bind("127.0.0.1", 0) as listening:
            listening.listen(2048)
            port: int = listening.getsockname()[1]
            server = graceful.Server(Config(gated(services), http.bounds(settings)))
            task = asyncio.create_task(server.serve(sockets=[listening]))
            limits = httpx2.Limits(max_connections=64, max_keepalive_connections=64)
            try:
                async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", limits=limits, timeout=30) as client:
                    yield Served(port, url, services, client)
            finally:
                server.should_exit = True
                await task
