"""Many people at one card, through two processes: every cent goes once."""

import asyncio
import random
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import httpx2
from tests.races.conftest import Shop
from tests.serving.server import Server
from tests.serving.till import Till


def amounts(answers: Sequence[httpx2.Response], member: str) -> list[Decimal]:
    return [Decimal(answer.json()[member]) for answer in answers]


def split(answers: Sequence[httpx2.Response]) -> tuple[list[httpx2.Response], list[httpx2.Response]]:
    """Those that succeeded and those that were refused; anything else is a failure."""
    assert {answer.status_code for answer in answers} <= {200, 400}, sorted(a.status_code for a in answers)
    return [a for a in answers if a.status_code == 200], [a for a in answers if a.status_code == 400]


async def history(till: Till, card: str) -> list[dict[str, Any]]:
    """The card's entries, which must hang together and end at its balance."""
    entries = await till.entries(card)
    balance = Decimal(0)
    for entry in entries:
        assert Decimal(entry["balanceBefore"]) == balance
        balance += Decimal(entry["amount"])
        assert Decimal(entry["balanceAfter"]) == balance
    assert Decimal((await till.details(card))["balance"]) == balance
    return entries


async def sequence_numbers(till: Till, card: str, server: Server) -> list[int]:
    connection = await server.superuser()
    try:
        rows = await connection.fetch(
            "SELECT seq FROM card_transaction WHERE program_id = $1 AND card_id = $2 ORDER BY seq", till.program, card
        )
    finally:
        await connection.close()
    return [row["seq"] for row in rows]


async def test_of_200_redeems_of_1_on_a_card_of_100_exactly_100_pass(till: Till, shop: Shop) -> None:
    card = (await till.card("100.00"))["id"]
    passed, refused = split(await asyncio.gather(*(till.redeem(card, "1.00") for _ in range(200))))
    assert (len(passed), len(refused)) == (100, 100)
    assert sorted(amounts(passed, "remainingBalance")) == [Decimal(n) for n in range(100)]  # each value once
    assert {answer.json()["code"] for answer in refused} == {"card_not_active"}  # it is depleted
    entries = await history(till, card)
    told = {answer.json()["transactionId"]: answer.json()["remainingBalance"] for answer in passed}
    assert told == {e["id"]: e["balanceAfter"] for e in entries if e["transactionType"] == "REDEMPTION"}
    assert await sequence_numbers(till, card, shop.server) == list(range(1, 103))


async def test_of_300_redeems_of_7_cents_on_a_card_of_10_exactly_142_pass(till: Till) -> None:
    card = (await till.card("10.00"))["id"]
    passed, refused = split(await asyncio.gather(*(till.redeem(card, "0.07") for _ in range(300))))
    assert (len(passed), len(refused)) == (142, 158)
    assert {answer.json()["availableBalance"] for answer in refused} == {"0.06"}
    assert (await till.details(card))["balance"] == "0.06"
    await history(till, card)


async def test_of_50_reloads_of_100_onto_9000_exactly_10_fit_under_the_maximum(till: Till) -> None:
    card = (await till.card("9000"))["id"]
    passed, refused = split(await asyncio.gather(*(till.reload(card, "100.00") for _ in range(50))))
    assert (len(passed), len(refused)) == (10, 40)
    assert {answer.json()["code"] for answer in refused} == {"max_balance_exceeded"}
    assert (await till.details(card))["balance"] == "10000.00"
    await history(till, card)


async def test_a_card_is_activated_once(till: Till) -> None:
    card = (await till.issue("25.00")).json()["id"]
    passed, refused = split(await asyncio.gather(*(till.activate(card) for _ in range(40))))
    assert len(passed) == 1
    assert {answer.json()["code"] for answer in refused} == {"card_not_pending"}
    assert (await till.details(card))["balance"] == "25.00"


async def test_redeem_reload_suspend_and_void_at_once_leave_a_history_that_adds_up(till: Till) -> None:
    dice = random.Random(20)
    for _ in range(3):
        card = (await till.card("50.00"))["id"]
        calls = [
            *(till.redeem(card, f"{dice.randint(1, 400) / 100:.2f}") for _ in range(60)),
            *(till.reload(card, f"{dice.randint(1, 400) / 100:.2f}") for _ in range(30)),
            *(till.suspend(card) for _ in range(4)),
            *(till.unsuspend(card) for _ in range(6)),
            *(till.void(card) for _ in range(2)),
        ]
        dice.shuffle(calls)
        passed, _ = split(await asyncio.gather(*calls))
        entries = await history(till, card)
        kinds = [entry["transactionType"] for entry in entries]
        moves = [a for a in passed if a.request.url.path.endswith(("/redeem", "/reload", "/void"))]
        assert kinds.count("VOID") == 1
        assert kinds[-1] == "VOID", "a voided card moved"
        assert len(entries) == len(moves) + 2  # issue and activation
        assert (await till.details(card))["status"] == "voided"


async def test_two_hot_cards_in_opposite_order_never_wait_for_each_other(till: Till) -> None:
    one, other = [(await till.card("1000.00"))["id"] for _ in range(2)]

    async def spend(first: str, second: str) -> list[httpx2.Response]:
        return [await till.redeem(card, "0.50") for _ in range(8) for card in (first, second)]

    spent = await asyncio.gather(*(spend(*((one, other) if at % 2 else (other, one))) for at in range(24)))
    passed, refused = split([answer for answers in spent for answer in answers])
    assert (len(passed), len(refused)) == (384, 0)
    for card in (one, other):
        assert (await till.details(card))["balance"] == "904.00"
        await history(till, card)
