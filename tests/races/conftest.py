"""One server with two HTTP processes; at its end the books must be right."""

import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
from tests.serving.server import Server, serving
from tests.serving.till import Till

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")


@dataclass(frozen=True)
class Shop:
    """A merchant with a key on a running server."""

    server: Server
    merchant_id: str
    key: str

    def till(self, address: str | None = None) -> Till:
        """A till of the shop; open a program or set one before using it.

        It insists: where more come than the server keeps waiting, and the machine is slow, some are told to come again.
        """
        return Till(self.server, self.key, self.merchant_id, address=address, insists=True)


@pytest.fixture(scope="package")
def shop() -> Iterator[Shop]:
    with serving(processes=2) as server:
        merchant_id = server.merchant("Flower Shop")
        yield Shop(server, merchant_id, server.key("Flower Shop"))
        server.books_are_right()
        server.stop()


@pytest.fixture
async def till(shop: Shop) -> AsyncIterator[Till]:
    """A till in a program of the test's own."""
    async with shop.till() as till:
        await till.open_program()
        yield till
