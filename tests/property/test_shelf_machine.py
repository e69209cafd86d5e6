"""Random lives of several cards together, lived by several actors in two processes at once, every money operation.

As in the machine beside this one: what happened at the same time must have an order in which the reference, here of the
whole shelf, says the same to everyone. In the end `kado verify` has nothing to say.
"""

import asyncio
import os
from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from tests.property.shelf_life import Life
from tests.property.shelf_wishes import Raw
from tests.property.shelf_world import World

from kado.crypto import Keyring

LIVES = int(os.environ.get("KADO_TEST_LIVES", "25"))
"""How many histories of up to thirty steps are lived; the drill `drills/model.py` lives thousands."""


class ShelfMachine(RuleBasedStateMachine):
    """A shelf of cards."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.life = Life(world)

    @initialize(values=st.lists(st.integers(1_000, 6_000), min_size=2, max_size=3))
    def begin(self, values: list[int]) -> None:
        for value in values:
            self.life.add(value, activated=True)

    @rule(value=st.integers(1, 5_000), activated=st.sampled_from([True, True, True, False]))
    def issue(self, value: int, activated: bool) -> None:
        if self.life.has_room:
            self.life.add(value, activated=activated)

    @rule(seed=st.integers(0, 2**32 - 1), rounds=st.integers(1, 8))
    def ask(self, seed: int, rounds: int) -> None:
        """Again and again up to five wishes at the same moment; some are sent twice, by two processes."""
        chance = Random(seed)
        for _ in range(rounds):
            self.life.ask_at_once([Raw.drawn(chance) for _ in range(chance.randrange(1, 6))])

    @rule(which=st.integers(0, 99))
    def ask_again(self, which: int) -> None:
        """Whatever happened since: the first answer."""
        self.life.ask_again(which)

    @rule(which=st.integers(0, 7), what=st.sampled_from(["card", "hold", "hold", None]))
    def time_passes(self, which: int, what: str | None) -> None:
        self.life.time_passes(which, what)

    @invariant()
    def every_card_is_what_the_reference_says(self) -> None:
        self.life.agrees()

    def teardown(self) -> None:
        self.world.run(self.world.assert_verified())


@pytest.fixture
def world(database_url: str, keyring: Keyring) -> Iterator[World]:
    with asyncio.Runner() as runner:
        opened = World(runner, database_url, keyring)
        yield opened
        runner.run(opened.close())


def test_every_money_operation_agrees_with_the_reference(world: World) -> None:
    class Machine(ShelfMachine):
        def __init__(self) -> None:
            super().__init__(world)

    run_state_machine_as_test(
        Machine,
        settings=settings(max_examples=LIVES, stateful_step_count=20, suppress_health_check=list(HealthCheck)),
    )
