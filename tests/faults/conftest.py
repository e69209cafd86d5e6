"""Servers that are to be hurt."""

import os
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
from tests.serving.rush import Rush
from tests.serving.server import Server, serving
from tests.serving.till import Till

ROUNDS = int(os.environ.get("KADO_FAULT_ROUNDS", "3"))
"""How often each fault happens: few in the suite, a hundred in a drill."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")


@dataclass
class Shop:
    """A merchant on a server, with a program and cards that can pay for a long rush."""

    server: Server
    merchant_id: str
    key: str
    program: str = ""
    cards: tuple[str, ...] = ()

    def till(self, *, keep_alive: bool = True) -> Till:
        till = Till(self.server, self.key, self.merchant_id, keep_alive=keep_alive)
        till.program = self.program
        return till

    async def rush(self, till: Till, *, workers: int = 16) -> Rush:
        """A rush on cards of its own: one hot one, some others, and one that is soon empty."""
        if not till.program:
            await till.open_program()
        values = ("10000", "10000", "10000", "10000", "3.00")
        cards = [(await till.card(value))["id"] for value in values]
        return Rush(till, [*cards, cards[0], cards[0], cards[0]], workers)

    async def reckon(self, rush: Rush, till: Till) -> None:
        """Every acknowledged sale is there once, every unknown one settles by its key, and the books are right."""
        await rush.settle(till)
        await rush.is_booked_exactly_once(self.server, till.program)


@pytest.fixture(scope="package")
def shop() -> Iterator[Shop]:
    """One server with two HTTP processes for all faults that it is to survive."""
    with serving(processes=2) as server:
        merchant_id = server.merchant("Flower Shop")
        yield Shop(server, merchant_id, server.key("Flower Shop"))
        server.books_are_right()
        server.stop()


@pytest.fixture(scope="package")
def single() -> Iterator[Shop]:
    """The same with one process, whose lists can be foretold."""
    with serving() as server:
        merchant_id = server.merchant("Book Shop")
        yield Shop(server, merchant_id, server.key("Book Shop"))
        server.books_are_right()
        server.stop()


@pytest.fixture
async def till(shop: Shop) -> AsyncIterator[Till]:
    async with shop.till() as till:
        await till.open_program()
        yield till
