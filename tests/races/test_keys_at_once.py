"""The same idempotency key fifty times at once, through two processes: done once, answered fifty times."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx2
from tests.behind import give_codes
from tests.races.conftest import Shop
from tests.serving.till import REPLAYED, Till

from kado.crypto import Keyring

CODE = "314159"
Call = Callable[[str], Awaitable[httpx2.Response]]


async def fifty(call: Call, key: str = "one-and-the-same") -> httpx2.Response:
    """The answer that all fifty got, byte for byte; one of them is the original."""
    answers = await asyncio.gather(*(call(key) for _ in range(50)))
    assert len({(answer.status_code, answer.content) for answer in answers}) == 1
    assert sum(REPLAYED not in answer.headers for answer in answers) == 1
    again = await call(key)
    assert (again.content, again.headers[REPLAYED]) == (answers[0].content, "true")
    return answers[0]


async def kinds(till: Till, card: str) -> list[str]:
    return [entry["transactionType"] for entry in await till.entries(card)]


async def test_redeem(till: Till) -> None:
    card = (await till.card("20.00"))["id"]
    answer = await fifty(lambda key: till.redeem(card, "3.00", key))
    assert answer.json()["remainingBalance"] == "17.00"
    assert (await till.details(card))["balance"] == "17.00"
    assert (await kinds(till, card)).count("REDEMPTION") == 1


async def test_a_refused_redeem(till: Till) -> None:
    """A refusal is the key's answer too: more money later does not turn it into a success."""
    card = (await till.card("2.00"))["id"]
    answer = await fifty(lambda key: till.redeem(card, "3.00", key))
    assert (answer.status_code, answer.json()["availableBalance"]) == (400, "2.00")
    await till.reload(card, "10.00")
    assert (await till.redeem(card, "3.00", "one-and-the-same")).content == answer.content
    assert (await till.details(card))["balance"] == "12.00"


async def test_create(till: Till, shop: Shop) -> None:
    answer = await fifty(lambda key: till.issue("20.00", key))
    assert answer.status_code == 201
    assert await cards_in(till, shop) == 1


async def test_bulk_issue_of_a_few(till: Till, shop: Shop) -> None:
    answer = await fifty(lambda key: till.bulk(key, count=7))
    assert (answer.status_code, answer.json()["issuedCount"]) == (201, 7)
    assert await cards_in(till, shop) == 7


async def test_bulk_issue_of_many(till: Till, shop: Shop) -> None:
    answer = await fifty(lambda key: till.bulk(key, count=700))
    assert answer.status_code == 202
    async with asyncio.timeout(30):
        while (await till.bulk_task(answer.json()["taskId"]))["status"] != "completed":
            await asyncio.sleep(0.05)
    assert await cards_in(till, shop) == 700


async def test_activate(till: Till) -> None:
    card = (await till.issue("20.00")).json()["id"]
    answer = await fifty(lambda key: till.activate(card, key))
    assert (answer.status_code, answer.json()["balance"]) == (200, "20.00")
    assert (await kinds(till, card)).count("ACTIVATION") == 1


async def test_reload(till: Till) -> None:
    card = (await till.card("20.00"))["id"]
    answer = await fifty(lambda key: till.reload(card, "5.00", key))
    assert answer.json()["balance"] == "25.00"
    assert (await kinds(till, card)).count("RELOAD") == 1


async def test_resend_code(till: Till) -> None:
    card = (await till.card("20.00", customerEmail="kim@mail.example"))["id"]
    answer = await fifty(lambda key: till.resend(card, key))
    assert answer.status_code == 200
    assert (await kinds(till, card)).count("RESEND_CODE") == 1


async def test_void(till: Till) -> None:
    card = (await till.card("20.00"))["id"]
    answer = await fifty(lambda key: till.void(card, key))
    assert answer.status_code == 200
    assert (await kinds(till, card)).count("VOID") == 1


async def test_refund(till: Till) -> None:
    card = (await till.card("20.00"))["id"]
    sale = (await till.redeem(card, "3.00")).json()["transactionId"]
    answer = await fifty(lambda key: till.post(till.cards_path(card, f"transactions/{sale}/refund"), {}, key))
    assert (answer.status_code, answer.json()["remainingBalance"]) == (200, "20.00")
    assert (await kinds(till, card)).count("REFUND") == 1


async def test_a_part_that_is_refunded_fifty_times_is_refunded_once(till: Till) -> None:
    card = (await till.card("20.00"))["id"]
    sale = (await till.redeem(card, "3.00")).json()["transactionId"]
    part = {"amount": "0.05"}
    answer = await fifty(lambda key: till.post(till.cards_path(card, f"transactions/{sale}/refund"), part, key))
    assert answer.json()["remainingBalance"] == "17.05"
    assert (await till.details(card))["balance"] == "17.05"


async def test_transfer(till: Till, shop: Shop) -> None:
    source, other = [await till.card("20.00") for _ in range(2)]
    await give_code(shop, till, source["id"])
    body = {"securityCode": CODE, "destinationCardNumber": other["cardNumber"], "amount": "0.30"}
    answer = await fifty(lambda key: till.post(till.cards_path(source["id"], "transfer"), body, key))
    assert (answer.status_code, answer.json()["amountTransferred"]) == (200, "0.30")
    assert [(await till.details(card["id"]))["balance"] for card in (source, other)] == ["19.70", "20.30"]
    assert (await kinds(till, other["id"])).count("TRANSFER_IN") == 1


async def test_consolidate(till: Till, shop: Shop) -> None:
    cards = [await till.card("20.00", customerEmail="kim@mail.example") for _ in range(2)]
    body = {"cardNumbers": [card["cardNumber"] for card in cards], "merchantId": till.merchant_id}
    path = f"/v2/giftcards/programs/{till.program}/consolidate"
    answer = await fifty(lambda key: till.post(path, body, key))
    assert (answer.status_code, answer.json()["totalConsolidatedAmount"]) == (200, "40.00")
    assert await cards_in(till, shop) == 3


async def test_replace(till: Till, shop: Shop) -> None:
    card = (await till.card("20.00"))["id"]
    answer = await fifty(lambda key: till.post(till.cards_path(card, "replace"), {"reason": "lost"}, key))
    assert (answer.status_code, answer.json()["transferredAmount"]) == (201, "20.00")
    assert await cards_in(till, shop) == 2


async def test_hold_and_capture(till: Till) -> None:
    card = (await till.card("20.00"))["id"]
    wanted = {"amount": "0.30", "orderReference": "order-1"}
    held = await fifty(lambda key: till.post(till.cards_path(card, "holds"), wanted, key))
    assert (held.status_code, held.json()["availableBalance"]) == (201, "19.70")
    capture = till.cards_path(card, f"holds/{held.json()['id']}/capture")
    taken = await fifty(lambda key: till.post(capture, {"amount": "0.01", "keepRest": True}, key))
    assert (taken.status_code, taken.json()["remainingBalance"]) == (200, "19.99")
    assert (await kinds(till, card)).count("REDEMPTION") == 1


async def test_fifty_different_requests_under_one_key_move_money_once(till: Till) -> None:
    card = (await till.card("100.00"))["id"]
    answers = await asyncio.gather(*(till.redeem(card, f"1.{cents:02}", "shared") for cents in range(50)))
    assert sorted(answer.status_code for answer in answers) == [200] + [422] * 49
    assert (await kinds(till, card)).count("REDEMPTION") == 1


async def give_code(shop: Shop, till: Till, card: str) -> None:
    keyring = Keyring([(shop.server.data_dir / "secret.key").read_text().strip()])
    connection = await shop.server.superuser()
    try:
        await give_codes(connection, keyring, till.program, [card], CODE)
    finally:
        await connection.close()


async def cards_in(till: Till, shop: Shop) -> int:
    connection = await shop.server.superuser()
    try:
        return int(await connection.fetchval("SELECT count(*) FROM card WHERE program_id = $1", till.program))
    finally:
        await connection.close()
