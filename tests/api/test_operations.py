"""A card at work: what each operation answers when all is well, member by member, and the entry it leaves behind."""

import re
from datetime import timedelta

import pytest
from tests.api.entries import entry, newest, said
from tests.api.shop import Body, Fits, Shop, card_path, cards_path, good

from kado import clock

# ── redeem ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_redemption_takes_the_amount_and_says_what_is_left(shop: Shop, fits: Fits) -> None:
    card = await shop.active("100.00")
    facts = {"posTransactionId": "POS-1", "cashierId": "C-7", "terminalId": "T-2", "description": "Two roses"}
    answer = fits("RedeemResponse", good(await shop.redeem(card, "25.00", more=facts)))
    latest = await newest(shop, fits, card)
    assert answer == {
        "transactionId": latest["id"],
        "giftCardId": card["id"],
        "amountRedeemed": "25.00",
        "remainingBalance": "75.00",
        "success": True,
        "message": "Redeemed 25.00 USD; 75.00 USD left.",
    }
    assert said(latest) == entry(
        transactionType="REDEMPTION", amount="-25.00", balanceBefore="100.00", balanceAfter="75.00", **facts
    )
    assert (await shop.look(card))["balance"] == "75.00"


async def test_redeeming_to_zero_depletes_the_card(shop: Shop) -> None:
    card = await shop.active("0.03")
    assert good(await shop.redeem(card, "0.02"))["remainingBalance"] == "0.01"
    assert (await shop.look(card))["status"] == "active"
    assert good(await shop.redeem(card, "0.01"))["remainingBalance"] == "0.00"
    assert (await shop.look(card))["status"] == "depleted"


async def test_more_than_there_is_is_refused_with_what_there_is(shop: Shop) -> None:
    card = await shop.active("10.00")
    answer = await shop.redeem(card, "10.01")
    assert (answer.status_code, answer.json()) == (
        400,
        {"detail": "The card does not hold enough.", "code": "insufficient_balance", "availableBalance": "10.00"},
    )
    # The contract sets no upper bound to what may be asked for.
    assert (await shop.redeem(card, "99999999999")).json()["code"] == "insufficient_balance"


@pytest.mark.parametrize(
    ("written", "taken"),
    [
        ('"1.00"', "1.00"),
        ('"+1.00"', "1.00"),
        ('"007.5"', "7.50"),
        ('"1."', "1.00"),
        ('".5"', "0.50"),
        ("1", "1.00"),
        ("1.1", "1.10"),
        ("1.10", "1.10"),
        ("0.07", "0.07"),
        ("1e1", "10.00"),
        ("1E+1", "10.00"),
        ("50e-1", "5.00"),
        ('"0000000000000000000001"', "1.00"),
    ],
)
async def test_an_amount_may_be_written_in_many_ways(shop: Shop, written: str, taken: str) -> None:
    card = await shop.active("10.00")
    answer = await shop.post(card_path(card, "redeem"), content=b'{"amount": %s}' % written.encode())
    assert good(answer)["amountRedeemed"] == taken


# ── reload ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_reload_adds_the_amount(shop: Shop, fits: Fits) -> None:
    card = await shop.active("100.00")
    more = {"referenceId": "order-17", "description": "Christmas"}
    reloaded = fits("GiftCardResponse", good(await shop.reload(card, "12.34", more=more)))
    assert reloaded == card | {"balance": "112.34", "updatedAt": reloaded["updatedAt"]}
    assert said(await newest(shop, fits, card)) == entry(
        transactionType="RELOAD", amount="12.34", balanceBefore="100.00", balanceAfter="112.34", **more
    )


@pytest.mark.parametrize("said_nothing", [{}, {"description": None}, {"description": ""}])
async def test_a_reload_describes_itself_where_the_caller_does_not(shop: Shop, fits: Fits, said_nothing: Body) -> None:
    card = await shop.active("1.00")
    good(await shop.reload(card, "1.00", more=said_nothing))
    assert (await newest(shop, fits, card))["description"] == "Gift card reload"


@pytest.mark.parametrize("between", ["", " ", "-"])
async def test_a_reload_by_number_finds_the_card_as_it_is_typed(shop: Shop, fits: Fits, between: str) -> None:
    card = await shop.active("1.00")
    shown = between.join(re.findall("....", card["cardNumber"]))
    body = {"cardNumber": shown, "amount": 5, "referenceId": "order-18"}
    answer = await shop.post(cards_path(shop.program_id) + "/reload-by-number", body)
    assert fits("GiftCardResponse", good(answer))["balance"] == "6.00"
    assert said(await newest(shop, fits, card)) == entry(
        transactionType="RELOAD",
        amount="5.00",
        balanceBefore="1.00",
        balanceAfter="6.00",
        referenceId="order-18",
        description="Gift card reload",
    )


async def test_a_stray_card_id_in_the_query_means_nothing(shop: Shop) -> None:
    card, other = await shop.active("1.00"), await shop.active("1.00")
    path = f"{cards_path(shop.program_id)}/reload-by-number?cardId={other['id']}"
    good(await shop.post(path, {"cardNumber": card["cardNumber"], "amount": "1.00"}))
    assert ((await shop.look(card))["balance"], (await shop.look(other))["balance"]) == ("2.00", "1.00")


async def test_a_reload_over_the_maximum_answers_in_the_contracts_words(shop: Shop) -> None:
    card = await shop.active("9500.00")
    answer = await shop.reload(card, "1000.00")
    assert answer.status_code == 400
    assert answer.json()["detail"] == "Reload would exceed maximum card balance"
    # JSON numbers with the currency's decimals, to the letter.
    assert (
        '"currentBalance":9500.00,"reloadAmount":1000.00,"maxBalance":10000.00,"availableReloadAmount":500.00'
        in answer.text
    )
    assert answer.json()["code"] == "max_balance_exceeded"
    assert good(await shop.reload(card, "500.00"))["balance"] == "10000.00"


# ── resend, suspend ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_resent_code_is_an_entry_of_nothing_and_its_answer_is_masked(shop: Shop, fits: Fits) -> None:
    card = await shop.active("5.00", customerEmail="ada@example.com")
    answer = good(await shop.post(card_path(card, "resend-code"), {}))
    latest = await newest(shop, fits, card)
    assert answer == {
        "success": True,
        "message": "A new security code is on its way; the old one is no longer valid.",
        "giftCardId": card["id"],
        "transactionId": latest["id"],
        "channel": "email",
        "sentTo": "a***@e***.com",
    }
    assert said(latest) == entry(
        transactionType="RESEND_CODE",
        balanceBefore="5.00",
        balanceAfter="5.00",
        description="New security code sent to a***@e***.com",
    )


@pytest.mark.parametrize("status", ["pending", "active", "depleted"])
async def test_a_suspension_is_shown_while_it_lasts_and_leaves_nothing_behind(
    shop: Shop, fits: Fits, status: str
) -> None:
    card = await shop.card_in(status)
    ends = clock.text(await shop.now() + timedelta(hours=1))
    answer = await shop.post(card_path(card, "suspend"), {"reason": "Lost at sea", "expiresAt": ends})
    suspended = fits("GiftCardResponse", good(answer))
    assert suspended == card | {
        "status": "suspended",
        "suspendedReason": "Lost at sea",
        "suspendedUntil": ends,
        "suspendedAt": suspended["suspendedAt"],
        "updatedAt": suspended["updatedAt"],
    }
    assert suspended["suspendedAt"] == suspended["updatedAt"]
    lifted = fits("GiftCardResponse", good(await shop.post(card_path(card, "unsuspend"), {})))
    assert lifted == card | {"updatedAt": lifted["updatedAt"]}


@pytest.mark.parametrize("status", ["pending", "active", "depleted"])
async def test_a_suspension_ends_by_itself(shop: Shop, fits: Fits, status: str) -> None:
    card = await shop.card_in(status)
    ends = await shop.now() + timedelta(hours=1)
    good(await shop.post(card_path(card, "suspend"), {"reason": "Lost", "expiresAt": clock.text(ends)}))
    await shop.shift(card, suspended_until=await shop.now())
    seen = fits("GiftCardResponse", await shop.look(card))
    assert (seen["status"], seen["suspendedReason"], seen["suspendedUntil"], seen["suspendedAt"]) == (
        status,
        *[None] * 3,
    )


async def test_a_suspension_that_would_have_ended_is_refused(shop: Shop) -> None:
    card = await shop.active()
    body = {"reason": "Lost", "expiresAt": clock.text(await shop.now())}
    refused = good(await shop.post(card_path(card, "suspend"), body), 422)
    assert (refused["code"], refused["detail"][0]["loc"]) == ("end_in_the_past", ["body", "expiresAt"])
