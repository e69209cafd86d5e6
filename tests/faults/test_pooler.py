"""PgBouncer between Kado and its database dies under load: what was acknowledged is there once, the rest settles."""

import asyncio
import random
import secrets
from collections.abc import Iterator

import pytest
from tests.conftest import Databases, url_of
from tests.faults.conftest import ROUNDS, Shop
from tests.serving.bouncer import Bouncer, Mode, bouncing
from tests.serving.rush import Rush
from tests.serving.server import serving, until


@pytest.fixture
def database(server_url: str, databases: Databases) -> Iterator[str]:
    name = databases.take()
    yield url_of(server_url, name)
    databases.drop(name)


@pytest.fixture(params=["session", "transaction"])
def pooled(request: pytest.FixtureRequest, database: str) -> Iterator[tuple[Shop, Bouncer]]:
    """Two HTTP processes: all that they ask goes through the pooler, or all but the ledger over four servers of it."""
    mode: Mode = request.param
    with bouncing(database, mode) as bouncer:
        settings = {"KADO_SECRET_KEY": secrets.token_hex(32)}
        if mode == "transaction":
            settings["KADO_DATABASE_POOLED_URL"] = bouncer.url
        url = database if mode == "transaction" else bouncer.url
        with serving(processes=2, database_url=url, settings=settings) as server:
            merchant_id = server.merchant("Flower Shop")
            yield Shop(server, merchant_id, server.key("Flower Shop")), bouncer
            server.books_are_right()
            server.stop()


async def test_a_killed_pooler_has_lost_and_doubled_nothing(pooled: tuple[Shop, Bouncer]) -> None:
    """Its worker hears of a mail at once afterwards, as over a connection of its own."""
    shop, bouncer = pooled
    async with shop.till() as till:
        rush = await shop.rush(till)
        for _ in range(ROUNDS):
            async with rush.under_way():
                await rush.sold(random.randint(1, 150))
                bouncer.kill()
                bouncer.start()
                await rush.sold(20)
            rush = Rush.going_on(rush)
        outcomes = rush.outcomes()
        assert outcomes.keys() <= {200, 400, 503}, outcomes
        await shop.reckon(rush, till)
        await till.card("5.00", customerEmail="ada@example.com")
        mails = shop.server.data_dir / "mail"
        await asyncio.to_thread(until, lambda: any(mails.glob("*")), 20, "no mail left")
