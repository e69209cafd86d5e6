"""The lane for those who prove nothing: one after another beside a till, several without, never more than may wait."""

import asyncio

import pytest

from kado.doors.api.lane import NARROW, WIDE, Lane
from kado.doors.api.routes import balance
from kado.errors import Unavailable
from kado.storage.gather import outside

CHECK = "/v2/giftcards/programs/0123456789abcdef01234567/balance-check"
REDEEM = "/v2/giftcards/programs/0123456789abcdef01234567/cards/0123456789abcdef01234567/redeem"


class Street:
    """A lane, and who is on it."""

    def __init__(self, places: int = 200, rest_seconds: float = 0) -> None:
        self.lane = Lane(balance.PATHS, places, rest_seconds)
        self.inside: list[int] = []
        self.came: list[int] = []
        self.refused: list[int] = []
        self.travellers: dict[int, asyncio.Task[None]] = {}
        self._may_leave: dict[int, asyncio.Event] = {}

    async def send(self, *names: int, path: str = CHECK) -> None:
        for name in names:
            self._may_leave[name] = asyncio.Event()
            self.travellers[name] = asyncio.create_task(self._travel(name, path))
        await settle()

    async def let_go(self, *names: int) -> None:
        for name in names:
            self._may_leave[name].set()
        await settle()

    async def _travel(self, name: int, path: str) -> None:
        try:
            async with self.lane.passage(path):
                self.came.append(name)
                self.inside.append(name)
                try:
                    await self._may_leave[name].wait()
                finally:
                    self.inside.remove(name)
        except Unavailable:
            self.refused.append(name)


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_without_anybody_else_several_are_let_in() -> None:
    street = Street()
    await street.send(*range(WIDE + 5))
    assert street.inside == list(range(WIDE))
    await street.let_go(0, 1)
    assert street.inside == list(range(2, WIDE + 2))


@pytest.mark.parametrize("path", [CHECK, "/v2/giftcards/customer/balance-check"])
async def test_beside_a_till_they_come_one_after_another(path: str) -> None:
    street = Street()
    await street.send(100, path=REDEEM)
    await street.send(*range(5), path=path)
    assert street.inside == [100, *range(NARROW)]
    await street.let_go(100)  # the next sale is expected
    await street.let_go(0)
    assert street.inside == [1]
    await street.let_go(1, 2, 3, 4)
    assert street.came == [100, 0, 1, 2, 3, 4]


async def test_nobody_waits_for_them() -> None:
    street = Street()
    await street.send(*range(WIDE + 5))
    await street.send(100, 101, 102, path=REDEEM)
    assert street.inside[-3:] == [100, 101, 102]


async def test_when_no_sale_came_for_a_while_several_are_let_in_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kado.doors.api.lane._BUSY_NANOSECONDS", -1)
    street = Street()
    await street.send(100, path=REDEEM)
    await street.send(0, 1, 2)
    await street.let_go(100)
    assert street.inside == [0]
    await street.let_go(0)
    assert street.inside == [1, 2]


async def test_a_late_comer_is_turned_away_after_a_moment_and_a_crowd_at_once() -> None:
    street = Street(places=2)
    await street.send(100, path=REDEEM)
    await street.send(0, 1, 2)
    await street.send(3)
    assert (street.inside, street.refused) == ([100, 0], [])
    await asyncio.wait([street.travellers[3]])
    assert street.refused == [3]
    await street.send(*range(10, 60))
    assert street.refused[1:] == list(range(48, 60))
    await street.let_go(0)
    assert street.inside == [100, 1]


async def test_nobody_waits_longer_than_for_any_other_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kado.storage.gather.PATIENCE_SECONDS", 0.0)
    street = Street()
    await street.send(100, path=REDEEM)
    await street.send(0, 1)
    await asyncio.wait([street.travellers[1]])
    assert (street.inside, street.refused) == ([100, 0], [1])


async def test_who_gives_up_keeps_nobody_waiting() -> None:
    street = Street()
    await street.send(100, path=REDEEM)
    await street.send(0, 1, 2, 3)
    street.travellers[1].cancel()
    await settle()
    await street.let_go(0)
    assert street.inside == [100, 2]
    # Its turn comes and it leaves in the same moment.
    street._may_leave[2].set()
    street.travellers[2].add_done_callback(lambda _: street.travellers[3].cancel())
    await settle()
    await street.send(4)
    assert street.inside == [100, 4]


async def test_who_waits_for_somebody_else_gives_up_its_turn_and_gets_it_back() -> None:
    street, answered, outside_now = Street(), asyncio.Event(), []

    async def asks_somebody(name: int) -> None:
        async with street.lane.passage(CHECK):
            async with outside():
                outside_now.append(name)
                await answered.wait()
            street.came.append(name)

    await street.send(0, path=REDEEM)  # a till is busy: one at a time
    asking = [asyncio.create_task(asks_somebody(name)) for name in (1, 2)]
    await settle()
    assert (outside_now, street.came) == ([1, 2], [0])
    await street.send(3, 4)
    assert street.inside == [0, 3]
    answered.set()
    await settle()
    assert street.came == [0, 3]  # whoever comes back waits for a turn like all others
    await street.let_go(3)
    await street.let_go(4)
    await asyncio.gather(*asking)
    assert street.came == [0, 3, 4, 1, 2]
    await street.send(5)
    assert street.inside == [0, 5]
    await street.let_go(5, 0)


async def test_a_turn_that_was_given_up_is_not_given_back_twice() -> None:
    street = Street()

    async def finds_nobody() -> None:
        async with street.lane.passage(CHECK), outside():
            raise ConnectionError

    await street.send(0, path=REDEEM)
    for _ in range(3):
        with pytest.raises(ConnectionError):
            await finds_nobody()
    await street.send(1, 2)
    assert street.inside == [0, 1]
    await street.let_go(1, 2, 0)


async def test_beside_a_till_the_next_one_waits_for_a_rest_and_without_one_for_nothing() -> None:
    street = Street(rest_seconds=3600)
    await street.send(100, path=REDEEM)
    await street.send(0, 1)
    await street.let_go(0)
    assert street.inside == [100], "nobody while the lane rests"
    alone = Street(rest_seconds=3600)
    await alone.send(*range(WIDE + 1))
    await alone.let_go(0)
    assert len(alone.inside) == WIDE
    for task in [*street.travellers.values(), *alone.travellers.values()]:
        task.cancel()
