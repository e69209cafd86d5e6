"""One server and one database for each file of tests, and a shop in it that is open for business."""

import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from tests.api.serving import Served, serving, settings_for
from tests.api.shape import faults
from tests.api.shop import Body, Fits, Shop, Superuser
from tests.conftest import _on_server, copy_database, drop_database, url_of
from tests.serving.bouncer import bouncing
from tests.serving.wallet_files import apple_settings

from kado.settings import Settings

HERE = Path(__file__).parent
CONTRACT = json.loads((HERE.parent / "contract" / "wider_operations.json").read_text())["schemas"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Servers live as long as their file, so the tests of a file share its event loop."""
    for item in items:
        if HERE in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)


@pytest.fixture(scope="module")
def shared_database_url(server_url: str, template: str) -> Iterator[str]:
    """A fresh migrated database for a whole file."""
    name = copy_database(server_url, template)
    # No crash is survived in here, so nobody waits for the disk.
    _on_server(server_url, f"ALTER DATABASE {name} SET synchronous_commit = off")
    yield url_of(server_url, name)
    drop_database(server_url, name)


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """What a file of tests wants set. Its own address is a trusted proxy, so that each test can come from elsewhere."""
    return {"KADO_TRUSTED_PROXIES": "127.0.0.1"}


@pytest.fixture(scope="session")
def wallet_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What is set where there is a certificate for Apple Wallet to develop with."""
    return apple_settings(tmp_path_factory.mktemp("wallet"))


@pytest.fixture(scope="module")
def app_settings(
    tmp_path_factory: pytest.TempPathFactory, wallet_files: dict[str, str], environment: dict[str, str]
) -> Settings:
    return settings_for(tmp_path_factory.mktemp("data"), **(wallet_files | environment))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(app_settings: Settings, shared_database_url: str) -> AsyncIterator[Served]:
    """The server. With `KADO_TEST_POOLED=1` a PgBouncer stands between it and its database."""
    with ExitStack() as stack:
        settings = app_settings
        if os.environ.get("KADO_TEST_POOLED"):
            bouncer = stack.enter_context(bouncing(shared_database_url, "transaction"))
            settings = replace(app_settings, database_pooled_url=bouncer.url)
        async with serving(settings, shared_database_url) as served:
            yield served


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def thief(shared_database_url: str) -> AsyncIterator[Superuser]:
    """Someone who may do anything to the database, past Kado."""
    connection = await asyncpg.connect(shared_database_url)
    yield connection
    await connection.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(api: Served, thief: Superuser) -> Shop:
    """A merchant with a program in dollars and every key it may need."""
    return await Shop.open(api, thief)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fits(api: Served) -> Fits:
    """Asserts that a body is exactly one of these in the served document, and hands it on.

    Where an answer has no schema in the document, the contract says its form all the same.
    """
    document = (await api.client.get("/openapi.json")).json()
    document["components"]["schemas"] = CONTRACT | document["components"]["schemas"]

    def check(name: str, body: Body) -> Body:
        found = faults(document, name, body)
        assert not found, "\n".join(found)
        return body

    return check
