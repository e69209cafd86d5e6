"""SIGTERM in the middle of a rush: whoever was let in is answered in full, then everything ends, in order."""

import asyncio
import json
import random
import signal
import socket
import time

import pytest
from tests.faults.conftest import ROUNDS, Shop
from tests.serving.rush import Rush


@pytest.mark.parametrize("keep_alive", [False, True])
async def test_a_stop_under_load_breaks_no_answer(shop: Shop, keep_alive: bool) -> None:
    """A new connection is let in and answered, or refused; one that was kept gets its answer, then it is closed."""
    async with shop.till(keep_alive=keep_alive) as till:
        rush = await shop.rush(till, workers=24)
        for _ in range(max(1, ROUNDS * 2 // 3)):
            async with rush.under_way():
                await rush.sold(random.randint(1, 150))
                shop.server.process.send_signal(signal.SIGTERM)
                await asyncio.to_thread(shop.server.wait_for_the_end)
            await asyncio.to_thread(shop.server.start)
            rush = Rush.going_on(rush)
        outcomes = rush.outcomes()
        assert outcomes.keys() <= {200, 400, "ConnectError"}, outcomes
        await shop.reckon(rush, till)


def test_a_client_that_never_finishes_its_request_does_not_hold_up_a_stop(single: Shop) -> None:
    """It is told to send it again; nothing of it was done."""
    with socket.create_connection(("127.0.0.1", single.server.port)) as slow:
        slow.sendall(b"POST /v2/programs HTTP/1.1\r\nHost: kado\r\nContent-Type: application/json\r\n")
        slow.sendall(b"Content-Length: 100\r\n\r\n{")
        assert single.server.is_ready()  # answered after the slow one was read
        began = time.monotonic()
        single.server.stop()
        took = time.monotonic() - began
        slow.settimeout(10)
        head, _, body = slow.recv(4096).partition(b"\r\n\r\n")
    single.server.start()
    assert took < 15
    assert head.startswith(b"HTTP/1.1 503 "), head
    assert b"retry-after: " in head.lower()
    assert json.loads(body)["code"] == "stopping"
