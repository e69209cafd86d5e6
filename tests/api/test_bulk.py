"""Many cards in one go: at once or by a task, all or none, and once for each key."""

import pytest
from tests.api.bulk import a_task, bulk_path, cards_of, order, poll, work
from tests.api.shop import Fits, Shop, card_path, good

from kado.cards.verify import verify


async def a_program(shop: Shop, **rules: object) -> str:
    return await shop.program(**rules)


async def is_clean(shop: Shop, program_id: str) -> bool:
    services = shop.api.services
    report = await verify(services.database, services.keyring, program_id=program_id)
    return not report.findings


# ── at once ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("count", [1, 50])
async def test_few_cards_are_made_at_once(shop: Shop, fits: Fits, count: int) -> None:
    program = await a_program(shop)
    answer = await order(shop, program_id=program, count=count, designTemplate="xmas", isPhysical=True)
    body = fits("BulkIssuanceSyncResponse", good(answer, 201))
    assert (body["issuedCount"], body["failedCount"], len(body["cards"])) == (count, 0, count)
    assert len({card["cardNumber"] for card in body["cards"]}) == count == await cards_of(shop, program)
    for summary in (body["cards"][0], body["cards"][-1]):
        card = fits("GiftCardResponse", await shop.look({"programId": program, **summary}))
        assert {name: card[name] for name in summary} == summary
        assert (card["status"], card["balance"], card["initialValue"]) == ("pending", "0.00", "25.00")
        assert (card["merchantId"], card["merchantName"]) == (shop.merchant_id, shop.merchant_name)
        assert (card["designTemplate"], card["isPhysical"], card["customerEmail"]) == ("xmas", True, None)
        (entry,) = await shop.entries(card)
        assert (entry["transactionType"], entry["amount"]) == ("PURCHASE", "0.00")
    assert await is_clean(shop, program)


async def test_a_card_of_many_is_a_card_like_any_other(shop: Shop) -> None:
    body = good(await order(shop, count=2), 201)
    card = {"programId": shop.program_id, **body["cards"][1]}
    good(await shop.post(card_path(card, "activate"), {}))
    good(await shop.redeem(card, "25.00"))
    assert (await shop.look(card))["status"] == "depleted"


async def test_one_card_more_is_a_task(shop: Shop, fits: Fits) -> None:
    program = await a_program(shop)
    body = fits("BulkIssuanceAsyncResponse", good(await order(shop, program_id=program, count=51), 202))
    assert body["status"] == "pending"
    waiting = fits("BulkIssuanceTaskStatus", await poll(shop, body["taskId"], program_id=program))
    nothing = dict.fromkeys(["cards", "csvDownloadUrl", "failedCount", "error", "completedAt"])
    assert waiting == {"taskId": body["taskId"], "status": "pending", "issuedCount": 0, **nothing}
    assert await cards_of(shop, program) == 0
    await work(shop)
    done = fits("BulkIssuanceTaskStatus", await poll(shop, body["taskId"], program_id=program))
    assert (done["status"], done["issuedCount"], done["failedCount"], done["error"]) == ("completed", 51, None, None)
    assert len({card["cardNumber"] for card in done["cards"]}) == 51 == await cards_of(shop, program)
    assert done["csvDownloadUrl"].startswith(f"https://cards.flowers.example{bulk_path(program, body['taskId'])}/csv/")
    assert await is_clean(shop, program)


async def test_a_task_is_done_in_batches_and_shows_how_far_it_is(shop: Shop) -> None:
    program = await a_program(shop)
    task = await a_task(shop, program_id=program, count=2001)
    services = shop.api.services
    seen = []
    from kado.cards.bulk.work import issue_next_batch

    while await issue_next_batch(services.database, services.keyring):
        shown = await poll(shop, task, program_id=program)
        seen.append((shown["status"], shown["issuedCount"], await cards_of(shop, program)))
    assert seen == [("processing", 1000, 1000), ("processing", 2000, 2000), ("completed", 2001, 2001)]
    assert await is_clean(shop, program)
