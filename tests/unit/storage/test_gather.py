"""The queue before the posting machine: who gets a place, who is turned away, and that nobody is forgotten."""

import asyncio

import pytest

from kado.errors import Unavailable
from kado.storage.crowd import Crowd
from kado.storage.gather import Gatherer


class Slowly:
    """Works on a list when it is told to."""

    def __init__(self) -> None:
        self.lists: list[list[int]] = []
        self.goes = asyncio.Event()

    async def __call__(self, items: list[int]) -> list[int]:
        self.lists.append(items)
        await self.goes.wait()
        return [-item for item in items]


async def submitted(gatherer: Gatherer[int, int], work: Slowly, count: int) -> list[asyncio.Task[int]]:
    """So many, of which the first is being worked on and the others wait."""
    sent = [asyncio.create_task(gatherer.submit(0))]
    while not work.lists:
        await asyncio.sleep(0)
    sent += [asyncio.create_task(gatherer.submit(at)) for at in range(1, count)]
    await asyncio.sleep(0)
    return sent


async def test_who_finds_the_queue_full_and_not_moving_is_turned_away_and_nothing_is_done_for_them() -> None:
    work, crowd = Slowly(), Crowd("test", 3)
    gatherer = Gatherer(work, crowd)
    sent = await submitted(gatherer, work, 6)
    with pytest.raises(Unavailable) as refused:
        await sent[5]
    assert refused.value.headers == {"Retry-After": "1"}
    work.goes.set()
    results = await asyncio.gather(*sent, return_exceptions=True)
    assert results[:4] == [0, -1, -2, -3]
    assert all(isinstance(one, Unavailable) for one in results[4:])
    assert work.lists == [[0], [1, 2, 3]]
    assert crowd.turned_away_total == 2


async def test_nothing_is_done_for_whoever_is_turned_away_at_once() -> None:
    work, crowd = Slowly(), Crowd("test", 1)
    gatherer = Gatherer(work, crowd)
    sent = await submitted(gatherer, work, 25)  # one is worked on, and twenty times the places may wait
    refused = [task for task in sent if task.done()]
    assert len(refused) == 4
    work.goes.set()
    await asyncio.wait(sent)
    assert all(isinstance(task.exception(), Unavailable) for task in refused)
    assert sum(map(len, work.lists)) <= 21


async def test_who_finds_the_queue_full_is_served_when_it_gets_shorter_in_time() -> None:
    work = Slowly()
    gatherer = Gatherer(work, Crowd("test", 3))
    sent = await submitted(gatherer, work, 60)
    work.goes.set()
    assert await asyncio.gather(*sent) == [-at for at in range(60)]


async def test_a_queue_that_is_full_many_times_over_turns_away_at_once() -> None:
    work = Slowly()
    gatherer = Gatherer(work, Crowd("test", 3))
    sent = await submitted(gatherer, work, 62)
    await asyncio.sleep(0)
    assert sent[61].done()
    assert isinstance(sent[61].exception(), Unavailable)
    work.goes.set()
    await asyncio.gather(*sent, return_exceptions=True)


async def test_who_left_before_the_work_began_is_not_worked_for() -> None:
    work = Slowly()
    gatherer = Gatherer(work, Crowd("test", 3))
    sent = await submitted(gatherer, work, 3)
    sent[1].cancel()
    await asyncio.sleep(0)
    work.goes.set()
    assert await sent[2] == -2
    assert work.lists == [[0], [2]]
