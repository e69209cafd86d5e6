"""What is said about one card: limits go over to one that takes its place, a clearance to no other."""

import pytest
from tests.api.fraud import a_program, a_rule, alerts, fraud_path, refused
from tests.api.shop import Shop, card_path, good
from tests.api.sign_in import an_email


@pytest.mark.parametrize("way", ["consolidate", "replace"])
async def test_a_card_made_of_others_gets_no_limit_anew(shop: Shop, way: str) -> None:
    program, email = await a_program(shop), an_email()
    await a_rule(shop, program, "VELOCITY_LIMIT", {"scope": "card", "windowMinutes": 1440, "maxCount": 3})
    spent, other = [await shop.active("20.00", program_id=program, customerEmail=email) for _ in range(2)]
    for card in (spent, spent, other):
        good(await shop.redeem(card, "1.00"))
    if way == "consolidate":
        numbers = {"cardNumbers": [spent["cardNumber"], other["cardNumber"]], "merchantId": shop.merchant_id}
        made = good(await shop.post(f"/v2/giftcards/programs/{program}/consolidate", numbers))["newCard"]
    else:
        made = good(await shop.post(card_path(spent, "replace"), {"reason": "lost"}), 201)["newCard"]
        good(await shop.redeem(made, "1.00"))  # to be replaced was no purchase
    refused(await shop.redeem(made, "1.00"))
    assert (await shop.look(made))["balance"] == ("37.00" if way == "consolidate" else "17.00")


async def test_who_clears_a_card_clears_no_other(shop: Shop) -> None:
    program = await a_program(shop)
    config = {"scope": "merchant", "windowMinutes": 1440, "maxCount": 1}
    await a_rule(shop, program, "VELOCITY_LIMIT", config, "require_review")
    known, thiefs = [await shop.active("20.00", program_id=program) for _ in range(2)]
    good(await shop.redeem(known, "1.00"))
    for card in (known, thiefs):
        refused(await shop.redeem(card, "1.00"), "review_required")
    found = {alert["cardIds"][0]: alert for alert in await alerts(shop, program)}
    assert [alert["cardIds"] for alert in found.values()] == [[card] for card in found]
    assert found[known["id"]]["details"]["countedBy"] == f"merchant:{shop.merchant_id}"
    path = fraud_path(program, f"alerts/{found[known['id']]['id']}/acknowledge")
    good(await shop.post(path, {"isFalsePositive": True}))
    good(await shop.redeem(known, "1.00"))
    refused(await shop.redeem(thiefs, "1.00"), "review_required")
