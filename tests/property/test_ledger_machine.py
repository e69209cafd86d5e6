"""Random lives of cards, lived by two processes at once: always what the reference says, in some order.

What happened at the same time must have an order in which the reference says the same to everyone; what was repeated
must be answered as before; and in the database the sums, the bounds and the chain hold after every step.
"""

import asyncio
import json
import os
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from inspect import signature
from typing import Any, NamedTuple, TypeVar

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.property.reference import ACTIONS, MAX_BALANCE, NEVER_STORED, ModelCard, Said, Wish

from kado.access.caller import Caller
from kado.access.permissions import ROLES, Role
from kado.access.store import insert_merchant
from kado.cards.activate import Activate
from kado.cards.chain import GENESIS, entry_hash, seal_state, state_is_sealed
from kado.cards.find import card_by_id, entries_of
from kado.cards.issue import Issue
from kado.cards.ledger import Ledger
from kado.cards.posting import Answer, Outcome, Posting
from kado.cards.redeem import Redeem
from kado.cards.reload import Reload
from kado.cards.resend_code import ResendCode
from kado.cards.store import write_state
from kado.cards.suspend import Suspend, Unsuspend
from kado.cards.void import Void
from kado.crypto import Keyring
from kado.errors import Refusal
from kado.ids import new_id
from kado.programs.create import create
from kado.programs.program import NewProgram, WantedLimits
from kado.storage.database import Database

T = TypeVar("T")

LIVES = int(os.environ.get("KADO_TEST_LIVES", "30"))
"""How many histories of up to forty steps are lived; a drill wants thousands."""


# ── two processes on one database ──────────────────────────────────────────────────────────────────────────────────


class Heard(NamedTuple):
    """What came back: the body, byte for byte, whether it is a repetition, and what it says."""

    body: bytes
    replayed: bool
    said: Said


def render(outcome: Outcome | Refusal) -> Answer:
    """The way a door words its answers, cut down to the facts."""
    if isinstance(outcome, Refusal):
        return Answer(400, json.dumps({"refused": outcome.code}).encode())
    entry = outcome.entry
    if entry is None:
        return Answer(200, json.dumps({"at": str(outcome.now)}).encode())
    facts = [entry.type, entry.amount, entry.balance_before, entry.balance_after, entry.seq]
    return Answer(200, json.dumps({"card": entry.card_id, "id": entry.id, "entry": facts}).encode())


def heard(answer: Answer) -> Heard:
    told = json.loads(answer.body)
    entry = told.get("entry")
    said = Said(told.get("refused"), None if entry is None else tuple(entry))
    return Heard(answer.body, answer.headers.get("Idempotent-Replayed") == "true", said)


@dataclass
class World:
    """Two ledgers as two processes would have them, and someone who can turn the clock."""

    runner: asyncio.Runner
    keyring: Keyring
    superuser: "asyncpg.Connection[asyncpg.Record]"
    databases: list[Database]
    ledgers: list[Ledger]
    merchant_id: str
    program_id: str = ""

    @classmethod
    async def open(cls, runner: asyncio.Runner, url: str, keyring: Keyring) -> "World":
        superuser = await asyncpg.connect(url)
        databases = [await Database.open(url) for _ in range(2)]
        ledgers = [Ledger(database, keyring) for database in databases]
        world = cls(runner, keyring, superuser, databases, ledgers, new_id())
        await insert_merchant(superuser, world.merchant_id, "Flower Shop")
        limits = WantedLimits(max_balance=Decimal(100), max_reload=Decimal(50), max_redeem=Decimal(60))
        program = await create(databases[0], world.merchant_id, "test", NewProgram("Vouchers", limits=limits))
        world.program_id = program.id
        return world

    async def close(self) -> None:
        for ledger in self.ledgers:
            await ledger.close()
        for database in self.databases:
            await database.close()
        await self.superuser.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @property
    def caller(self) -> Caller:
        return Caller(self.merchant_id, "key:test", Role.OWNER, ROLES[Role.OWNER], is_test=False)

    async def post(self, process: int, posting: Posting | Issue) -> Heard:
        try:
            return heard(await self.ledgers[process].post(posting))
        except Refusal as refusal:
            return Heard(b"", replayed=False, said=Said(refused=refusal.code))

    def issue(self, value: int, key: str | None) -> Issue:
        return Issue(
            program_id=self.program_id,
            caller=self.caller,
            key=key,
            render=render,
            merchant_id=self.merchant_id,
            merchant_name="Flower Shop",
            initial_value=value,
            customer_email="ada@example.com",
        )

    def posting(self, card_id: str, wish: Wish, key: str | None) -> Posting:
        whose: Any = {
            "program_id": self.program_id,
            "card_id": card_id,
            "caller": self.caller,
            "key": key,
            "render": render,
        }
        make: dict[str, Callable[[], Posting]] = {
            "activate": lambda: Activate(**whose),
            "redeem": lambda: Redeem(amount=wish.amount, **whose),
            "reload": lambda: Reload(amount=wish.amount, **whose),
            "suspend": lambda: Suspend(reason="lost", **whose),
            "unsuspend": lambda: Unsuspend(**whose),
            "void": lambda: Void(reason="lost", **whose),
            "resend-code": lambda: ResendCode(**whose),
        }
        return make[wish.action]()

    async def expire(self, card_id: str) -> None:
        found = await card_by_id(self.databases[0], self.program_id, card_id, is_test=False)
        found.card.expires_at = found.now - timedelta(seconds=1)
        found.card.state_seal = seal_state(self.keyring, found.card)
        await write_state(self.superuser, [found.card])

    async def assert_sound(self, card_id: str, model: ModelCard) -> None:
        """The card is what the reference says, and its entries prove it."""
        found = await card_by_id(self.databases[0], self.program_id, card_id, is_test=False)
        card = found.card
        assert (card.balance, card.seq, card.status_at(found.now)) == (model.balance, model.seq, model.status)
        assert 0 <= card.balance <= card.max_balance == MAX_BALANCE
        assert state_is_sealed(self.keyring, card)
        newest_first, total = await entries_of(self.databases[1], self.program_id, card_id, limit=10_000, offset=0)
        before, previous = 0, GENESIS
        for seq, entry in enumerate(reversed(newest_first), 1):
            assert (entry.seq, entry.balance_before, entry.previous_hash) == (seq, before, previous)
            before, previous = entry.balance_before + entry.amount, entry.hash
            assert (entry.balance_after, entry.hash) == (before, _recomputed(entry))
        assert (total, before, previous) == (card.seq, card.balance, card.head_hash)


def _recomputed(entry: Any) -> bytes:
    return entry_hash(
        **{
            name: getattr(entry, {"kind": "type", "entry_id": "id"}.get(name, name))
            for name in signature(entry_hash).parameters
        }
    )


# ── an order that explains what was heard ──────────────────────────────────────────────────────────────────────────


class Asked(NamedTuple):
    """One of several wishes at once on one card, and what it was told."""

    wish: Wish
    key: str | None
    heard: Heard


Memory = dict[tuple[str, str], tuple[Wish, bytes]]
"""(action, key) → the first wish under that key on this card, and the answer it got."""


def explained(card: ModelCard, memory: Memory, asked: list[Asked]) -> tuple[ModelCard, Memory] | None:
    """The card after all of it in the first order in which everybody was told the right thing; None without one."""
    dead_ends: set[tuple[object, ...]] = set()

    def search(card: ModelCard, memory: Memory, left: frozenset[int]) -> tuple[ModelCard, Memory] | None:
        if not left:
            return card, memory
        place = (card, frozenset(memory), left)
        if place in dead_ends:
            return None
        for at in sorted(left):
            step = _told_rightly(card, memory, asked[at])
            if step is not None and (rest := search(*step, left - {at})) is not None:
                return rest
        dead_ends.add(place)
        return None

    return search(card, memory, frozenset(range(len(asked))))


def _told_rightly(card: ModelCard, memory: Memory, one: Asked) -> tuple[ModelCard, Memory] | None:
    wish, key, answer = one
    if key is not None and (wish.action, key) in memory:
        first, body = memory[wish.action, key]
        told = (
            answer.body == body and answer.replayed
            if first == wish
            else answer.said.refused == "idempotency_key_reused"
        )
        return (card, memory) if told else None
    after, expected = card.after(wish)
    if answer.replayed or answer.said != expected:
        return None
    if key is not None and expected.refused not in NEVER_STORED:
        memory = memory | {(wish.action, key): (wish, answer.body)}
    return after, memory


# ── the machine ────────────────────────────────────────────────────────────────────────────────────────────────────

amounts = st.sampled_from([1, 7, 99, 100, 500, 1_000, 2_500, 5_000, 5_001, 6_001, 9_999, 10_000]) | st.integers(
    1, 3_000
)
MONEY = ("redeem", "reload", "redeem", "reload", "redeem")
wishes = st.builds(
    lambda action, amount: Wish(action, amount if action in MONEY else 0),
    st.sampled_from([*MONEY * 3, *(action for action in ACTIONS if action != "void"), "unsuspend"])
    | st.sampled_from(MONEY),
    amounts,
)
keys = st.none() | st.sampled_from("abcdefghij")
processes = st.sampled_from([0, 1])


@dataclass
class Life:
    """A card, what the reference thinks of it, and what was said under which key."""

    id: str
    model: ModelCard
    memory: Memory = field(default_factory=dict)


class LedgerMachine(RuleBasedStateMachine):
    """Cards of one program, lived by two processes."""

    cards = Bundle("cards")

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.lives: list[Life] = []

    @precondition(lambda self: len(self.lives) < 3)
    @rule(target=cards, value=amounts, copies=st.integers(1, 4), activated=st.sampled_from([True, True, True, False]))
    def issue(self, value: int, copies: int, activated: bool) -> Life:
        """The same issue with one key, as often as you like and by both processes: one card."""

        async def work() -> list[Heard]:
            issue = self.world.issue(value, new_id())
            return await asyncio.gather(*(self.world.post(at % 2, issue) for at in range(copies)))

        answers = self.world.run(work())
        assert {answer.said.entry for answer in answers} == {("PURCHASE", 0, 0, 0, 1)}
        assert len({answer.body for answer in answers}) == 1
        assert sum(not answer.replayed for answer in answers) == 1
        life = Life(json.loads(answers[0].body)["card"], ModelCard(value))
        self.lives.append(life)
        if activated:
            self.ask(life, Wish("activate"), None, 0)
        return life

    @rule(life=cards, wish=wishes, key=keys, process=processes)
    def ask(self, life: Life, wish: Wish, key: str | None, process: int) -> None:
        answer = self.world.run(self.world.post(process, self.world.posting(life.id, wish, key)))
        step = _told_rightly(life.model, life.memory, Asked(wish, key, answer))
        assert step is not None, (life.model, wish, answer)
        life.model, life.memory = step

    @rule(lives=st.lists(cards, min_size=1, max_size=3, unique_by=id), data=st.data())
    def ask_at_once(self, lives: list[Life], data: st.DataObject) -> None:
        """Many wishes on a few cards at the same moment, some of them twice."""
        places = st.integers(0, len(lives) - 1)
        drawn = data.draw(st.lists(st.tuples(places, wishes, keys, st.integers(1, 3)), min_size=2, max_size=6))
        # What has a key is sent as often as was drawn, by both processes; without a key a copy would be another wish.
        plan = [
            (place, wish, key, at % 2)
            for place, wish, key, copies in drawn
            for at in range(copies if key is not None else 1)
        ]

        async def work() -> list[Heard]:
            posts = [
                self.world.post(at, self.world.posting(lives[place].id, wish, key)) for place, wish, key, at in plan
            ]
            return await asyncio.gather(*posts)

        answers = self.world.run(work())
        for place, life in enumerate(lives):
            told = zip(plan, answers, strict=True)
            asked = [Asked(wish, key, got) for (whose, wish, key, _), got in told if whose == place]
            order = explained(life.model, life.memory, asked)
            assert order is not None, (life.model, asked)
            life.model, life.memory = order

    @rule(life=cards, ends=st.sampled_from(["time", "void", None, None, None, None, None, None]))
    def perhaps_it_ends(self, life: Life, ends: str | None) -> None:
        """Rarely: what is over leaves little to see."""
        if ends == "void":
            self.ask(life, Wish("void"), None, 0)
        if ends == "time":
            self.world.run(self.world.expire(life.id))
            life.model = replace(life.model, expired=True)

    @invariant()
    def every_card_is_sound(self) -> None:
        async def work() -> None:
            for life in self.lives:
                await self.world.assert_sound(life.id, life.model)

        self.world.run(work())


@pytest.fixture
def world(database_url: str, keyring: Keyring) -> Iterator[World]:
    with asyncio.Runner() as runner:
        opened = runner.run(World.open(runner, database_url, keyring))
        runner.run(opened.superuser.execute("SET synchronous_commit = off"))
        yield opened
        runner.run(opened.close())


def test_two_processes_and_the_reference_always_agree(world: World) -> None:
    class Machine(LedgerMachine):
        def __init__(self) -> None:
            super().__init__(world)

    run_state_machine_as_test(
        Machine,
        settings=settings(max_examples=LIVES, stateful_step_count=40, suppress_health_check=list(HealthCheck)),
    )


# ── the search for an order sees what it is there to see ───────────────────────────────────────────────────────────

RICH = ModelCard(value=100, balance=100, seq=2, activated=True)
TOOK_60 = Said(entry=("REDEMPTION", -60, 100, 40, 3))
POOR = Said(refused="insufficient_balance")


def told(wish: Wish, said: Said, key: str | None = None, body: bytes = b"", *, replayed: bool = False) -> Asked:
    return Asked(wish, key, Heard(body, replayed, said))


def test_two_wishes_of_which_one_fits_have_an_order_and_two_that_both_got_it_have_none() -> None:
    wish = Wish("redeem", 60)
    explanation = explained(RICH, {}, [told(wish, POOR), told(wish, TOOK_60)])
    assert explanation is not None
    assert explanation[0].balance == 40
    assert explained(RICH, {}, [told(wish, TOOK_60), told(wish, TOOK_60)]) is None
    assert explained(RICH, {}, [told(wish, POOR), told(wish, POOR)]) is None


def test_a_repetition_must_have_the_same_body_and_say_that_it_is_one() -> None:
    wish, first = Wish("redeem", 60), told(Wish("redeem", 60), TOOK_60, "k", b"first")
    assert explained(RICH, {}, [told(wish, TOOK_60, "k", b"first", replayed=True), first]) is not None
    assert explained(RICH, {}, [told(wish, TOOK_60, "k", b"other", replayed=True), first]) is None
    assert explained(RICH, {}, [told(wish, TOOK_60, "k", b"first"), first]) is None
    other = told(Wish("redeem", 61), Said(refused="idempotency_key_reused"), "k")
    assert explained(RICH, {}, [other, first]) is not None
    assert explained(RICH, {}, [other]) is None
