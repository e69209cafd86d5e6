"""The API as it is served: the real application behind a real server on a free port, inside the test's process."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx2

from kado import settings as configuration
from kado.access.authenticate import Access
from kado.access.customer_sessions import CustomerSessions
from kado.access.merchant_sessions import MerchantSessions
from kado.access.signatures import Signatures
from kado.app import compose, entrance, graceful, http
from kado.app.fast_connection import configured
from kado.doors.api import served
from kado.doors.api.services import Services
from kado.settings import Settings

PUBLIC_URL = "https://cards.flowers.example"
FAST_LANE = {"KADO_FAST_LANE": os.environ.get("KADO_TEST_FAST_LANE", "on")}
"""Every test passes with the fast lane and without; `KADO_TEST_FAST_LANE=off` says so."""


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
    return configuration.load(given | FAST_LANE | environment)


def remembering_by(timer: Callable[[], float], services: Services) -> Services:
    """The same services, which forget who somebody is by this timer."""
    database, keyring = services.database, services.keyring
    return replace(
        services,
        access=Access(database, keyring, timer),
        merchant_sessions=MerchantSessions(database, timer),
        customers=CustomerSessions(database, timer),
        signatures=Signatures(database, keyring, timer),
    )


@asynccontextmanager
async def serving(settings: Settings, url: str, timer: Callable[[], float] | None = None) -> AsyncIterator[Served]:
    """One process of the server, for as long as the block lasts; with a timer of the test's own, if it gives one."""
    async with compose.services(settings, url) as made:
        services = made if timer is None else remembering_by(timer, made)
        with entrance.bind("127.0.0.1", 0) as listening:
            listening.listen(2048)
            port: int = listening.getsockname()[1]
            api = served(services, http.neighbours(services))
            server = graceful.Server(configured(api, http.bounds(settings)))
            task = asyncio.create_task(server.serve(sockets=[listening]))
            limits = httpx2.Limits(max_connections=64, max_keepalive_connections=64)
            try:
                async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", limits=limits, timeout=30) as client:
                    yield Served(port, url, services, client)
            finally:
                server.should_exit = True
                await task
