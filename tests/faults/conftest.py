"""Servers that are to be hurt."""

import asyncio
import os
import secrets
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import asyncpg
import pytest
from tests.conftest import Databases, url_of
from tests.serving.database_faults import Calm, Silence
from tests.serving.database_proxy import DatabaseProxy, proxying_database
from tests.serving.rush import Rush
from tests.serving.server import Server, serving
from tests.serving.till import Till

ROUNDS = int(os.environ.get("KADO_FAULT_ROUNDS", "3"))
"""How often each fault happens: few in the suite, a hundred in a drill."""

PLACES = 40
"""How many may wait in each queue of the server that is behind a proxy: fewer than usual, so that few can fill it."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")


@dataclass
class Shop:
    """A merchant on a server, with a program and cards that can pay for a long rush."""

    server: Server
    merchant_id: str
    key: str
    program: str = ""
    cards: tuple[str, ...] = ()

    def till(self, *, keep_alive: bool = True, base_url: str | None = None) -> Till:
        till = Till(self.server, self.key, self.merchant_id, keep_alive=keep_alive, base_url=base_url)
        till.program = self.program
        return till

    async def rush(self, till: Till, *, workers: int = 16) -> Rush:
        """A rush on cards of its own: one hot one, some others, and one that is soon empty."""
        if not till.program:
            await till.open_program()
        values = ("10000", "10000", "10000", "10000", "3.00")
        cards = [(await till.card(value))["id"] for value in values]
        return Rush(till, [*cards, cards[0], cards[0], cards[0]], workers)

    async def reckon(self, rush: Rush, till: Till) -> None:
        """Every acknowledged sale is there once, every unknown one settles by its key, and the books are right."""
        await rush.settle(till)
        await rush.is_booked_exactly_once(self.server, till.program)


@pytest.fixture(scope="package")
def shop() -> Iterator[Shop]:
    """One server with two HTTP processes for all faults that it is to survive."""
    with serving(processes=2) as server:
        merchant_id = server.merchant("Flower Shop")
        yield Shop(server, merchant_id, server.key("Flower Shop"))
        server.books_are_right()
        server.stop()


@pytest.fixture(scope="package")
def single() -> Iterator[Shop]:
    """The same with one process, whose lists can be foretold."""
    with serving() as server:
        merchant_id = server.merchant("Book Shop")
        yield Shop(server, merchant_id, server.key("Book Shop"))
        server.books_are_right()
        server.stop()


@dataclass
class Behind:
    """A shop whose server reaches its database through a proxy that does what it is told."""

    shop: Shop
    proxy: DatabaseProxy
    database_url: str
    """The database without the proxy, as its superuser."""

    @contextmanager
    def hit_by(self, fault: Calm) -> Iterator[None]:
        """Inside the block this happens to what the server asks of its database."""
        self.proxy.goes_on(fault)
        try:
            yield
        finally:
            self.proxy.goes_on()
            if isinstance(fault, Silence):  # whoever waits on those connections will never hear anything
                self.proxy.down()
                self.proxy.up()

    @contextmanager
    def without_database(self) -> Iterator[None]:
        """Inside the block nobody listens where the database is."""
        self.proxy.down()
        try:
            yield
        finally:
            self.proxy.up()

    @asynccontextmanager
    async def superuser(self) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        """Whoever looks after the database."""
        connection = await asyncpg.connect(self.database_url)
        try:
            yield connection
        finally:
            await connection.close()

    async def works_again(self, till: Till, seconds: float = 30) -> None:
        """Return when the server reads and writes, by itself."""
        async with asyncio.timeout(seconds):
            while (answer := await till.issue("1.00")).status_code != 201:
                assert answer.status_code == 503, answer.text


@pytest.fixture(scope="package")
def behind(server_url: str, databases: Databases) -> Iterator[Behind]:
    """One server for all faults of what lies between it and its database."""
    name = databases.take()
    url = url_of(server_url, name)
    settings = {"KADO_SECRET_KEY": secrets.token_hex(32), "KADO_WAITING_MAX": str(PLACES)}
    with (
        proxying_database(url) as proxy,
        serving(database_url=proxy.url, settings=settings) as server,
    ):
        merchant_id = server.merchant("Flower Shop")
        yield Behind(Shop(server, merchant_id, server.key("Flower Shop")), proxy, url)
        server.books_are_right()
        server.stop()
    databases.drop(name)


@pytest.fixture
async def lone_till(behind: Behind) -> AsyncIterator[Till]:
    """A till of that shop, in a program of its own."""
    async with behind.shop.till() as till:
        await till.open_program()
        yield till


@pytest.fixture
async def till(shop: Shop) -> AsyncIterator[Till]:
    async with shop.till() as till:
        await till.open_program()
        yield till
