"""Clients that are slow on purpose; `drills/slow_clients.py` has more of them, for longer, and a server by itself."""

import asyncio
import sys

import pytest
from tests.api.shop import Shop
from tests.serving import slow

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel how a connection fares")

MANY, FEW = 60, 10
EVERY = 0.5
SECONDS = 3
"""Within which a request must have arrived: a second for its head, two for its body."""


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    return {"KADO_REQUEST_SECONDS": str(SECONDS)}


async def test_slow_clients_are_shown_out_and_nobody_else_feels_them(shop: Shop) -> None:
    card, port = await shop.active(), shop.api.port
    clients = [
        *[slow.trickle_head(port, EVERY) for _ in range(MANY)],
        *[slow.say_nothing(port) for _ in range(FEW)],
        *[slow.trickle_body(port, EVERY, shop.owner) for _ in range(FEW)],
        *[slow.take_little(port, EVERY) for _ in range(FEW)],
    ]
    async with slow.at_once(*clients) as tasks:
        answers = [await asyncio.wait_for(shop.redeem(card, "0.01"), 10) for _ in range(10)]
        still_there = [task for task in tasks if not task.done()]
        done, held = await asyncio.wait(tasks, timeout=60)
    assert [answer.status_code for answer in answers] == [200] * 10
    assert still_there, "nobody was slow beside them"
    assert not held
    assert max(task.result() for task in done) > SECONDS / 3
