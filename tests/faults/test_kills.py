"""kill -9 at random moments under load: what was acknowledged is there once, what is unknown settles by its key."""

import asyncio
import random
import signal
from collections.abc import Callable

import pytest
from tests.faults.conftest import ROUNDS, Shop
from tests.serving.rush import Rush
from tests.serving.server import Server, send, until
from tests.serving.till import Till

READY_AGAIN_SECONDS = 30  # far above what it takes; the machine may be busy with other tests
ANSWER_SECONDS = 7  # a request is told by then that its outcome is not known yet


async def eventually(is_so: Callable[[], object], complaint: str) -> None:
    """Wait beside the rush, which goes on."""
    await asyncio.to_thread(until, is_so, READY_AGAIN_SECONDS, complaint)


def database_is_new(server: Server, killed: int) -> Callable[[], bool]:
    return lambda: server.postmaster() not in (0, killed)


def http_process_is_replaced(server: Server, victim: int) -> Callable[[], bool]:
    return lambda: len(set(server.http_processes()) - {victim}) == 2


def server_and_its_http_processes(server: Server) -> None:
    """PostgreSQL loses its parent and is told so by the kernel."""
    for pid in server.server_processes():
        send(pid, signal.SIGKILL)


def server_alone(server: Server) -> None:
    """Its HTTP processes must notice by themselves, and make room for the next start."""
    send(server.process.pid, signal.SIGKILL)


def everything(server: Server) -> None:
    """As when the power goes, but for the disk's cache."""
    for pid in server.all_processes():
        send(pid, signal.SIGKILL)


@pytest.mark.parametrize("kill", [server_and_its_http_processes, server_alone, everything])
async def test_a_killed_server_has_lost_and_doubled_nothing(
    shop: Shop, till: Till, kill: Callable[[Server], None]
) -> None:
    rush = await shop.rush(till)
    for _ in range(max(1, ROUNDS // 3)):
        async with rush.under_way():
            await rush.sold(random.randint(1, 150))
            kill(shop.server)
            await asyncio.to_thread(shop.server.start_again)
            await rush.sold(20)
        rush = Rush.going_on(rush)
    assert 500 not in rush.outcomes(), rush.outcomes()
    await shop.reckon(rush, till)


async def test_a_killed_database_is_missed_politely_and_comes_back(shop: Shop, till: Till) -> None:
    rush = await shop.rush(till)
    for _ in range(ROUNDS):
        async with rush.under_way():
            await rush.sold(random.randint(1, 150))
            killed = shop.server.postmaster()
            send(killed, signal.SIGKILL)
            await eventually(database_is_new(shop.server, killed), "PostgreSQL was not restarted")
            await rush.sold(20)
        rush = Rush.going_on(rush)
    assert shop.server.process.poll() is None, "the server ended with its database"
    outcomes = rush.outcomes()
    assert outcomes.keys() <= {200, 400, 503}, outcomes
    assert all(attempt.retry_after for attempt in rush.attempts() if attempt.outcome == 503)
    assert max(attempt.seconds for attempt in rush.attempts()) < ANSWER_SECONDS
    await shop.reckon(rush, till)


async def test_a_killed_backend_of_the_ledger_takes_nothing_with_it(shop: Shop, till: Till) -> None:
    """One process of PostgreSQL dies: PostgreSQL cuts all connections and recovers, which is another way to be away."""
    rush = await shop.rush(till)
    for _ in range(ROUNDS):
        async with rush.under_way():
            await rush.sold(random.randint(1, 100))
            connection = await shop.server.superuser()
            pids = await connection.fetch(
                "SELECT pid FROM pg_stat_activity WHERE application_name = 'kado' AND query LIKE 'COMMIT%'"
            )
            connection.terminate()
            for row in pids[:1]:
                send(row["pid"], signal.SIGKILL)
            await rush.sold(20)
        rush = Rush.going_on(rush)
    outcomes = rush.outcomes()
    assert outcomes.keys() <= {200, 400, 503}, outcomes
    await shop.reckon(rush, till)


async def test_a_killed_http_process_is_replaced(shop: Shop, till: Till) -> None:
    rush = await shop.rush(till)
    for _ in range(ROUNDS):
        async with rush.under_way():
            await rush.sold(random.randint(1, 100))
            victim = random.choice(shop.server.http_processes())
            send(victim, signal.SIGKILL)
            await eventually(http_process_is_replaced(shop.server, victim), "it was not replaced")
            await rush.sold(20)
        rush = Rush.going_on(rush)
    assert 500 not in rush.outcomes(), rush.outcomes()
    await shop.reckon(rush, till)
