"""Limits go over to a card that takes the place of others."""

import pytest
from tests.api.fraud import a_program, a_rule, refused
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
