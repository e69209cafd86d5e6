"""What rules cost at the till: nothing where none judges a sale, three statements a list where one counts."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.database.cards.builders import Shop, open_shop

from kado.audit.origin import Origin, coming_from
from kado.cards.redeem import Redeem
from kado.crypto import Keyring
from kado.fraud import rules
from kado.fraud.config import Around, RuleType
from kado.fraud.defaults import begin_with_usual_rules
from kado.fraud.rule import RuleAction
from kado.fraud.rules import NewRule
from kado.storage.database import Database


@pytest.fixture
async def shop(database: Database, keyring: Keyring) -> AsyncIterator[Shop]:
    opened = await open_shop(database, keyring)
    yield opened
    await opened.ledger.close()


async def a_rule(shop: Shop, kind: RuleType, action: RuleAction, **config: Any) -> None:
    new = NewRule(name="Rule", type=kind, config=config, action=action)
    await rules.create(
        shop.database, shop.program.merchant_id, "operator:test", shop.program_id, new, Around(shop.program.currency)
    )


async def statements(shop: Shop, card: str, amount: int = 1) -> list[str]:
    """What the posting machine asks the database for one sale."""
    await shop.redeem(card, 1)  # there is a connection now
    asked: list[str] = []
    (ride,) = shop.ledger._idle._waiting
    connection = ride.connection

    def note(query: Any) -> None:
        asked.append(" ".join(query.query.split()))

    connection.add_query_logger(note)
    answer = await shop.redeem(card, amount)
    connection.remove_query_logger(note)
    assert json.loads(answer.body).get("code") is None, answer
    return asked


async def test_rules_that_only_tell_cost_no_statement(shop: Shop, database: Database) -> None:
    card = await shop.card()
    without = await statements(shop, card)
    async with database.transaction() as connection:
        await begin_with_usual_rules(connection, shop.program)
    await a_rule(shop, RuleType.TRANSACTION_LIMIT, RuleAction.FLAG, maxAmount="0.01")
    await a_rule(shop, RuleType.USER_AGENT_BLOCK, RuleAction.FLAG, contains=["bot"])
    assert await statements(shop, card) == without


async def test_a_rule_about_one_sale_costs_no_statement_while_it_finds_nothing(shop: Shop) -> None:
    card = await shop.card()
    without = await statements(shop, card)
    await a_rule(shop, RuleType.TRANSACTION_LIMIT, RuleAction.BLOCK, maxAmount="9.00")
    assert await statements(shop, card) == without


async def test_a_rule_that_counts_costs_three_statements_a_list(shop: Shop) -> None:
    card = await shop.card()
    without = await statements(shop, card)
    for scope in ("card", "merchant", "program"):
        await a_rule(shop, RuleType.VELOCITY_LIMIT, RuleAction.BLOCK, scope=scope, windowMinutes=60, maxCount=100)
    more = [one for one in await statements(shop, card) if one not in without]
    assert [one.split()[0] for one in more] == ["SELECT", "SELECT", "INSERT"]
    assert "pg_advisory_xact_lock" in more[0]
    assert all("fraud_tally" in one for one in more[1:])


async def test_several_postings_of_one_list_see_what_the_ones_before_them_counted(shop: Shop) -> None:
    await a_rule(shop, RuleType.VELOCITY_LIMIT, RuleAction.BLOCK, scope="program", windowMinutes=60, maxCount=3)
    cards = [await shop.card() for _ in range(6)]
    answers = await shop.in_one_list(*(shop.posting(Redeem, card, amount=1) for card in cards))
    codes = [json.loads(answer.body).get("code") for answer in answers if not isinstance(answer, BaseException)]
    assert codes == [None, None, None, *["refused_by_rule"] * 3]


async def test_one_list_knows_where_each_of_its_postings_comes_from(shop: Shop) -> None:
    await a_rule(shop, RuleType.VELOCITY_LIMIT, RuleAction.BLOCK, scope="address", windowMinutes=60, maxCount=1)
    cards = [await shop.card() for _ in range(4)]

    async def sell(card: str, address: str) -> object:
        with coming_from(Origin(address)):
            return json.loads((await shop.ledger.post(shop.posting(Redeem, card, amount=1))).body).get("code")

    codes = await asyncio.gather(*(sell(card, f"198.51.100.{at % 2}") for at, card in enumerate(cards)))
    assert codes == [None, None, "refused_by_rule", "refused_by_rule"]
