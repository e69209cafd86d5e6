"""The process dies at exactly this point of the posting machine's work, with one posting in the list and with many.

The point is found from outside: a proxy holds a statement back, or its answer. Another server then settles every key.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from tests.client.proxy import Mishap, proxying
from tests.conftest import Databases, url_of
from tests.faults.wishes import CodeOf, Wish, a_redeem, are_settled, count, one_of_each
from tests.serving.database_proxy import Stop
from tests.serving.pair import Pair, paired
from tests.serving.server import until
from tests.serving.till import Till

LOCK, WRITE, COMMIT = "FOR UPDATE OF c", "WITH line AS", "COMMIT"
POINTS = {
    "before the lock": (LOCK, False),
    "after the lock": (LOCK, True),
    "after the write": (WRITE, True),
    "before the commit": (COMMIT, False),
    "after the commit": (COMMIT, True),
}
SECONDS = 20

Wishes = Callable[[Till, CodeOf], Awaitable[list[Wish]]]


@pytest.fixture(scope="module")
def pair(server_url: str, databases: Databases) -> Iterator[Pair]:
    name = databases.take()
    with paired(url_of(server_url, name)) as made:
        yield made
        made.victim.books_are_right()
    databases.drop(name)


@pytest.fixture(autouse=True)
def nothing_stays_held(pair: Pair) -> Iterator[None]:
    """What one test held up is no other's concern."""
    yield
    pair.proxy.goes_on()


async def reached(stop: Stop) -> None:
    assert await asyncio.to_thread(stop.reached.wait, SECONDS), "the point was not reached"


async def all_are_waiting(pair: Pair, till: Till) -> None:
    """Return when every request that was sent before has reached the machine: some look something up on their way."""
    quiet = 0
    async with asyncio.timeout(SECONDS):
        while quiet < 4:  # those who wait have patience for 4.5 s
            await asyncio.gather(*(till.http.get("/health/live") for _ in range(5)))
            quiet = quiet + 1 if pair.proxy.is_quiet() else 0


async def _as_one_list(pair: Pair, till: Till, wishes: list[Wish], stop: Stop) -> list[asyncio.Task[Any]]:
    """Send the wishes while the machine is busy with another one; they gather, go on as one list, and are stopped."""
    card = (await till.card("1.00"))["id"]
    busy = Stop(COMMIT, after=True)
    pair.proxy.goes_on(busy)
    first = asyncio.create_task(till.redeem(card, "1.00"))
    await reached(busy)
    sent = [asyncio.create_task(wish.send(till)) for wish in wishes]
    await all_are_waiting(pair, till)
    pair.proxy.goes_on(stop)
    assert (await first).status_code == 200
    await reached(stop)
    # One that looks something up first may come too late on a busy machine, and wait for the next list.
    wishes[:] = [wish for wish in wishes if all(one.encode() in stop.lock_payload for one in wish.cards)]
    assert len(wishes) >= 8, "there was no list of many"
    return sent


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("wanted", [a_redeem, one_of_each])
async def test_a_process_that_dies_leaves_all_of_a_list_or_nothing(pair: Pair, point: str, wanted: Wishes) -> None:
    words, after = POINTS[point]
    done = point == "after the commit"
    async with pair.till(pair.victim) as till:
        program = await till.open_program()
        wishes = await wanted(till, pair.code_of)
        before = await count(pair.database_url, program) + (len(wishes) > 1)  # with the one that keeps it busy
        # What is issued is written before the others' cards are locked.
        stop = Stop(words, after=after, nth=2 if words == WRITE and len(wishes) > 1 else 1)
        if len(wishes) > 1:
            before += 2  # its card
            sent = await _as_one_list(pair, till, wishes, stop)
        else:
            pair.proxy.goes_on(stop)
            sent = [asyncio.create_task(wish.send(till)) for wish in wishes]
            await reached(stop)
        told = [task.result().status_code for task in sent if task.done()]
        assert set(told) <= {503}, "somebody was answered before the commit was known"
        server = await asyncio.to_thread(pair.kill)
        await asyncio.gather(*sent, return_exceptions=True)
    entries = sum(wish.entries for wish in wishes)
    assert await count(pair.database_url, program) == before + (entries if done else 0)
    async with pair.till(server, program) as till:
        await are_settled(till, wishes, done=done)
    assert await count(pair.database_url, program) == before + entries


@pytest.mark.parametrize("wanted", [one_of_each])
async def test_a_process_that_dies_before_anyone_hears_its_answer_has_done_it(pair: Pair, wanted: Wishes) -> None:
    async with proxying(pair.victim.port) as network, pair.till(pair.victim) as till:
        program = await till.open_program()
        wishes = await wanted(till, pair.code_of)
        before = await count(pair.database_url, program)
        network.will(*[Mishap.HANG] * len(wishes))
        async with pair.till(pair.victim, program, base_url=network.url) as behind:
            sent = [asyncio.create_task(wish.send(behind)) for wish in wishes]
            await asyncio.to_thread(until, lambda: network.answered == len(wishes), SECONDS, "not all was answered")
            server = await asyncio.to_thread(pair.kill)
        await asyncio.gather(*sent, return_exceptions=True)
    entries = sum(wish.entries for wish in wishes)
    assert await count(pair.database_url, program) == before + entries
    async with pair.till(server, program) as till:
        await are_settled(till, wishes, done=True)
    assert await count(pair.database_url, program) == before + entries
