"""A shop with programs, whose cards are made and moved through the real posting machine."""

import asyncio
import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kado.access.caller import Caller
from kado.access.permissions import Permission, Role
from kado.cards.activate import Activate
from kado.cards.card import Card, Entry
from kado.cards.codes import make_code
from kado.cards.consolidate import Consolidate
from kado.cards.find import card_by_id, entries_of
from kado.cards.hold import PlaceHold
from kado.cards.issue import Issue
from kado.cards.ledger import Ledger
from kado.cards.posting import Answer, Outcome, Posting
from kado.cards.redeem import Redeem
from kado.cards.reload import Reload
from kado.cards.resend_code import ResendCode
from kado.cards.suspend import Suspend, Unsuspend
from kado.cards.transfer import Transfer
from kado.cards.void import Void
from kado.crypto import Keyring
from kado.errors import Refusal
from kado.ids import new_id
from kado.programs import create
from kado.programs.program import NewProgram, Program
from kado.storage.database import Database


def render(outcome: Outcome | Refusal) -> Answer:
    """What a door would say, as little as tests need."""
    if isinstance(outcome, Refusal):
        return Answer(outcome.status, json.dumps({"code": outcome.code}).encode())
    said = {
        "card": outcome.card.id,
        "balance": outcome.card.balance,
        "entries": [entry.id for entry in outcome.entries],
        "holds": [hold.id for hold in outcome.holds],
    }
    return Answer(200, json.dumps(said).encode())


@dataclass
class Shop:
    """One merchant and one program; amounts in minor units."""

    database: Database
    keyring: Keyring
    ledger: Ledger
    program: Program
    caller: Caller

    @property
    def program_id(self) -> str:
        return self.program.id

    async def issue(self, value: int = 5000, **facts: Any) -> str:
        answer = await self.ledger.post(
            Issue(
                program_id=self.program_id,
                caller=facts.pop("caller", self.caller),
                key=facts.pop("key", None),
                render=render,
                merchant_id=self.program.merchant_id,
                merchant_name=self.program.merchant_name,
                initial_value=value,
                **facts,
            )
        )
        assert answer.status == 200, answer
        return str(json.loads(answer.body)["card"])

    async def card(self, value: int = 5000, *moves: int, **facts: Any) -> str:
        """An activated card; positive moves are reloads, negative ones redemptions."""
        card_id = await self.issue(value, **facts)
        await self.activate(card_id)
        for amount in moves:
            await (self.reload(card_id, amount) if amount > 0 else self.redeem(card_id, -amount))
        return card_id

    async def activate(self, card_id: str, **facts: Any) -> Answer:
        return await self._post(Activate, card_id, facts)

    async def redeem(self, card_id: str, amount: int, **facts: Any) -> Answer:
        return await self._post(Redeem, card_id, {"amount": amount, **facts})

    async def reload(self, card_id: str, amount: int, **facts: Any) -> Answer:
        return await self._post(Reload, card_id, {"amount": amount, **facts})

    async def void(self, card_id: str) -> Answer:
        return await self._post(Void, card_id, {"reason": "lost"})

    async def suspend(self, card_id: str, until: datetime | None = None) -> Answer:
        return await self._post(Suspend, card_id, {"reason": "asked for", "until": until})

    async def unsuspend(self, card_id: str) -> Answer:
        return await self._post(Unsuspend, card_id, {})

    async def resend(self, card_id: str, email: str = "eva@example.com") -> Answer:
        return await self._post(ResendCode, card_id, {"customer_email": email})

    def posting(self, kind: type[Posting], card_id: str, /, **facts: Any) -> Posting:
        facts = {"key": None, "caller": self.caller, **facts}
        return kind(program_id=self.program_id, card_id=card_id, render=render, **facts)

    async def post(self, kind: type[Posting], card_id: str, /, **facts: Any) -> Answer:
        return await self.ledger.post(self.posting(kind, card_id, **facts))

    async def transfer_posting(self, source: str, destination: str, amount: int, **facts: Any) -> Posting:
        """A transfer by someone who has just shown the source's code."""
        proved = (await self.look(source)).code_hash
        if proved is None:
            made = await make_code(self.database, self.keyring, "https://kado.example", self.program_id, source)
            assert made is not None, "the card can still be used"
            proved = (await self.look(source)).code_hash
        facts = {"destination_id": destination, "amount": amount, "proved": proved, **facts}
        return self.posting(Transfer, source, **facts)

    async def transfer(self, source: str, destination: str, amount: int, **facts: Any) -> Answer:
        return await self.ledger.post(await self.transfer_posting(source, destination, amount, **facts))

    async def hold(self, card_id: str, amount: int, **facts: Any) -> str:
        """A hold; its id."""
        answer = await self.post(PlaceHold, card_id, **{"amount": amount, "order_reference": "order-1", **facts})
        assert answer.status == 200, answer
        return str(json.loads(answer.body)["holds"][0])

    def consolidation(self, *card_ids: str, **facts: Any) -> Posting:
        first, *further = sorted(card_ids)
        merchant = {"merchant_id": self.program.merchant_id, "merchant_name": self.program.merchant_name}
        return self.posting(Consolidate, first, further_ids=tuple(further), **merchant, **facts)

    async def in_one_list(self, *postings: Posting) -> list[Answer | BaseException]:
        """Settle these together, in this order: what is asked for while nothing is under way yet forms one list."""
        return await asyncio.gather(*(self.ledger.post(one) for one in postings), return_exceptions=True)

    async def soon(self) -> datetime:
        """A moment that is far enough away, by the database's clock, for a test to make its cards before it."""
        async with self.database.read() as connection:
            moment: datetime = await connection.fetchval("SELECT clock_timestamp() + interval '2 seconds'")
        return moment

    async def wait_for(self, moment: datetime) -> None:
        """Come back when the database's clock has passed it."""
        async with self.database.read() as connection:
            await connection.fetchval("SELECT pg_sleep_until($1)", moment)

    async def look(self, card_id: str) -> Card:
        is_test = self.caller.is_test
        return (await card_by_id(self.database, self.program_id, card_id, is_test=is_test)).card

    async def entries(self, card_id: str) -> list[Entry]:
        """Oldest first."""
        listed, _ = await entries_of(self.database, self.program_id, card_id, limit=250, offset=0)
        return listed[::-1]

    async def _post(self, kind: type[Posting], card_id: str, facts: dict[str, Any]) -> Answer:
        return await self.post(kind, card_id, **facts)


async def open_shop(database: Database, keyring: Keyring, **program: Any) -> Shop:
    """A merchant of its own with a program."""
    merchant_id = new_id()
    async with database.transaction() as connection:
        await connection.execute(
            "INSERT INTO merchant (id, name) VALUES ($1, $2)", merchant_id, f"Shop {secrets.token_hex(4)}"
        )
    made = await create.create(database, merchant_id, "operator:test", NewProgram(name="Cards", **program))
    caller = Caller(merchant_id, "key:test", Role.OWNER, frozenset(Permission), is_test=False)
    return Shop(database, keyring, Ledger(database, keyring), made, caller)
