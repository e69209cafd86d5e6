"""Whoever waits in several places has waited once: the times of the stages of a request do not add up."""

import asyncio
import time

from tests.faults.conftest import Shop
from tests.serving.till import Till

FIRST_STAGE_SECONDS = 2.8
BOTH_STAGES_SECONDS = 6.3
"""Between the 4.5 s that a caller is kept waiting and the 7.3 s that the two waits would come to."""


async def test_a_caller_who_waited_to_be_known_waits_less_for_the_money(single: Shop) -> None:
    async with single.till() as till:
        await till.open_program()
        card = (await till.card("10.00"))["id"]
    key = await asyncio.to_thread(single.server.key, "Book Shop", "--name", "unknown so far")
    people, money = await single.server.superuser(), await single.server.superuser()
    try:
        await people.execute("BEGIN; LOCK TABLE api_key IN ACCESS EXCLUSIVE MODE")
        await money.execute("BEGIN")
        await money.execute("SELECT FROM card WHERE id = $1 FOR UPDATE", card)
        async with Till(single.server, key, single.merchant_id) as stranger:
            stranger.program = till.program
            began = time.monotonic()
            call = asyncio.create_task(stranger.redeem(card, "1.00", "one-sale"))
            await asyncio.sleep(FIRST_STAGE_SECONDS)  # what is tried is how long waits add up
            await people.execute("ROLLBACK")
            answer = await call
            took = time.monotonic() - began
            await money.execute("ROLLBACK")
            assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "1"), answer.text
            assert FIRST_STAGE_SECONDS < took < BOTH_STAGES_SECONDS
            settled = await stranger.redeem(card, "1.00", "one-sale")
            assert settled.json()["remainingBalance"] == "9.00"
    finally:
        await people.close()
        await money.close()
