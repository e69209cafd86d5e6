"""One server with an open shop in it, for each file that sends generated requests."""

from collections.abc import Iterator

import pytest
from tests.conftest import _on_server, copy_database, drop_database, url_of
from tests.contract.open_shop import OpenShop


@pytest.fixture(scope="module")
def open_shop(server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenShop]:
    name = copy_database(server_url, template)
    _on_server(server_url, f"ALTER DATABASE {name} SET synchronous_commit = off")
    with OpenShop(tmp_path_factory.mktemp("data"), url_of(server_url, name)) as opened:
        yield opened
    drop_database(server_url, name)
