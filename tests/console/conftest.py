"""One server and one database for each file of tests, a shop in it, and people who sign in to its console."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from tests.api.conftest import (  # noqa: F401 - the same server that the tests of the API have
    api,
    app_settings,
    environment,
    shared_database_url,
    shop,
    thief,
    wallet_files,
)
from tests.api.shop import Shop
from tests.console.person import Person, hired, signed_in

from kado.access.permissions import Role

HERE = Path(__file__).parent

Hiring = Callable[[Role], Awaitable[Person]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Servers live as long as their file, so the tests of a file share its event loop."""
    for item in items:
        if HERE in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def owner(shop: Shop) -> Person:  # noqa: F811 - the fixture of this name
    """The shop's owner, signed in."""
    return await signed_in(shop, await hired(shop, Role.OWNER))
