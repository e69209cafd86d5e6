"""Random lives of several cards together, lived by several actors in two processes at once, every money operation.

As in the machine beside this one: what happened at the same time must have an order in which the reference, here of the
whole shelf, says the same to everyone. In the end `kado verify` has nothing to say.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from typing import Any, NamedTuple

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
from tests.property.shelf import ACTIONS, Shelf, ShelfCard, Wish, after, fingerprint
from tests.property.shelf_world import Heard, World

from kado.crypto import Keyring

LIVES = int(os.environ.get("KADO_TEST_LIVES", "25"))
"""How many histories of up to thirty steps are lived; a drill wants thousands."""

CARDS_MAX = 4


# ── an order that explains what was heard ──────────────────────────────────────────────────────────────────────────


class Asked(NamedTuple):
    """One of several wishes at once, and what it was told."""

    wish: Wish
    key: str | None
    heard: Heard


Memory = dict[str, tuple[Wish, bytes]]
"""Key → the first wish under it, and the answer it got. Each key is used for one operation on one card here."""

NEVER_STORED = frozenset({"transaction_not_found", "hold_not_found"})


def told_rightly(shelf: Shelf, memory: Memory, one: Asked) -> tuple[Shelf, Memory] | None:
    wish, key, heard = one
    if key is not None and key in memory:
        first, body = memory[key]
        return (shelf, memory) if first == wish and heard.body == body and heard.replayed else None
    changed, refused, rows = after(shelf, wish, heard.told)
    if heard.replayed or heard.told.refused != refused or heard.told.rows != rows:
        return None
    if key is not None and refused not in NEVER_STORED:
        memory = memory | {key: (wish, heard.body)}
    return changed, memory


def explained(shelf: Shelf, memory: Memory, asked: list[Asked]) -> tuple[Shelf, Memory] | None:
    """The shelf after all of it in the first order in which everybody was told the right thing; None without one."""
    dead_ends: set[tuple[Any, ...]] = set()

    def search(shelf: Shelf, memory: Memory, left: frozenset[int]) -> tuple[Shelf, Memory] | None:
        if not left:
            return shelf, memory
        place = (fingerprint(shelf), frozenset(memory), left)
        if place in dead_ends:
            return None
        for at in sorted(left):
            step = told_rightly(shelf, memory, asked[at])
            if step is not None and (rest := search(*step, left - {at})) is not None:
                return rest
        dead_ends.add(place)
        return None

    return search(shelf, memory, frozenset(range(len(asked))))


# ── the machine ────────────────────────────────────────────────────────────────────────────────────────────────────

OFTEN = ("redeem", "redeem", "reload", "refund", "refund", "transfer", "transfer", "hold", "capture", "unsuspend")
RARELY = ("release", "reverse", "reverse", "suspend", "consolidate", "replace", "void", "extend", "write-off")
assert {*OFTEN, *RARELY} == set(ACTIONS)
AMOUNTS = (1, 50, 500, 1_000, 2_500, 5_001, 6_001, 9_999)


class Raw(NamedTuple):
    """A wish before it is known what is on the shelf: what is drawn must not depend on who won a race before."""

    action: str
    card: int
    amount: int
    all_of_it: bool
    others: list[int]
    about: int
    copies: int
    """How often it is sent under a key of its own; 0 for once without a key."""

    @classmethod
    def drawn(cls, chance: Random) -> "Raw":
        # Evenly, and not by Hypothesis, which likes what is small and simple: here the rare meetings are wanted.
        return cls(
            chance.choice(OFTEN * 3 + RARELY),
            chance.randrange(24),
            chance.choice((*AMOUNTS, *(chance.randrange(1, 1_500) for _ in AMOUNTS))),
            chance.random() < 0.3,
            [chance.randrange(24) for _ in range(chance.randrange(1, 4))],
            chance.randrange(24),
            chance.choice((0, 0, 1, 2)),
        )


def chosen(raw: Raw, shelf: Shelf) -> Wish:
    """The wish that fits what is on the shelf: mostly one that can be granted, so that much happens."""
    living = [name for name, card in shelf.items() if not card.voided]
    names = [*living, *living, *living, *shelf]
    name = _picked(_fitting(raw.action, shelf) or names, raw.card)
    card, some = shelf[name], None if raw.all_of_it else raw.amount
    # The edge is met on purpose: all that can be spent, or one more.
    spent = card.available + raw.about % 2 if raw.all_of_it and card.available > 0 else raw.amount
    others = [_picked(names, other) for other in raw.others]
    reference = (None, None, "p1", "p2", "r1", "r2")[raw.about % 6]
    match raw.action:
        case "redeem" | "hold":
            return Wish(raw.action, name, spent, about=None if reference in ("r1", "r2") else reference)
        case "reload":
            return Wish(raw.action, name, raw.amount, about=reference if reference in ("r1", "r2") else None)
        case "refund":
            sales = [one for one, taken in card.entries.items() if taken.kind == "REDEMPTION"]
            return Wish(raw.action, name, some, about=_picked([*sales * 4, *card.entries, "0" * 24], raw.about))
        case "transfer":
            other = next((one for one in others if one != name), name)
            return Wish(raw.action, name, spent, (other,))
        case "consolidate":
            free = [one for one in living if shelf[one].status == "active" and not shelf[one].held]
            first, *further = sorted({name, *others} if raw.all_of_it or len(free) < 2 else free[:3])
            # One card alone is no consolidation: the door asks for two at least.
            return Wish(raw.action, first, others=tuple(further)) if further else Wish("replace", name)
        case "capture" | "release" if card.holds:
            still = [hold for hold, one in card.holds.items() if one.rest]
            about = _picked([*still * 3, *card.holds], raw.about)
            return Wish(
                raw.action, name, some if raw.action == "capture" else None, about=about, keep=raw.amount % 2 == 0
            )
        case "capture" | "release":
            return Wish("hold", name, raw.amount)
        case "reverse":
            return Wish(raw.action, name, about=reference or "p1")
        case _:
            return Wish(raw.action, name)


def _fitting(action: str, shelf: Shelf) -> list[str]:
    """Cards of which the action has something to find; none where every card will do."""
    finds: dict[str, Callable[[ShelfCard], bool]] = {
        "refund": lambda card: any(taken.kind == "REDEMPTION" for taken in card.entries.values()),
        "capture": lambda card: card.held > 0,
        "release": lambda card: card.held > 0,
        "reverse": lambda card: any(taken.reference for taken in card.entries.values()),
        "unsuspend": lambda card: card.suspended,
        "extend": lambda card: card.expired,
        "write-off": lambda card: card.expired,
    }
    return [name for name, card in shelf.items() if action in finds and finds[action](card) and not card.voided]


def _picked(names: list[str], at: int) -> str:
    return names[at % len(names)]


class ShelfMachine(RuleBasedStateMachine):
    """A shelf of cards."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.shelf: Shelf = {}
        self.memory: Memory = {}
        self.keys = 0

    @initialize(values=st.lists(st.integers(1_000, 6_000), min_size=2, max_size=3))
    def begin(self, values: list[int]) -> None:
        for value in values:
            self._add(value, activated=True)

    @rule(value=st.integers(1, 5_000), activated=st.sampled_from([True, True, True, False]))
    def issue(self, value: int, activated: bool) -> None:
        if sum(not card.voided for card in self.shelf.values()) < CARDS_MAX:
            self._add(value, activated=activated)

    def _add(self, value: int, *, activated: bool) -> None:
        name = self.world.run(self.world.issue(value, activated=activated))
        self.shelf = {**self.shelf, name: ShelfCard(value, value if activated else 0, activated=activated)}
        self.world.run(self.world.give_codes([name]))

    @rule(seed=st.integers(0, 2**32 - 1), rounds=st.integers(1, 8))
    def ask(self, seed: int, rounds: int) -> None:
        """Again and again up to five wishes at the same moment; some are sent twice, by both processes."""
        chance = Random(seed)
        for _ in range(rounds):
            self._ask_at_once([Raw.drawn(chance) for _ in range(chance.randrange(1, 6))])

    def _ask_at_once(self, drawn: list[Raw]) -> None:
        plan: list[tuple[Wish, str | None, int]] = []
        for at, raw in enumerate(drawn):
            wish = chosen(raw, self.shelf)
            self.keys += 1
            keyed = [(wish, f"key-{self.keys}", (at + copy) % 2) for copy in range(raw.copies)]
            plan += keyed or [(wish, None, at % 2)]

        async def work() -> list[Heard]:
            postings = [await self.world.posting(wish, key) for wish, key, _ in plan]
            posts = [self.world.post(process, one) for one, (_, _, process) in zip(postings, plan, strict=True)]
            return await asyncio.gather(*posts)

        answers = self.world.run(work())
        asked = [Asked(wish, key, heard) for (wish, key, _), heard in zip(plan, answers, strict=True)]
        order = explained(self.shelf, self.memory, asked)
        assert order is not None, (self.shelf, asked)
        known = set(self.shelf)
        self.shelf, self.memory = order
        self.world.run(self.world.give_codes([name for name in self.shelf if name not in known]))

    @rule(which=st.integers(0, 99))
    def ask_again(self, which: int) -> None:
        """Whatever happened since: the first answer."""
        if self.memory:
            key = [*self.memory][which % len(self.memory)]
            wish, body = self.memory[key]
            heard = self.world.run(self._repeat(wish, key))
            assert (heard.body, heard.replayed) == (body, True)

    async def _repeat(self, wish: Wish, key: str) -> Heard:
        return await self.world.post(0, await self.world.posting(wish, key))

    @rule(which=st.integers(0, 7), what=st.sampled_from(["card", "hold", "hold", None]))
    def time_passes(self, which: int, what: str | None) -> None:
        """For a card or one of its holds it is over."""
        name = [*self.shelf][which % len(self.shelf)]
        card = self.shelf[name]
        hold = next((hold for hold, one in card.holds.items() if one.rest), None)
        if what == "card" and not card.voided:
            self.world.run(self.world.expire(name))
            self.shelf = {**self.shelf, name: replace(card, expired=True)}
        elif what == "hold" and hold is not None:
            self.world.run(self.world.end_hold(hold))
            holds = {**card.holds, hold: replace(card.holds[hold], rest=0)}
            self.shelf = {**self.shelf, name: replace(card, holds=holds)}

    @invariant()
    def every_card_is_what_the_reference_says(self) -> None:
        self.world.run(self.world.assert_like(self.shelf))

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
