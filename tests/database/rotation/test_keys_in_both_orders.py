"""One key makes one card, also while some servers write under the old secret and some under the new one."""

import asyncio
import json

from tests.database.rotation.conftest import BOTH, KNOWN, Change

from kado.cards.bulk.order import place_order
from kado.cards.bulk.task import Order, Ordered
from kado.cards.posting import Answer

KEYRINGS = (KNOWN, BOTH)


async def test_one_key_makes_one_card_on_servers_in_both_orders(change: Change) -> None:
    shops = [change.under(KEYRINGS[at % 2]) for at in range(8)]
    for key in range(6):
        made = await asyncio.gather(*(shop.issue(500, key=f"issue-{key}") for shop in shops))
        assert len(set(made)) == 1
    assert await change.thief.fetchval("SELECT count(*) FROM card") == 6
    for shop in shops:
        await shop.ledger.close()


async def test_one_key_makes_one_bulk_issue_on_servers_in_both_orders(change: Change) -> None:
    shop = change.shop
    wanted = Order(
        program_id=shop.program_id,
        caller=shop.caller,
        key="bulk-1",
        render=_said,
        initial_value=100,
        expires_at=None,
        is_physical=True,
        design_template=None,
        count=3,
        recipients=None,
    )
    answers = await asyncio.gather(
        *(place_order(change.database, KEYRINGS[at % 2], wanted, sync_max=50) for at in range(8))
    )
    assert len({answer.body for answer in answers}) == 1
    assert await change.thief.fetchval("SELECT count(*) FROM card") == 3


async def test_one_key_redeems_once_on_servers_in_both_orders(change: Change) -> None:
    card = await change.shop.card(1000)
    shops = [change.under(KEYRINGS[at % 2]) for at in range(8)]
    answers = await asyncio.gather(*(shop.redeem(card, 10, key="sale-1") for shop in shops))
    assert len({answer.body for answer in answers}) == 1
    assert (await change.shop.look(card)).balance == 990
    for shop in shops:
        await shop.ledger.close()


def _said(ordered: Ordered) -> Answer:
    return Answer(200, json.dumps({"task": ordered.task.id}).encode())
