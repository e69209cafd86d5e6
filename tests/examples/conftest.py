"""The examples run as they stand, each against the real server behind the network of the client's tests."""

from pathlib import Path

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
from tests.client.conftest import network  # noqa: F401 - a fixture

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The server lives as long as the file, so its tests share an event loop."""
    for item in items:
        if HERE in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)
