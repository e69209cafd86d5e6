"""The real server, a network in between that misbehaves when it is told to, and both clients."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.api.conftest import (  # noqa: F401 - fixtures
    api,
    app_settings,
    environment,
    shared_database_url,
    shop,
    thief,
    wallet_files,
)
from tests.api.serving import Served
from tests.api.shop import Shop
from tests.client.proxy import Proxy, proxying

from kado_client import AsyncKado, Kado, Retries

HERE = Path(__file__).parent
QUICK = Retries(attempts=4, deadline_seconds=8, attempt_seconds=4, first_wait_seconds=0.01, longest_wait_seconds=0.02)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Servers live as long as their file, so the tests of a file share its event loop."""
    for item in items:
        if HERE in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)


class InThread:
    """The blocking client as if it were awaited: each call has a thread, so that the server in this process goes on."""

    def __init__(self, blocking: object) -> None:
        self.blocking = blocking

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.blocking, name)
        if name in ("program", "as_customer", "as_merchant"):
            return lambda *given: InThread(found(*given))
        if callable(found):
            return lambda *given, **named: asyncio.to_thread(found, *given, **named)
        return InThread(found)


class Clients:
    """Makes clients of one kind and closes them."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._made: list[AsyncKado | Kado] = []

    def make(self, url: str, key: str | None = None, **options: Any) -> Any:
        client = (AsyncKado if self._kind == "awaited" else Kado)(url, key, **{"retries": QUICK, **options})
        self._made.append(client)
        return client if isinstance(client, AsyncKado) else InThread(client)

    async def close(self) -> None:
        for client in self._made:
            if isinstance(client, AsyncKado):
                await client.aclose()
            else:
                client.close()


@pytest_asyncio.fixture(loop_scope="module", params=["awaited", "blocking"])
async def clients(request: pytest.FixtureRequest) -> AsyncIterator[Clients]:
    made = Clients(request.param)
    yield made
    await made.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network(api: Served) -> AsyncIterator[Proxy]:  # noqa: F811 - the fixture above
    async with proxying(api.port) as proxy:
        yield proxy


@pytest.fixture
def kado(clients: Clients, network: Proxy, shop: Shop) -> Any:  # noqa: F811 - the fixture above
    """The shop owner's client behind the network."""
    network.will()
    return clients.make(network.url, shop.owner)


@pytest.fixture
def program(kado: Any, shop: Shop) -> Any:  # noqa: F811 - the fixture above
    """The shop's program."""
    return kado.program(shop.program_id)
