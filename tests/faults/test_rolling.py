"""Kado is restarted while the tills sell: nobody is refused, neither by one server nor by several."""

import asyncio
import secrets
import socket
from collections import Counter
from collections.abc import Iterator

import pytest
from tests.conftest import Databases, url_of
from tests.faults.conftest import Shop
from tests.serving.server import Server, serving


@pytest.fixture
def database(server_url: str, databases: Databases) -> Iterator[str]:
    name = databases.take()
    yield url_of(server_url, name)
    databases.drop(name)


@pytest.mark.parametrize("processes", [1, 2])
async def test_with_a_socket_that_is_held_a_restart_is_a_pause(database: str, processes: int) -> None:
    """New connections wait for the next server; those that were kept get their answer, and come anew."""
    server = Server(processes=processes, database_url=database, settings={"KADO_SECRET_KEY": secrets.token_hex(32)})
    try:
        with socket.create_server(("127.0.0.1", server.port), backlog=512) as held:
            server.held = held
            server.start()
            shop = Shop(server, server.merchant("Flower Shop"), server.key("Flower Shop"))
            async with shop.till(keep_alive=processes == 1) as till:
                rush = await shop.rush(till)
                async with rush.under_way():
                    await rush.sold(50)
                    await asyncio.to_thread(server.stop)
                    await asyncio.to_thread(server.start)
                    await rush.sold(50)
                assert rush.outcomes().keys() <= {200, 400}, rush.outcomes()
                await shop.reckon(rush, till)
            server.stop()
    finally:
        server.remove()


async def test_servers_behind_a_balancer_are_exchanged_one_by_one(database: str) -> None:
    """Whoever finds nobody at one address asks at the other, as a balancer does; only one of them has a worker."""
    secret = secrets.token_hex(32)
    settings = [{"KADO_SECRET_KEY": secret}, {"KADO_SECRET_KEY": secret, "KADO_WORKER": "off"}]
    with (
        serving(database_url=database, settings=settings[0]) as one,
        serving(database_url=database, settings=settings[1]) as other,
    ):
        assert len(one.command("secret", "status", "--json").json["servers"]) == 2
        shop = Shop(one, one.merchant("Flower Shop"), one.key("Flower Shop"))
        async with shop.till(keep_alive=False) as till, shop.till(base_url=other.base_url, keep_alive=False) as beside:
            rush = await shop.rush(till, workers=8)
            beside.program = till.program
            over, asked = asyncio.Event(), Counter[int | str]()

            async def sell(number: int) -> None:
                ways = [till, beside]
                while not over.is_set():
                    sale = rush.sale()
                    await sale.send(ways[number % 2])
                    if sale.was_refused_at_the_door:
                        number += 1
                        await sale.send(ways[number % 2])
                    asked[sale.attempts[-1].outcome] += 1

            work = [asyncio.create_task(sell(number)) for number in range(8)]
            for server in (one, other):
                await asyncio.to_thread(server.stop)
                await asyncio.to_thread(server.start)
            over.set()
            await asyncio.gather(*work)
            assert asked.keys() <= {200, 400}, asked
            assert asked.total() > 20
            await shop.reckon(rush, till)
        await asyncio.to_thread(one.books_are_right)
