"""kill -9 in the middle of a bulk issue: it goes on where it stopped, and every card is there once."""

import asyncio
import random
import signal
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx2
import pytest
from tests.faults.conftest import Shop
from tests.faults.test_kills import everything
from tests.serving.server import Server, send
from tests.serving.till import Till

COUNT = 6000
SECONDS = 60


def database(server: Server) -> None:
    send(server.postmaster(), signal.SIGKILL)


async def issued(till: Till, task: str, at_least: int) -> None:
    """Return when so many cards are issued."""
    async with asyncio.timeout(SECONDS):
        while (await till.bulk_task(task))["issuedCount"] < at_least:
            await asyncio.sleep(0.01)


async def is_answered(till: Till, task: str) -> None:
    """Return when the server is there again; until then its connections break, and it says that it is away."""
    async with asyncio.timeout(SECONDS):
        while True:
            try:
                if (await till.http.get(till.cards_path("bulk", task))).status_code == 200:
                    return
            except httpx2.TransportError:
                pass
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("kill", [everything, database])
async def test_a_bulk_issue_survives_its_worker(shop: Shop, kill: Callable[[Server], None]) -> None:
    async with shop.till(keep_alive=False) as till:
        await till.open_program()
        ordered = await till.bulk("the-one", count=COUNT)
        task = ordered.json()["taskId"]
        await issued(till, task, random.randint(1, COUNT // 2))
        kill(shop.server)
        if kill is everything:
            await asyncio.to_thread(shop.server.start_again)
        await is_answered(till, task)
        again = await till.bulk("the-one", count=COUNT)
        assert (again.status_code, again.content) == (202, ordered.content)
        await issued(till, task, COUNT)
        shown = await till.bulk_task(task)
        assert (shown["status"], shown["issuedCount"], len(shown["cards"])) == ("completed", COUNT, COUNT)
        file = await till.http.get(urlsplit(shown["csvDownloadUrl"]).path)
        numbers = [line.split(",")[0] for line in file.text.splitlines()[1:]]
        assert numbers == [card["cardNumber"] for card in shown["cards"]]
        assert len(set(numbers)) == COUNT
        await there_are_no_others(shop.server, till.program)


async def there_are_no_others(server: Server, program: str) -> None:
    connection = await server.superuser()
    try:
        row = await connection.fetchrow(
            "SELECT (SELECT count(*) FROM card WHERE program_id = $1),"
            " (SELECT count(*) FROM card_transaction WHERE program_id = $1)",
            program,
        )
    finally:
        await connection.close()
    assert row is not None
    assert tuple(row) == (COUNT, COUNT)
