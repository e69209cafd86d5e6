"""Ledgers as so many processes would have them, and what they answer, cut down to the facts."""

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import asyncpg
from tests.behind import age_hold
from tests.property.shelf import Shelf, Told, Wish

from kado.access.caller import Caller
from kado.access.permissions import ROLES, Role
from kado.access.store import insert_merchant
from kado.cards.activate import Activate
from kado.cards.capture import Capture
from kado.cards.chain import seal_state
from kado.cards.codes import make_code
from kado.cards.consolidate import Consolidate
from kado.cards.find import card_by_id
from kado.cards.hold import LONGEST, PlaceHold
from kado.cards.holds import available
from kado.cards.issue import Issue
from kado.cards.ledger import Ledger
from kado.cards.posting import Answer, Outcome, Posting
from kado.cards.process_expired import ProcessExpired
from kado.cards.redeem import Redeem
from kado.cards.refund import Refund
from kado.cards.release import Release
from kado.cards.reload import Reload
from kado.cards.replace import Replace
from kado.cards.reverse import Reverse
from kado.cards.seal import Sealer
from kado.cards.store import write_state
from kado.cards.suspend import Suspend, Unsuspend
from kado.cards.transfer import Transfer
from kado.cards.verify import verify
from kado.cards.void import Void
from kado.crypto import Keyring
from kado.errors import Refusal
from kado.ids import new_id
from kado.programs.create import create
from kado.programs.program import NewProgram, WantedLimits
from kado.storage.database import Database


def render(outcome: Outcome | Refusal) -> Answer:
    """The way a door words its answers, cut down to the facts."""
    if isinstance(outcome, Refusal):
        return Answer(400, json.dumps({"refused": outcome.code}).encode())
    told = {
        "rows": [[e.card_id, e.type, e.amount, e.balance_before, e.balance_after] for e in outcome.entries],
        "ids": [entry.id for entry in outcome.entries],
        "fresh": outcome.fresh and outcome.fresh.id,
        "holds": [hold.id for hold in outcome.holds],
        "card": outcome.card.id,
        "at": str(outcome.now),
    }
    return Answer(200, json.dumps(told).encode())


class Heard(NamedTuple):
    """What came back: the body, byte for byte, whether it is a repetition, and what it says."""

    body: bytes
    replayed: bool
    told: Told


class World:
    """Ledgers as so many processes would have them, and someone who can turn the clock."""

    def __init__(self, runner: asyncio.Runner, url: str, keyring: Keyring, *, processes: int = 2) -> None:
        self.run = runner.run
        self._processes = processes
        self.keyring = keyring
        self.merchant_id = new_id()
        runner.run(self._open(url))

    async def _open(self, url: str) -> None:
        self.superuser = await asyncpg.connect(url)
        await self.superuser.execute("SET synchronous_commit = off")
        self.databases = [await Database.open(url) for _ in range(self._processes)]
        self.ledgers = [Ledger(database, self.keyring) for database in self.databases]
        await insert_merchant(self.superuser, self.merchant_id, "Flower Shop")
        limits = WantedLimits(max_balance=Decimal(100), max_reload=Decimal(50), max_redeem=Decimal(60))
        program = await create(self.databases[0], self.merchant_id, "test", NewProgram("Vouchers", limits=limits))
        self.program_id = program.id
        self.caller = Caller(self.merchant_id, "key:test", Role.OWNER, ROLES[Role.OWNER], is_test=False)

    async def close(self) -> None:
        for ledger in self.ledgers:
            await ledger.close()
        for database in self.databases:
            await database.close()
        await self.superuser.close()

    async def post(self, process: int, posting: Posting | Issue) -> Heard:
        try:
            answer = await self.ledgers[process % self._processes].post(posting)
        except Refusal as refusal:
            return Heard(b"", replayed=False, told=Told(refused=refusal.code))
        said = json.loads(answer.body)
        if "refused" in said:
            told = Told(refused=said["refused"])
        else:
            rows = tuple((row[0], row[1], row[2], row[3], row[4]) for row in said["rows"])
            told = Told(None, rows, tuple(said["ids"]), said["fresh"], tuple(said["holds"]))
        return Heard(answer.body, answer.headers.get("Idempotent-Replayed") == "true", told)

    async def issue(self, value: int, *, activated: bool) -> str:
        facts: Any = {"program_id": self.program_id, "caller": self.caller, "key": None, "render": render}
        wanted = Issue(
            merchant_id=self.merchant_id,
            merchant_name="Flower Shop",
            initial_value=value,
            customer_email="ada@example.com",
            **facts,
        )
        card_id = str(json.loads((await self.ledgers[0].post(wanted)).body)["card"])
        if activated:
            await self.ledgers[1].post(Activate(card_id=card_id, **facts))
        return card_id

    async def posting(self, wish: Wish, key: str | None) -> Posting:
        whose: Any = {
            "program_id": self.program_id,
            "card_id": wish.card,
            "caller": self.caller,
            "key": key,
            "render": render,
        }
        amount: Any = wish.amount
        about: Any = wish.about
        proved = None
        if wish.action == "transfer":
            proved = (await card_by_id(self.databases[0], self.program_id, wish.card, is_test=False)).card.code_hash
        make: Mapping[str, Callable[[], Posting]] = {
            "redeem": lambda: Redeem(amount=amount, pos_transaction_id=about, **whose),
            "reload": lambda: Reload(amount=amount, reference_id=about, **whose),
            "refund": lambda: Refund(transaction_id=about, amount=amount, **whose),
            "transfer": lambda: Transfer(destination_id=wish.others[0], amount=amount, proved=proved, **whose),
            "consolidate": lambda: Consolidate(
                further_ids=wish.others, merchant_id=self.merchant_id, merchant_name="Flower Shop", **whose
            ),
            "replace": lambda: Replace(reason="lost", **whose),
            "hold": lambda: PlaceHold(amount=amount, order_reference="order", pos_transaction_id=about, **whose),
            "capture": lambda: Capture(hold=about, amount=amount, keep_rest=wish.keep, **whose),
            "release": lambda: Release(hold=about, **whose),
            "reverse": lambda: Reverse(
                kind="reference_id" if about[0] == "r" else "pos_transaction_id", own_reference=about, **whose
            ),
            "void": lambda: Void(reason="lost", **whose),
            "extend": lambda: ProcessExpired(wish="extend", extension_days=30, **whose),
            "write-off": lambda: ProcessExpired(wish="void", **whose),
            "suspend": lambda: Suspend(reason="lost", **whose),
            "unsuspend": lambda: Unsuspend(**whose),
        }
        return make[wish.action]()

    async def expire(self, card_id: str) -> None:
        found = await card_by_id(self.databases[0], self.program_id, card_id, is_test=False)
        found.card.expires_at = found.now - timedelta(seconds=1)
        found.card.state_seal = seal_state(self.keyring, found.card)
        found.card.recorded_status = found.card.status_at(found.now)
        await write_state(self.superuser, [found.card])

    async def end_hold(self, hold_id: str) -> None:
        await age_hold(self.superuser, self.keyring, self.program_id, hold_id, LONGEST)

    async def give_codes(self, names: list[str]) -> None:
        """A transfer is made against a code, so every card has one that was sent."""
        for name in names:
            await make_code(self.databases[0], self.keyring, "https://cards.example", self.program_id, name)

    async def assert_like(self, shelf: Shelf) -> None:
        for name, model in shelf.items():
            found = await card_by_id(self.databases[0], self.program_id, name, is_test=False)
            assert (found.card.balance, found.card.status_at(found.now)) == (model.balance, model.status), name
            assert await available(self.databases[1], found) == model.available, name

    async def assert_verified(self) -> None:
        await Sealer(self.databases[0], self.keyring).run()
        report = await verify(self.databases[1], self.keyring)
        assert report.findings == []
