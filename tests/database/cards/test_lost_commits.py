"""A commit that happened although its answer was lost: settled by key, the caller's or an internal one."""

import json
from typing import Any

import asyncpg
import pytest
from tests.database.cards.builders import Shop, open_shop, render

from kado.cards.issue import Issue
from kado.cards.ledger import Ledger
from kado.cards.posting import Answer, Posting
from kado.cards.redeem import Redeem
from kado.crypto import Keyring
from kado.storage.database import Database


class LosesOneAnswer:
    """A connection that commits and breaks before it says so, once."""

    def __init__(self, real: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._real = real
        self.lost = False

    async def execute(self, query: str, *arguments: Any) -> str:
        done = await self._real.execute(query, *arguments)
        if query == "COMMIT" and not self.lost:
            self.lost = True
            raise ConnectionResetError
        return done

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class Unlucky(Ledger):
    """A posting machine whose first connection is such a one."""

    losing: LosesOneAnswer | None = None

    async def _connected(self) -> Any:
        real = await super()._connected()
        if self.losing is None:
            self.losing = LosesOneAnswer(real)
        return real if self.losing.lost else self.losing


@pytest.fixture
async def shop(database: Database, keyring: Keyring) -> Any:
    made = await open_shop(database, keyring)
    yield made
    await made.ledger.close()


async def settled(shop: Shop, posting: Posting | Issue) -> Answer:
    unlucky = Unlucky(shop.database, shop.keyring)
    try:
        answer = await unlucky.post(posting)
    finally:
        await unlucky.close()
    assert unlucky.losing is not None
    assert unlucky.losing.lost
    return answer


@pytest.mark.parametrize("key", [None, "order-1"])
async def test_a_card_is_issued_once_and_answered(shop: Shop, key: str | None) -> None:
    issue = Issue(
        program_id=shop.program_id,
        caller=shop.caller,
        key=key,
        render=render,
        merchant_id=shop.program.merchant_id,
        merchant_name=shop.program.merchant_name,
        initial_value=5000,
    )
    answer = await settled(shop, issue)
    async with shop.database.read() as connection:
        cards = await connection.fetch("SELECT id FROM card WHERE program_id = $1", shop.program_id)
    assert [row["id"] for row in cards] == [json.loads(answer.body)["card"]]


@pytest.mark.parametrize("key", [None, "sale-1"])
async def test_money_moves_once_and_the_first_answer_is_no_replay(shop: Shop, key: str | None) -> None:
    card_id = await shop.card(5000)
    redeem = Redeem(
        program_id=shop.program_id, card_id=card_id, caller=shop.caller, key=key, render=render, amount=1200
    )
    answer = await settled(shop, redeem)
    assert (answer.status, json.loads(answer.body)["balance"]) == (200, 3800)
    assert ("Idempotent-Replayed" in answer.headers) is (key is not None)
    async with shop.database.read() as connection:
        balance = await connection.fetchval(
            "SELECT balance FROM card WHERE program_id = $1 AND id = $2", shop.program_id, card_id
        )
    assert balance == 3800
