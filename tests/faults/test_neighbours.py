"""Other `kado` commands on the data directory of a server, and in its absence."""

import asyncio

from tests.faults.conftest import Shop
from tests.serving.commands import run
from tests.serving.server import Server, free_port
from tests.serving.till import Till


def serve_elsewhere(server: Server, *options: str) -> tuple[int, str]:
    done = server.command("serve", *options, seconds=30)
    return done.code, done.err


async def test_a_second_server_on_the_same_data_is_refused_and_the_first_goes_on(single: Shop) -> None:
    async with single.till() as till:
        rush = await single.rush(till, workers=4)
        async with rush.under_way():
            status, said = await asyncio.to_thread(serve_elsewhere, single.server, "--port", str(free_port()))
            await rush.sold(20)
        assert status == 1
        assert f"Another kado server (process {single.server.process.pid}) uses the data directory" in said
        assert "Traceback" not in said
        assert rush.outcomes().keys() <= {200, 400}, rush.outcomes()
        await single.reckon(rush, till)


def test_a_server_that_cannot_start_leaves_no_process_behind(single: Shop) -> None:
    # Those that answer are started before it is known whether the database can be used.
    environment = single.server.environment | {"KADO_PROCESSES": "2"}
    refused = run("serve", "--port", str(free_port()), environment=environment)
    assert (refused.code, "uses the data directory" in refused.err) == (1, True), refused.err
    assert single.server.http_processes() == []


def test_a_port_that_is_taken_is_named(single: Shop) -> None:
    status, said = serve_elsewhere(single.server, "--port", str(single.server.port))
    assert status == 1
    assert f"127.0.0.1:{single.server.port} cannot be used" in said
    assert "Traceback" not in said
    assert single.server.is_ready()


async def works(shop: Shop, key: str) -> bool:
    async with Till(shop.server, key, shop.merchant_id) as till:
        await till.open_program()
        return bool((await till.card("5.00"))["balance"] == "5.00")


async def test_commands_work_beside_a_running_server(single: Shop) -> None:
    key = await asyncio.to_thread(single.server.key, "Book Shop", "--name", "till 2")
    assert await works(single, key)
    await asyncio.to_thread(single.server.books_are_right)


async def test_commands_work_without_a_server(single: Shop) -> None:
    await asyncio.to_thread(single.server.stop)
    try:
        key = await asyncio.to_thread(single.server.key, "Book Shop", "--name", "till 3")
        await asyncio.to_thread(single.server.books_are_right)
        assert single.server.all_processes() == [], "a command left something behind"
    finally:
        await asyncio.to_thread(single.server.start)
    assert await works(single, key)
