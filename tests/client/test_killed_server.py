"""A till on a server that is killed in the middle of its work: the client settles every sale, each once."""

import asyncio
import itertools
import sys
from collections import Counter
from decimal import Decimal

import pytest
from tests.serving.server import serving

from kado_client import AsyncKado, Retries
from kado_client.records.money import Redemption

SALES = 200
PATIENT = Retries(attempts=1000, deadline_seconds=120, attempt_seconds=5, longest_wait_seconds=0.3)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")


async def test_sales_go_on_over_the_death_of_the_server_and_each_is_taken_once(database_url: str) -> None:
    with serving(database_url=database_url) as server:
        merchant_id = server.merchant("Flower Shop")
        async with AsyncKado(server.base_url, server.key("Flower Shop"), retries=PATIENT) as kado:
            opened = await kado.programs.create("Gifts")
            cards = kado.program(opened.id).cards
            card = await cards.activate((await cards.issue("1000.00", merchant_id=merchant_id)).id)
            numbers, done = itertools.count(1), list[Redemption]()
            under_way = asyncio.Event()

            async def sell() -> None:
                while (number := next(numbers)) <= SALES:
                    done.append(await cards.redeem(card.id, "1.00", pos_transaction_id=f"sale-{number}"))
                    if len(done) == SALES // 10:
                        under_way.set()

            tills = [asyncio.create_task(sell()) for _ in range(8)]
            await asyncio.wait_for(under_way.wait(), 30)
            server.kill()
            assert len(done) < SALES
            await asyncio.to_thread(server.start)
            await asyncio.gather(*tills)
            entries = await cards.transactions(card.id)
            assert (await cards.get(card.id)).balance == Decimal(1000 - SALES)
            sold = Counter(entry.pos_transaction_id for entry in entries if entry.transaction_type == "REDEMPTION")
            assert sold == {f"sale-{number}": 1 for number in range(1, SALES + 1)}
            assert len({sale.transaction_id for sale in done}) == SALES
