"""Rules that refuse hold for all processes together, exactly, and nobody waits for anybody for ever."""

import asyncio
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import httpx2
import pytest
from tests.races.conftest import Shop
from tests.serving.till import Till

NUMBER = 40


async def a_rule(till: Till, config: Mapping[str, object], action: str = "block") -> str:
    body = {"name": "Velocity", "ruleType": "VELOCITY_LIMIT", "action": action, "config": config}
    answer = await till.post(f"/v2/giftcards/programs/{till.program}/fraud/rules", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def redeem(till: Till, card: str, amount: str, **more: object) -> httpx2.Response:
    return await till.post(till.cards_path(card, "redeem"), {"amount": amount, **more})


async def alert_of(till: Till, rule_id: str, occurrences: int) -> dict[str, Any]:
    """The rule's only alert, once the worker has told it so often."""
    async with asyncio.timeout(20):
        while True:
            found = (await till.http.get(f"/v2/giftcards/programs/{till.program}/fraud/alerts?limit=100")).json()
            own = [one for one in found["items"] if one["ruleId"] == rule_id]
            if sum(one["occurrences"] for one in own) >= occurrences:
                (alert,) = own
                assert alert["occurrences"] == occurrences
                return dict(alert)
            await asyncio.sleep(0.1)


def passed(answers: Sequence[httpx2.Response]) -> int:
    """How many; every other one was refused by a rule."""
    counts = Counter((answer.status_code, answer.json().get("code")) for answer in answers)
    assert counts.keys() <= {(200, None), (400, "refused_by_rule")}, counts
    return counts[200, None]


@pytest.mark.parametrize("scope", ["program", "merchant", "address", "cashier", "terminal", "actor"])
async def test_of_forty_redeems_on_as_many_cards_five_pass(till: Till, scope: str) -> None:
    rule = await a_rule(till, {"scope": scope, "windowMinutes": 60, "maxCount": 5})
    cards = [(await till.card("20.00"))["id"] for _ in range(NUMBER)]
    answers = await asyncio.gather(*(redeem(till, card, "1.00", cashierId="C", terminalId="T") for card in cards))
    assert passed(answers) == 5
    balances = Counter([(await till.details(card))["balance"] for card in cards])
    assert balances == {"19.00": 5, "20.00": NUMBER - 5}
    alert = await alert_of(till, rule, NUMBER - 5)
    assert len(alert["cardIds"]) == NUMBER - 5
    assert alert["transactionIds"] == []


async def test_of_forty_redeems_on_one_card_five_pass(till: Till) -> None:
    await a_rule(till, {"scope": "card", "windowMinutes": 60, "maxCount": 5})
    card = (await till.card("100.00"))["id"]
    assert passed(await asyncio.gather(*(redeem(till, card, "1.00") for _ in range(NUMBER)))) == 5
    assert (await till.details(card))["balance"] == "95.00"


async def test_what_passes_never_comes_to_more_than_a_limit(till: Till) -> None:
    await a_rule(till, {"scope": "program", "windowMinutes": 60, "maxAmount": "10.00"})
    cards = [(await till.card("20.00"))["id"] for _ in range(NUMBER)]
    chance = random.Random(7)
    amounts = [f"{chance.randint(1, 150) / 100:.2f}" for _ in cards]
    answers = await asyncio.gather(*(redeem(till, card, amount) for card, amount in zip(cards, amounts, strict=True)))
    passed(answers)
    total = sum(Decimal(answer.json()["amountRedeemed"]) for answer in answers if answer.status_code == 200)
    assert Decimal("8.50") < total <= Decimal("10.00")


async def test_many_rules_over_many_cards_never_lock_each_other_up(till: Till, shop: Shop) -> None:
    """Transfers lock two cards, and each card, cashier and terminal has counters of its own."""
    kinds = ["REDEMPTION", "TRANSFER_OUT", "RELOAD"]
    for scope in ("card", "cashier", "terminal", "merchant", "address"):
        config = {"scope": scope, "windowMinutes": 60, "maxCount": 10_000, "transactionTypes": kinds}
        await a_rule(till, config, "block" if scope != "card" else "require_review")
    rule = await a_rule(till, {"scope": "program", "windowMinutes": 60, "maxCount": 150, "transactionTypes": kinds})
    cards = [(await till.card("50.00"))["id"] for _ in range(8)]
    chance = random.Random(11)

    async def move(at: int) -> httpx2.Response:
        card = chance.choice(cards)
        if at % 2:
            return await till.reload(card, "1.00")
        return await redeem(till, card, "1.00", cashierId=f"C{at % 5}", terminalId=f"T{at % 3}")

    answers = await asyncio.gather(*(move(at) for at in range(200)))
    assert passed(answers) == 150
    await alert_of(till, rule, 50)
    connection = await shop.server.superuser()
    try:
        counted = await connection.fetch(
            "SELECT r.config->>'scope' AS scope, sum(t.count)::int AS count FROM fraud_tally t JOIN fraud_rule r"
            " ON r.program_id = t.program_id AND r.series_id = t.series_id WHERE t.program_id = $1"
            " AND r.action <> 'flag' GROUP BY 1",
            till.program,
        )
    finally:
        await connection.close()
    assert {row["scope"]: row["count"] for row in counted} == {
        "card": 150,
        "merchant": 150,
        "address": 150,
        "program": 150,
        "cashier": sum(a.status_code == 200 for a in answers[::2]),
        "terminal": sum(a.status_code == 200 for a in answers[::2]),
    }


async def test_rules_that_only_tell_tell_of_each_of_many_at_once(till: Till) -> None:
    rule = await a_rule(till, {"scope": "program", "windowMinutes": 60, "maxCount": 5}, "flag")
    cards = [(await till.card("20.00"))["id"] for _ in range(NUMBER)]
    answers = await asyncio.gather(*(redeem(till, card, "1.00") for card in cards))
    assert passed(answers) == NUMBER
    alert = await alert_of(till, rule, NUMBER - 5)
    sales = {answer.json()["transactionId"] for answer in answers}
    assert len(set(alert["transactionIds"]) & sales) == NUMBER - 5
