"""Four actors, each with a ledger of its own, at the same moment: the short version of the drill `drills/model.py`."""

import asyncio
import random
from collections.abc import Iterator

import pytest
from tests.property.shelf import ShelfCard, Told, Wish
from tests.property.shelf_life import Life
from tests.property.shelf_order import Asked, explained
from tests.property.shelf_world import Heard, World

from kado.crypto import Keyring

ACTORS, ROUNDS = 4, 30


@pytest.fixture
def world(database_url: str, keyring: Keyring) -> Iterator[World]:
    with asyncio.Runner() as runner:
        opened = World(runner, database_url, keyring, processes=ACTORS)
        yield opened
        runner.run(opened.close())


def test_four_actors_at_once_and_the_reference_always_agree(world: World) -> None:
    seed = random.SystemRandom().randrange(10**6)
    life = Life(world)
    try:
        life.whole(random.Random(seed), ROUNDS, ACTORS)
        world.run(world.assert_verified())
    except AssertionError as error:
        raise AssertionError(f"seed {seed}") from error
    assert life.steps > ROUNDS * ACTORS


# ── the search for an order sees what it is there to see ───────────────────────────────────────────────────────────

SHELF = {"a": ShelfCard(100, 100, activated=True), "b": ShelfCard(50, 50, activated=True)}
OUT_60 = Told(None, (("a", "TRANSFER_OUT", -60, 100, 40), ("b", "TRANSFER_IN", 60, 50, 110)), ("1", "2"))
SPENT_60 = Told(None, (("a", "REDEMPTION", -60, 100, 40),), ("3",))
TOO_LITTLE = Told("insufficient_balance")
MOVE, SPEND = Wish("transfer", "a", 60, ("b",)), Wish("redeem", "a", 60)


def told(wish: Wish, what: Told) -> Asked:
    return Asked(wish, None, Heard(b"", replayed=False, told=what))


def test_what_left_a_card_cannot_be_spent_there_as_well_in_any_order() -> None:
    assert explained(SHELF, {}, [told(SPEND, TOO_LITTLE), told(MOVE, OUT_60)]) is not None
    assert explained(SHELF, {}, [told(SPEND, SPENT_60), told(MOVE, TOO_LITTLE)]) is not None
    assert explained(SHELF, {}, [told(SPEND, SPENT_60), told(MOVE, OUT_60)]) is None
    assert explained(SHELF, {}, [told(SPEND, TOO_LITTLE), told(MOVE, TOO_LITTLE)]) is None


def test_a_transfer_that_arrives_with_another_amount_has_no_order() -> None:
    less = Told(None, (OUT_60.rows[0], ("b", "TRANSFER_IN", 59, 50, 109)), OUT_60.ids)
    assert explained(SHELF, {}, [told(MOVE, less)]) is None
