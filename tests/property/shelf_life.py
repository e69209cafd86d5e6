"""The life of one shelf of cards: what is asked of it, what it is told, and that the reference agrees."""

import asyncio
from dataclasses import replace
from random import Random

from tests.property.shelf import Shelf, ShelfCard, Wish
from tests.property.shelf_order import Asked, Memory, explained
from tests.property.shelf_wishes import Raw, chosen
from tests.property.shelf_world import Heard, World

CARDS_MAX = 4

_ROUNDS_TO_A_LOOK = 4
"""Each answer is compared anyway; looking at the cards as well costs as much as a round."""


class Life:
    """A shelf, and what was said under which key. Every method fails where Kado and the reference differ."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.shelf: Shelf = {}
        self.memory: Memory = {}
        self.keys = 0
        self.steps = 0
        """How many postings were answered."""

    @property
    def has_room(self) -> bool:
        return sum(not card.voided for card in self.shelf.values()) < CARDS_MAX

    def whole(self, chance: Random, rounds: int, actors: int) -> None:
        """From the first card on: in every round each actor wants something, at the same moment."""
        for _ in range(chance.randint(2, 3)):
            self.add(chance.randint(1_000, 6_000), activated=True)
        for at in range(1, rounds + 1):
            few = sum(card.status == "active" for card in self.shelf.values()) < 2
            what = chance.random()
            if self.has_room and (few or what < 0.05):
                self.add(chance.randint(1, 6_000), activated=few or chance.random() < 0.75)
            elif what < 0.1:
                self.time_passes(chance.randrange(8), chance.choice(("card", "hold", "hold")))
            elif what < 0.16:
                self.ask_again(chance.randrange(100))
            self.ask_at_once([Raw.drawn(chance) for _ in range(actors)])
            if at % _ROUNDS_TO_A_LOOK == 0 or at == rounds:
                self.agrees()

    def add(self, value: int, *, activated: bool) -> None:
        """One more card."""
        name = self.world.run(self.world.issue(value, activated=activated))
        self.steps += 1 + activated
        self.shelf = {**self.shelf, name: ShelfCard(value, value if activated else 0, activated=activated)}
        self.world.run(self.world.give_codes([name]))

    def ask_at_once(self, drawn: list[Raw]) -> None:
        """All of it at the same moment, spread over the ledgers; what is sent more than once has one key."""
        plan: list[tuple[Wish, str | None, int]] = []
        for raw in drawn:
            wish = chosen(raw, self.shelf)
            self.keys += 1
            key = f"key-{self.keys}" if raw.copies else None
            plan += [(wish, key, len(plan) + copy) for copy in range(raw.copies or 1)]

        async def work() -> list[Heard]:
            postings = [await self.world.posting(wish, key) for wish, key, _ in plan]
            posts = [self.world.post(process, one) for one, (_, _, process) in zip(postings, plan, strict=True)]
            return await asyncio.gather(*posts)

        answers = self.world.run(work())
        self.steps += len(answers)
        asked = [Asked(wish, key, heard) for (wish, key, _), heard in zip(plan, answers, strict=True)]
        order = explained(self.shelf, self.memory, asked)
        assert order is not None, (self.shelf, asked)
        known = set(self.shelf)
        self.shelf, self.memory = order
        self.world.run(self.world.give_codes([name for name in self.shelf if name not in known]))

    def ask_again(self, which: int) -> None:
        """Whatever happened since: the first answer."""
        if self.memory:
            key = [*self.memory][which % len(self.memory)]
            wish, body = self.memory[key]
            heard = self.world.run(self._repeat(wish, key, which))
            self.steps += 1
            assert (heard.body, heard.replayed) == (body, True)

    async def _repeat(self, wish: Wish, key: str, process: int) -> Heard:
        return await self.world.post(process, await self.world.posting(wish, key))

    def time_passes(self, which: int, what: str | None) -> None:
        """For a card ("card") or one of its holds ("hold") it is over."""
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

    def agrees(self) -> None:
        """Every card is what the reference says."""
        self.world.run(self.world.assert_like(self.shelf))
