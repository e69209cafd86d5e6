"""A shop with programs, whose cards are made and moved through the real posting machine."""

import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kado.access.caller import Caller
from kado.access.permissions import Permission, Role
from kado.cards.activate import Activate
from kado.cards.issue import Issue
from kado.cards.ledger import Ledger
from kado.cards.posting import Answer, Outcome, Posting
from kado.cards.redeem import Redeem
from kado.cards.reload import Reload
from kado.cards.resend_code import ResendCode
from kado.cards.suspend import Suspend, Unsuspend
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
    return Answer(200, json.dumps({"card": outcome.card.id, "balance": outcome.card.balance}).encode())


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

    async def _post(self, kind: type[Posting], card_id: str, facts: dict[str, Any]) -> Answer:
        facts = {"key": None, "caller": self.caller, **facts}
        return await self.ledger.post(kind(program_id=self.program_id, card_id=card_id, render=render, **facts))


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
