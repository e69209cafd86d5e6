"""A key that another process commits while a list waits for its cards: not seen at first, and found all the same."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.database.cards.builders import Shop

from kado.cards.ledger import Ledger
from kado.cards.posting import Answer
from kado.cards.redeem import Redeem
from kado.cards.verify import verify


@pytest.fixture
async def elsewhere(shop: Shop) -> AsyncIterator[Ledger]:
    other = Ledger(shop.database, shop.keyring)
    yield other
    await other.close()


async def waiting(superuser: Any, count: int) -> None:
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    while await superuser.fetchval(query) < count:
        await superuser.execute("SELECT pg_stat_clear_snapshot()")
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("amount", [700, 6000], ids=["a sale", "a refusal"])
async def test_what_two_processes_are_asked_at_once_is_done_once(
    shop: Shop, elsewhere: Ledger, superuser: Any, amount: int
) -> None:
    card, neighbour = await shop.card(5000), await shop.card(5000)
    wish = shop.posting(Redeem, card, amount=amount, key="sale")
    async with superuser.transaction():
        await superuser.execute("SELECT FROM card WHERE id = ANY($1) FOR UPDATE", [card, neighbour])
        first = asyncio.create_task(elsewhere.post(wish))
        await waiting(superuser, 1)
        both = asyncio.create_task(shop.in_one_list(wish, shop.posting(Redeem, neighbour, amount=1)))
        await waiting(superuser, 2)
    done, (again, beside) = await first, await both
    assert isinstance(again, Answer)
    assert isinstance(beside, Answer)
    assert (again.status, again.body) == (done.status, done.body)
    assert {"Idempotent-Replayed" in done.headers, "Idempotent-Replayed" in again.headers} == {False, True}
    assert json.loads(beside.body)["balance"] == 4999
    assert (await shop.look(card)).balance == (4300 if amount == 700 else 5000)
    assert (await verify(shop.database, shop.keyring)).findings == []
