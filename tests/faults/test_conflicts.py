"""The database says no in the middle: connections are cut, locks are held, transactions collide. Nothing doubles."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import asyncpg
import pytest
from tests.faults.conftest import ROUNDS, Shop
from tests.serving.rush import Rush
from tests.serving.server import Server, until
from tests.serving.till import Till

_TOUCH = "UPDATE card SET updated_at = updated_at WHERE id = ANY($1::text[])"
_LOCK = "SELECT FROM card WHERE id = $1 FOR UPDATE"


@asynccontextmanager
async def superuser(server: Server) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await server.superuser()
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def lone_till(single: Shop) -> AsyncIterator[Till]:
    async with single.till() as till:
        await till.open_program()
        yield till


def times_logged(server: Server, words: str) -> int:
    """How often PostgreSQL complained with these words."""
    return (server.data_dir / "postgres.log").read_text(errors="replace").count(words)


def a_deadlock_since(server: Server, before: int) -> Callable[[], bool]:
    return lambda: times_logged(server, "deadlock detected") > before


async def eventually(is_so: Callable[[], object], complaint: str) -> None:
    await asyncio.to_thread(until, is_so, 20, complaint)


async def blocked_by(watcher: "asyncpg.Connection[asyncpg.Record]", pid: int, count: int = 1) -> None:
    """Return when so many sessions of the server wait for that one."""
    deadline = time.monotonic() + 10
    asked = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'kado' AND $1 = ANY(pg_blocking_pids(pid))"
    while await watcher.fetchval(asked, pid) < count:
        assert time.monotonic() < deadline, "nobody waits"


async def test_the_ledgers_connection_is_cut_again_and_again(shop: Shop, till: Till) -> None:
    rush = await shop.rush(till)
    async with superuser(shop.server) as session, rush.under_way():
        cut = 0
        for _ in range(ROUNDS * 5):
            await rush.sold(random.randint(1, 30))
            cut += await session.fetchval(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'kado'"
                " AND (backend_xid IS NOT NULL OR state = 'idle in transaction' OR query IN ('BEGIN', 'COMMIT'))"
            )
        await rush.sold(20)
    assert cut >= ROUNDS, "the rush was over before a connection was cut"
    assert rush.outcomes().keys() <= {200, 400, 503}, rush.outcomes()
    await shop.reckon(rush, till)


async def test_all_connections_are_cut_at_once(shop: Shop, till: Till) -> None:
    rush = await shop.rush(till)
    async with superuser(shop.server) as session, rush.under_way():
        for _ in range(ROUNDS):
            await rush.sold(random.randint(1, 60))
            await session.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name LIKE 'kado%' AND pid <> pg_backend_pid()"
            )
        await rush.sold(20)
    assert rush.outcomes().keys() <= {200, 400, 503}, rush.outcomes()
    await shop.reckon(rush, till)


async def test_transactions_that_cannot_be_serialised_are_repeated(shop: Shop, till: Till) -> None:
    """An administrator has raised the isolation level; two processes at one card now collide all the time."""
    rush = await shop.rush(till)
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'kado'"
    before = times_logged(shop.server, "could not serialize access")
    async with superuser(shop.server) as session:
        await session.execute("ALTER DATABASE kado SET default_transaction_isolation = 'serializable'")
        try:
            await session.execute(cut)
            async with rush.under_way():
                await rush.sold(150 * ROUNDS)
                collided = lambda: times_logged(shop.server, "could not serialize access") > before  # noqa: E731
                for _ in range(500):
                    # Where the kernel gives all callers to one of the two processes, somebody else is in its way.
                    await session.execute(_TOUCH, list(rush.cards))
                    if collided():
                        break
                await eventually(collided, "no two transactions have collided")
        finally:
            await session.execute("ALTER DATABASE kado RESET default_transaction_isolation")
            await session.execute(cut)
    assert rush.outcomes().keys() <= {200, 400, 503}, rush.outcomes()
    await shop.reckon(rush, till)


async def test_a_card_that_somebody_holds_is_503_in_time_and_settles_later(single: Shop, lone_till: Till) -> None:
    rush = Rush(lone_till, [(await lone_till.card("1000.00"))["id"]], workers=8)
    before = times_logged(single.server, "lock timeout")
    async with superuser(single.server) as holder, superuser(single.server) as watcher:
        await holder.execute("BEGIN")
        await holder.execute(_LOCK, *rush.cards)
        async with rush.under_way():
            await blocked_by(watcher, holder.get_server_pid())
            await eventually(lambda: rush.outcomes()[503] >= 8, "no answer while the card is held")
            alive = await lone_till.http.get("/health/live")
            assert alive.status_code == 200
            await holder.execute("ROLLBACK")
            await rush.sold(20)
    assert rush.outcomes().keys() <= {200, 503}, rush.outcomes()
    assert all(attempt.retry_after for attempt in rush.attempts() if attempt.outcome == 503)
    assert max(attempt.seconds for attempt in rush.attempts()) < 7
    assert times_logged(single.server, "lock timeout") > before
    await single.reckon(rush, lone_till)


async def test_a_deadlock_with_somebody_else_is_repeated_and_not_doubled(single: Shop, lone_till: Till) -> None:
    for _ in range(ROUNDS):
        first, second, other = sorted([(await lone_till.card("100.00"))["id"] for _ in range(3)])
        before = times_logged(single.server, "deadlock detected")
        async with superuser(single.server) as stopper, superuser(single.server) as rival:
            await rival.execute("SET deadlock_timeout = '60s'")  # so that it is the server that gives way
            await stopper.execute("BEGIN")
            await stopper.execute(_LOCK, other)
            await rival.execute("BEGIN")
            await rival.execute(_LOCK, second)
            # The first redeem occupies the server; the others gather, and go on as one list.
            calls = [asyncio.create_task(lone_till.redeem(other, "1.00"))]
            await blocked_by(rival, stopper.get_server_pid())
            sent = [(card, f"key-{at}") for at, card in enumerate((first, second) * 5)]
            calls += [asyncio.create_task(lone_till.redeem(card, "1.00", key)) for card, key in sent]
            await asyncio.gather(*(lone_till.http.get("/health/live") for _ in range(30)))
            await stopper.execute("ROLLBACK")
            await blocked_by(stopper, rival.get_server_pid())
            await rival.execute(_LOCK, first)
            await eventually(a_deadlock_since(single.server, before), "there was no deadlock")
            await rival.execute("ROLLBACK")
            answers = await asyncio.gather(*calls)
        assert {answer.status_code for answer in answers} <= {200, 503}
        settled = [await lone_till.redeem(card, "1.00", key) for card, key in sent]
        assert {answer.status_code for answer in settled} == {200}
        for card in (first, second):
            assert (await lone_till.details(card))["balance"] == "95.00"
