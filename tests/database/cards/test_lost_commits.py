"""A commit that happened although its answer was lost: settled by key, the caller's or an internal one."""

import json
from typing import Any

import pytest
from tests.database.cards.builders import Shop, open_shop, render

from kado.cards.capture import Capture
from kado.cards.hold import PlaceHold
from kado.cards.issue import Issue
from kado.cards.ledger import Ledger
from kado.cards.posting import Answer, Posting
from kado.cards.redeem import Redeem
from kado.cards.refund import Refund
from kado.cards.replace import Replace
from kado.cards.reverse import Reverse
from kado.cards.verify import verify
from kado.cards.void import Void
from kado.crypto import Keyring
from kado.fraud import rules
from kado.fraud.config import Around, RuleType
from kado.fraud.rule import RuleAction
from kado.fraud.rules import NewRule
from kado.storage.database import Database
from kado.storage.riding import Ride


class LosesOneAnswer:
    """A connection that commits and breaks before it says so, once."""

    def __init__(self, real: Ride) -> None:
        self._real = real
        self.lost = False

    async def commit(self, *arguments: Any) -> None:
        await self._real.commit(*arguments)
        if not self.lost:
            self.lost = True
            raise ConnectionResetError

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class Unlucky(Ledger):
    """A posting machine whose first connection is such a one."""

    losing: LosesOneAnswer | None = None

    async def _connect(self) -> Any:
        real = await super()._connect()
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


@pytest.mark.parametrize("key", [None, "k"])
@pytest.mark.parametrize(
    "operation", ["hold", "capture", "transfer", "refund", "reverse", "consolidate", "replace", "void"]
)
async def test_whatever_a_posting_does_to_several_rows_it_does_once(
    shop: Shop, operation: str, key: str | None
) -> None:
    """Some of these write no entry that could bear the key, some write entries of several cards."""
    one, other = [await shop.card(5000, customer_email="ada@example.com") for _ in range(2)]
    await shop.redeem(one, 1000, pos_transaction_id="POS-1")
    sale = (await shop.entries(one))[-1].id
    if operation == "capture":
        posting = shop.posting(Capture, one, hold=await shop.hold(one, 600), amount=100, keep_rest=True, key=key)
    elif operation == "transfer":
        posting = await shop.transfer_posting(one, other, 600, key=key)
    else:
        posting = {
            "hold": lambda: shop.posting(PlaceHold, one, amount=600, order_reference="order-1", key=key),
            "refund": lambda: shop.posting(Refund, one, transaction_id=sale, amount=100, key=key),
            "reverse": lambda: shop.posting(Reverse, one, kind="pos_transaction_id", own_reference="POS-1", key=key),
            "consolidate": lambda: shop.consolidation(one, other, key=key),
            "replace": lambda: shop.posting(Replace, one, reason="lost", key=key),
            "void": lambda: shop.posting(Void, one, reason="lost", key=key),
        }[operation]()
    before = await rows(shop)
    answer = await settled(shop, posting)
    after = await rows(shop)
    assert answer.status == 200, answer
    assert ("Idempotent-Replayed" in answer.headers) is (key is not None)
    said = json.loads(answer.body)
    # What the answer names is all that there is more than before.
    assert after["card_transaction"] - before["card_transaction"] == set(said["entries"])
    assert after["hold"] - before["hold"] == (set(said["holds"]) if operation == "hold" else set())
    assert len(after["card"] - before["card"]) == (operation in ("consolidate", "replace"))
    assert (await verify(shop.database, shop.keyring)).findings == []


@pytest.mark.parametrize("key", [None, "sale-1"])
@pytest.mark.parametrize("action", [RuleAction.BLOCK, RuleAction.REQUIRE_REVIEW])
async def test_what_a_rule_refuses_is_told_and_counted_once(shop: Shop, action: RuleAction, key: str | None) -> None:
    once = {"scope": "card", "windowMinutes": 60, "maxCount": 1}
    rule = NewRule(name="Once", type=RuleType.VELOCITY_LIMIT, config=once, action=action)
    merchant, around = shop.program.merchant_id, Around(shop.program.currency)
    await rules.create(shop.database, merchant, "operator:test", shop.program_id, rule, around)
    card_id = await shop.card(5000, -100)
    refused = await settled(shop, shop.posting(Redeem, card_id, amount=100, key=key))
    again = await shop.redeem(card_id, 100, key=key)
    assert {json.loads(answer.body)["code"] for answer in (refused, again)} == {
        "refused_by_rule" if action is RuleAction.BLOCK else "review_required"
    }
    expected = 1 if key else 2  # the second request of somebody without a key is another one
    async with shop.database.read() as connection:
        assert await connection.fetchval("SELECT count(*) FROM fraud_hit") == expected
        assert await connection.fetchval("SELECT sum(hits) FROM fraud_tally") == expected


async def rows(shop: Shop) -> dict[str, set[str]]:
    async with shop.database.read() as connection:
        return {
            table: {row["id"] for row in await connection.fetch(f"SELECT id FROM {table}")}
            for table in ("card", "card_transaction", "hold")
        }
