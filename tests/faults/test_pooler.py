"""PgBouncer between Kado and its database dies under load: what was acknowledged is there once, the rest settles."""

import asyncio
import random
import secrets
from collections.abc import Iterator

import pytest
from tests.conftest import Databases, url_of
from tests.faults.conftest import ROUNDS, Shop
from tests.serving.bouncer import Bouncer, bouncing
from tests.serving.rush import Rush
from tests.serving.server import serving, until


@pytest.fixture
def database(server_url: str, databases: Databases) -> Iterator[str]:
    name = databases.take()
    yield url_of(server_url, name)
    databases.drop(name)


@pytest.fixture
def pooled(database: str) -> Iterator[tuple[Shop, Bouncer]]:
    """Two HTTP processes, which could have two dozen connections, on the four servers of a pooler."""
    with bouncing(database, "transaction") as bouncer:
        settings = {"KADO_SECRET_KEY": secrets.token_hex(32), "KADO_DATABASE_POOLED_URL": bouncer.url}
        with serving(processes=2, database_url=database, settings=settings) as server:
            merchant_id = server.merchant("Flower Shop")
            yield Shop(server, merchant_id, server.key("Flower Shop")), bouncer
            server.books_are_right()
            server.stop()


async def test_a_killed_pooler_has_lost_and_doubled_nothing(pooled: tuple[Shop, Bouncer]) -> None:
    shop, bouncer = pooled
    async with shop.till() as till:
        rush = await shop.rush(till)
        for _ in range(ROUNDS):
            async with rush.under_way():
                await rush.sold(random.randint(1, 150))
                bouncer.kill()
                await asyncio.sleep(random.uniform(0, 0.5))
                bouncer.start()
                await rush.sold(20)
            rush = Rush.going_on(rush)
        outcomes = rush.outcomes()
        assert outcomes.keys() <= {200, 400, 503}, outcomes
        await shop.reckon(rush, till)


async def test_a_server_works_through_a_pooler_that_keeps_sessions(database: str) -> None:
    """Its worker hears of a mail at once, as over a connection of its own."""
    with bouncing(database, "session") as bouncer:
        settings = {"KADO_SECRET_KEY": secrets.token_hex(32)}
        with serving(database_url=bouncer.url, settings=settings) as server:
            shop = Shop(server, server.merchant("Flower Shop"), server.key("Flower Shop"))
            async with shop.till() as till:
                rush = await shop.rush(till)
                async with rush.under_way():
                    await rush.sold(50)
                await till.card("5.00", customerEmail="ada@example.com")
                await asyncio.to_thread(until, lambda: any((server.data_dir / "mail").glob("*")), 20, "no mail left")
                assert rush.outcomes().keys() <= {200, 400}
                await shop.reckon(rush, till)
            await asyncio.to_thread(server.books_are_right)
            await asyncio.to_thread(server.stop)
