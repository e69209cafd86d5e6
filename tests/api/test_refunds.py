"""Refunds: what a redemption took comes back, all of it or a part, once, and to nobody who did not sell."""

import pytest
from tests.api.entries import entry, newest, said
from tests.api.shop import UNKNOWN, Body, Fits, Shop, card_path, good

from kado.access.permissions import Role
from kado.ids import new_id

MORE = {"reason": "Wrong size\nof shoe", "posTransactionId": "POS-2"}


async def test_a_refund_gives_back_what_the_redemption_took(shop: Shop, fits: Fits) -> None:
    card = await shop.active("100.00")
    sale = await shop.sold(card, "25.00", posTransactionId="POS-1", cashierId="C-7", terminalId="T-2")
    answer = fits("RefundResponse", good(await shop.refund(card, sale, MORE)))
    latest = await newest(shop, fits, card)
    assert answer == {
        "transactionId": latest["id"],
        "giftCardId": card["id"],
        "refundedAmount": "25.00",
        "remainingBalance": "100.00",
        "success": True,
        "message": "Refunded 25.00 USD; 100.00 USD on the card.",
    }
    assert said(latest) == entry(
        transactionType="REFUND",
        amount="25.00",
        balanceBefore="75.00",
        balanceAfter="100.00",
        description="Wrong size\nof shoe",
        posTransactionId="POS-2",
    )
    assert (await shop.look(card))["balance"] == "100.00"


async def test_parts_are_given_back_until_nothing_is_left(shop: Shop) -> None:
    card = await shop.active("100.00")
    sale = await shop.sold(card, "10.00")
    for amount in ("2.50", 2.5):
        assert good(await shop.refund(card, sale, {"amount": amount}))["refundedAmount"] == "2.50"
    over = good(await shop.refund(card, sale, {"amount": "5.01"}), 400)
    assert over == {
        "detail": "Of this redemption 5.00 USD can still be refunded.",
        "code": "refund_exceeds_redemption",
        "refundableAmount": "5.00",
    }
    # Without an amount: all that is left.
    assert good(await shop.refund(card, sale, {"amount": None}))["refundedAmount"] == "5.00"
    for body in ({}, {"amount": "0.01"}):
        assert good(await shop.refund(card, sale, body), 400)["refundableAmount"] == "0.00"
    assert (await shop.look(card))["balance"] == "100.00"


async def test_each_redemption_has_a_rest_of_its_own(shop: Shop) -> None:
    card = await shop.active("100.00")
    first, second = await shop.sold(card, "10.00"), await shop.sold(card, "20.00")
    good(await shop.refund(card, first))
    assert good(await shop.refund(card, first), 400)["refundableAmount"] == "0.00"
    assert good(await shop.refund(card, second))["refundedAmount"] == "20.00"


@pytest.mark.parametrize("status", ["active", "depleted", "suspended"])
async def test_a_card_that_can_still_be_used_takes_a_refund(shop: Shop, status: str) -> None:
    card = await shop.active("100.00")
    sale = await shop.sold(card, "100.00" if status == "depleted" else "40.00")
    if status == "suspended":
        good(await shop.post(card_path(card, "suspend"), {"reason": "lost"}))
    answer = good(await shop.refund(card, sale))
    assert answer["remainingBalance"] == "100.00"
    assert answer["message"].endswith(", which is still suspended.") is (status == "suspended")
    assert (await shop.look(card))["status"] == ("suspended" if status == "suspended" else "active")


async def test_an_expired_card_is_to_be_extended_first(shop: Shop) -> None:
    card = await shop.active("100.00")
    sale = await shop.sold(card)
    await shop.expire(card)
    refused = good(await shop.refund(card, sale), 400)
    assert (refused["code"], refused["status"]) == ("card_expired", "expired")
    assert refused["expiresAt"] == (await shop.look(card))["expiresAt"]
    good(await shop.post(card_path(card, "process-expired"), {"action": "extend"}))
    assert good(await shop.refund(card, sale))["remainingBalance"] == "100.00"


async def test_a_voided_card_takes_no_refund(shop: Shop) -> None:
    card = await shop.active("100.00")
    sale = await shop.sold(card)
    good(await shop.post(card_path(card, "void"), {"reason": "lost"}))
    refused = good(await shop.refund(card, sale), 400)
    assert (refused["code"], refused["status"], "successorCardId" in refused) == ("card_not_active", "voided", False)


async def test_a_card_that_was_replaced_names_the_one_that_has_its_money(shop: Shop) -> None:
    card = await shop.active("100.00")
    sale = await shop.sold(card)
    replaced = good(await shop.post(card_path(card, "replace"), {"reason": "lost"}), 201)
    refused = good(await shop.refund(card, sale), 400)
    assert (refused["code"], refused["successorCardId"]) == ("card_not_active", replaced["newCard"]["id"])
    # The redemption is none of the new card.
    assert good(await shop.refund(replaced["newCard"], sale), 404)["code"] == "transaction_not_found"


async def test_a_refund_never_fills_a_card_over_its_maximum(shop: Shop) -> None:
    card = await shop.active("9999.00")
    sale = await shop.sold(card, "5.00")
    good(await shop.reload(card, "2.00"))
    answer = await shop.refund(card, sale)
    assert good(answer, 400)["code"] == "max_balance_exceeded"
    assert '"maxBalance":10000.00,"availableReloadAmount":4.00' in answer.text
    assert good(await shop.refund(card, sale, {"amount": "4.00"}))["remainingBalance"] == "10000.00"


async def test_only_redemptions_are_refunded(shop: Shop) -> None:
    card, other = await shop.active("100.00"), await shop.active("1.00")
    good(await shop.reload(card, "5.00", more={"referenceId": "order-1"}))
    good(await shop.reverse(card, referenceId="order-1"))
    good(await shop.transfer(card, other, "1.00"))
    sale = await shop.sold(card)
    good(await shop.refund(card, sale))
    for listed in await shop.entries(card):
        kind = listed["transactionType"]
        if listed["id"] == sale:
            continue
        refused = good(await shop.refund(card, listed["id"], {"amount": "0.01"}), 400)
        assert (refused["code"], refused["transactionType"]) == ("transaction_not_refundable", kind)


async def test_what_is_on_another_card_or_nowhere_is_unknown(shop: Shop) -> None:
    card, other = await shop.active(), await shop.active()
    sale = await shop.sold(other)
    answers = [await shop.refund(card, wanted) for wanted in (sale, UNKNOWN)]
    assert {good(answer, 404)["code"] for answer in answers} == {"transaction_not_found"}
    assert good(await shop.refund({**card, "id": UNKNOWN}, sale), 404)["code"] == "card_not_found"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"amount": "0"}, "amount"),
        ({"amount": "-1.00"}, "amount"),
        ({"amount": "0.001"}, "amount"),
        ({"amount": True}, "amount"),
        ({"reason": "x" * 501}, "reason"),
        ({"posTransactionId": "x" * 101}, "posTransactionId"),
    ],
)
async def test_a_wrong_member_is_named(shop: Shop, body: Body, field: str) -> None:
    card = await shop.active()
    sale = await shop.sold(card)
    assert good(await shop.refund(card, sale, body), 422)["detail"][0]["loc"][:2] == ["body", field]
    assert good(await shop.refund(card, "x", {}), 422)["detail"][0]["loc"] == ["path", "transactionId"]


async def test_the_longest_words_fit(shop: Shop) -> None:
    card = await shop.active()
    good(await shop.refund(card, await shop.sold(card), {"reason": "ä" * 500, "posTransactionId": "x" * 100}))


async def test_an_admitted_merchant_refunds_its_own_redemptions_only(shop: Shop) -> None:
    _, admitted = await shop.admitted()
    _, another = await shop.admitted()
    card = await shop.active()
    own = good(await shop.redeem(card, "5.00", token=admitted))["transactionId"]
    owners, before = await shop.sold(card), await shop.snapshot(card)
    for token, sale in ((admitted, owners), (another, own), (another, owners)):
        assert good(await shop.refund(card, sale, token=token), 403)["code"] == "permission_denied"
    assert await shop.snapshot(card) == before
    good(await shop.refund(card, own, {"amount": "1.00"}, token=admitted))
    # The owner of the program refunds everything, a cashier of its own too.
    good(await shop.refund(card, own, token=await shop.key(Role.CASHIER)))


async def test_a_refused_refund_of_anothers_sale_is_not_the_final_answer(shop: Shop) -> None:
    _, admitted = await shop.admitted()
    card, key = await shop.active(), new_id()
    sale = await shop.sold(card)
    assert (await shop.refund(card, sale, key=key, token=admitted)).status_code == 403
    assert "idempotent-replayed" not in (await shop.refund(card, sale, key=key)).headers


async def test_a_key_means_one_refund_of_one_redemption(shop: Shop) -> None:
    card, key = await shop.active("100.00"), new_id()
    first, second = await shop.sold(card), await shop.sold(card)
    done = [await shop.refund(card, sale, key=key) for sale in (first, second)]
    assert [good(answer)["remainingBalance"] for answer in done] == ["90.00", "100.00"]
    again = await shop.refund(card, first, key=key)
    assert (again.content, again.headers["idempotent-replayed"]) == (done[0].content, "true")
    other = good(await shop.refund(card, first, {"amount": "10.00"}, key=key), 422)
    assert other["code"] == "idempotency_key_reused"


async def test_all_of_it_proves_itself(shop: Shop) -> None:
    await shop.verified()
