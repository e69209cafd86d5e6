"""Reversals: what a till sent under a reference of its own is taken back, whether or not it arrived."""

from datetime import timedelta

import pytest
from tests.api.entries import entry, newest, said
from tests.api.shop import UNKNOWN, Body, Fits, Shop, card_path, good
from tests.behind import age_reversal

from kado.cards.posting import SOUGHT_MAX
from kado.ids import new_id

NOTHING = "There was nothing to take back; the reference is spent from now on."
_numbers = (f"POS-{number}" for number in range(1, 1000))


def sent_path(shop: Shop, **query: str) -> str:
    return f"/v2/giftcards/programs/{shop.program_id}/transactions?" + "&".join(f"{k}={v}" for k, v in query.items())


async def test_a_redemption_is_taken_back(shop: Shop, fits: Fits) -> None:
    card, pos = await shop.active("100.00"), next(_numbers)
    sale = await shop.sold(card, "25.00", posTransactionId=pos)
    answer = fits("ReversalResponse", good(await shop.reverse(card, posTransactionId=pos, reason="No answer")))
    latest = await newest(shop, fits, card)
    assert answer == {
        "success": True,
        "message": "Taken back: 1 redemption; the reference is spent from now on.",
        "giftCardId": card["id"],
        "found": True,
        "reversed": [{"transactionId": sale, "reversalId": latest["id"], "amount": "25.00"}],
        "releasedHolds": [],
        "olderTransactions": [],
        "balance": "100.00",
    }
    assert said(latest) == entry(
        transactionType="REFUND",
        amount="25.00",
        balanceBefore="75.00",
        balanceAfter="100.00",
        description="No answer",
    )


async def test_a_reload_is_taken_back_by_a_redemption(shop: Shop, fits: Fits) -> None:
    card, order = await shop.active("100.00"), next(_numbers)
    good(await shop.reload(card, "30.00", more={"referenceId": order}))
    answer = good(await shop.reverse(card, referenceId=order))
    assert (answer["message"].startswith("Taken back: 1 reload;"), answer["balance"]) == (True, "100.00")
    assert answer["reversed"][0]["amount"] == "-30.00"
    assert said(await newest(shop, fits, card)) == entry(
        transactionType="REDEMPTION",
        amount="-30.00",
        balanceBefore="130.00",
        balanceAfter="100.00",
        description="Reload reversed",
    )


async def test_everything_under_the_reference_is_taken_back(shop: Shop) -> None:
    card, pos = await shop.active("100.00"), next(_numbers)
    sales = [await shop.sold(card, amount, posTransactionId=pos) for amount in ("5.00", "7.00")]
    hold = await shop.hold(card, "20.00", posTransactionId=pos)
    await shop.sold(card, "1.00", posTransactionId=next(_numbers))
    answer = good(await shop.reverse(card, posTransactionId=pos))
    assert answer["message"].startswith("Taken back: 2 redemptions, 1 hold;")
    assert {one["transactionId"] for one in answer["reversed"]} == set(sales)
    assert (answer["releasedHolds"], answer["balance"]) == ([hold["id"]], "99.00")
    assert good(await shop.get(card_path(card, f"holds/{hold['id']}")))["status"] == "released"


async def test_a_reference_of_too_many_is_left_alone(shop: Shop) -> None:
    card, pos = await shop.active("100.00"), next(_numbers)
    for _ in range(SOUGHT_MAX):
        await shop.sold(card, "0.01", posTransactionId=pos)
    _, elsewhere = await shop.admitted()
    await shop.sold(card, "0.01", posTransactionId=pos, token=elsewhere)
    other = await shop.active("100.00")
    await shop.sold(other, "0.01", posTransactionId=pos)
    # Sales of others under the same number do not count.
    undone = good(await shop.reverse(card, posTransactionId=pos))
    assert (len(undone["reversed"]), undone["balance"]) == (SOUGHT_MAX, "99.99")
    for _ in range(SOUGHT_MAX + 1):
        await shop.sold(other, "0.01", posTransactionId=(more := f"{pos}-more"))
    before = await shop.snapshot(other)
    refused = good(await shop.reverse(other, posTransactionId=more), 400)
    assert (refused["code"], refused["maximum"]) == ("too_many_transactions", SOUGHT_MAX)
    assert await shop.snapshot(other) == before


async def test_only_what_is_left_of_it_is_taken_back(shop: Shop) -> None:
    card, pos = await shop.active("100.00"), next(_numbers)
    sale = await shop.sold(card, "25.00", posTransactionId=pos)
    good(await shop.refund(card, sale, {"amount": "20.00"}))
    assert good(await shop.reverse(card, posTransactionId=pos))["reversed"][0]["amount"] == "5.00"
    # And then nothing of it can be refunded.
    assert good(await shop.refund(card, sale), 400)["refundableAmount"] == "0.00"


async def test_a_second_reversal_finds_nothing(shop: Shop) -> None:
    card, pos = await shop.active(), next(_numbers)
    await shop.sold(card, posTransactionId=pos)
    good(await shop.reverse(card, posTransactionId=pos))
    answer = good(await shop.reverse(card, posTransactionId=pos))
    assert answer == {
        "success": True,
        "message": NOTHING,
        "giftCardId": card["id"],
        "found": False,
        "reversed": [],
        "releasedHolds": [],
        "olderTransactions": [],
        "balance": "100.00",
    }


# ── a request that comes after its own reversal ────────────────────────────────────────────────────────────────────

LATE: dict[str, tuple[str, Body]] = {
    "redeem": ("posTransactionId", {"amount": "1.00"}),
    "reload": ("referenceId", {"amount": "1.00"}),
    "holds": ("posTransactionId", {"amount": "1.00", "orderReference": "order-1"}),
    "transfer-ownership": ("referenceId", {"newOwnerName": "Ida", "newOwnerEmail": "ida@example.com"}),
}


@pytest.mark.parametrize("action", LATE)
async def test_a_request_that_arrives_after_its_own_reversal_does_nothing(shop: Shop, action: str) -> None:
    card, reference = await shop.active(), next(_numbers)
    kind, body = LATE[action]
    assert good(await shop.reverse(card, **{kind: reference}))["found"] is False
    before = await shop.snapshot(card)
    answer = await shop.post(card_path(card, action), {**body, kind: reference}, key=new_id())
    assert good(answer, 400)["code"] == "already_reversed"
    assert await shop.snapshot(card) == before
    good(
        await shop.post(card_path(card, action), {**body, kind: next(_numbers)}, key=new_id()),
        201 if action == "holds" else 200,
    )


async def test_so_does_a_reload_by_number_a_transfer_a_refund_and_a_capture(shop: Shop) -> None:
    card, other, pos = await shop.active(), await shop.active(), next(_numbers)
    sale, hold = await shop.sold(card), await shop.hold(card)
    good(await shop.reverse(card, posTransactionId=pos))
    good(await shop.reverse(card, referenceId=pos))
    capture = card_path(card, f"holds/{hold['id']}/capture")
    by_number = f"/v2/giftcards/programs/{shop.program_id}/cards/reload-by-number"
    for answer in (
        await shop.post(by_number, {"cardNumber": card["cardNumber"], "amount": "1.00", "referenceId": pos}),
        await shop.transfer(card, other, more={"referenceId": pos}),
        await shop.transfer(other, card, more={"referenceId": pos}),
        await shop.refund(card, sale, {"posTransactionId": pos}),
        await shop.post(capture, {"posTransactionId": pos}),
    ):
        assert good(answer, 400)["code"] == "already_reversed"
    good(await shop.transfer(other, await shop.active(), more={"referenceId": pos}))
    good(await shop.post(capture, {}))


async def test_the_other_kind_of_reference_another_card_and_another_merchant_are_not_meant(shop: Shop) -> None:
    _, admitted = await shop.admitted()
    card, other, pos = await shop.active(), await shop.active(), next(_numbers)
    good(await shop.reverse(card, posTransactionId=pos))
    good(await shop.reload(card, more={"referenceId": pos}))
    await shop.sold(other, posTransactionId=pos)
    good(await shop.redeem(card, more={"posTransactionId": pos}, token=admitted))


async def test_a_sale_of_another_merchant_is_never_taken_back(shop: Shop) -> None:
    _, admitted = await shop.admitted()
    card, pos = await shop.active(), next(_numbers)
    await shop.sold(card, posTransactionId=pos)
    hold = await shop.hold(card, posTransactionId=pos)
    assert good(await shop.reverse(card, posTransactionId=pos, token=admitted))["found"] is False
    assert good(await shop.get(card_path(card, f"holds/{hold['id']}")))["status"] == "open"
    assert (await shop.look(card))["balance"] == "90.00"
    # Not even by the program's owner: the number is the other till's.
    good(await shop.redeem(card, "5.00", more={"posTransactionId": f"{pos}-2"}, token=admitted))
    assert good(await shop.reverse(card, posTransactionId=f"{pos}-2"))["found"] is False


async def test_a_mark_is_forgotten_after_thirty_days(shop: Shop) -> None:
    card, pos = await shop.active(), next(_numbers)
    good(await shop.reverse(card, posTransactionId=pos))
    for days, status in ((29.9, 400), (30.1, 200)):
        keyring = shop.api.services.keyring
        await age_reversal(shop.superuser, keyring, shop.program_id, card["id"], timedelta(days=days))
        assert (await shop.redeem(card, more={"posTransactionId": pos})).status_code == status


# ── orders and their holds ─────────────────────────────────────────────────────────────────────────────────────────


async def test_an_order_is_taken_back_by_its_reference(shop: Shop) -> None:
    """Part of it was captured, the rest is still held: both are the order's."""
    card, order = await shop.active("100.00"), next(_numbers)
    hold = await shop.hold(card, "50.00", orderReference=order)
    capture = card_path(card, f"holds/{hold['id']}/capture")
    good(await shop.post(capture, {"amount": "20.00", "keepRest": True}))
    answer = good(await shop.reverse(card, referenceId=order))
    assert answer["message"].startswith("Taken back: 1 redemption, 1 hold;")
    assert (answer["releasedHolds"], answer["balance"]) == ([hold["id"]], "100.00")
    assert good(await shop.post(capture, {}), 400)["code"] == "hold_not_open"
    late = {"amount": "1.00", "orderReference": order}
    assert good(await shop.post(card_path(card, "holds"), late), 400)["code"] == "already_reversed"


async def test_a_hold_of_an_earlier_day_is_none_of_the_tills_new_sale(shop: Shop) -> None:
    """Tills use their numbers again."""
    card, pos = await shop.active("100.00"), next(_numbers)
    old = await shop.hold(card, "50.00", posTransactionId=pos, expiresInSeconds=2_592_000)
    await shop.age_hold(old, days=1.01)
    assert good(await shop.reverse(card, posTransactionId=pos))["releasedHolds"] == []
    assert good(await shop.get(card_path(card, f"holds/{old['id']}")))["status"] == "open"


# ── refusals ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_a_reload_brought_and_was_spent_is_not_taken_back(shop: Shop) -> None:
    card, order = await shop.active("1.00"), next(_numbers)
    good(await shop.reload(card, "30.00", more={"referenceId": order}))
    await shop.sold(card, "10.00")
    refused = good(await shop.reverse(card, referenceId=order), 400)
    assert (refused["code"], refused["availableBalance"]) == ("insufficient_balance", "21.00")
    # A refused reversal spends no reference.
    good(await shop.reload(card, "9.00", more={"referenceId": order}, key=new_id()))


async def test_what_a_reload_brought_and_is_held_is_not_taken_back(shop: Shop) -> None:
    card, order = await shop.active("1.00"), next(_numbers)
    good(await shop.reload(card, "30.00", more={"referenceId": order}))
    await shop.hold(card, "10.00")
    assert good(await shop.reverse(card, referenceId=order), 400)["availableBalance"] == "21.00"


@pytest.mark.parametrize("status", ["expired", "voided"])
async def test_nothing_comes_back_to_a_card_that_is_over_but_its_reference_can_be_spent(
    shop: Shop, status: str
) -> None:
    card, pos = await shop.active(), next(_numbers)
    await shop.sold(card, posTransactionId=pos)
    if status == "expired":
        await shop.expire(card)
    else:
        good(await shop.post(card_path(card, "void"), {"reason": "lost"}))
    refused = good(await shop.reverse(card, posTransactionId=pos), 400)
    assert (refused["code"], refused["status"]) == (
        "card_expired" if status == "expired" else "card_not_active",
        status,
    )
    assert good(await shop.reverse(card, posTransactionId=next(_numbers)))["found"] is False


@pytest.mark.parametrize("status", ["depleted", "suspended"])
async def test_a_card_that_can_still_be_used_gets_it_back(shop: Shop, status: str) -> None:
    card, pos = await shop.active("10.00"), next(_numbers)
    await shop.sold(card, "10.00" if status == "depleted" else "4.00", posTransactionId=pos)
    if status == "suspended":
        good(await shop.post(card_path(card, "suspend"), {"reason": "lost"}))
    assert good(await shop.reverse(card, posTransactionId=pos))["balance"] == "10.00"


async def test_a_transfer_is_not_taken_back_by_its_reference(shop: Shop) -> None:
    source, destination, order = await shop.active(), await shop.active(), next(_numbers)
    good(await shop.transfer(source, destination, more={"referenceId": order}))
    for card, kind in ((source, "TRANSFER_OUT"), (destination, "TRANSFER_IN")):
        refused = good(await shop.reverse(card, referenceId=order), 400)
        assert (refused["code"], refused["transactionType"]) == ("transaction_not_reversible", kind)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"posTransactionId": "1", "referenceId": "1"},
        {"posTransactionId": ""},
        {"posTransactionId": "x" * 101},
        {"referenceId": "a\nb"},
        {"posTransactionId": "1", "reason": "x" * 501},
        {"posTransactionId": "1", "cardNumber": "4000"},
        {"posTransactionId": "1", "cardId": None},
        {"posTransactionId": "1", "cardId": "x"},
    ],
)
async def test_exactly_one_card_and_one_reference_are_named(shop: Shop, body: Body) -> None:
    card = await shop.active()
    assert (await shop.reverse(card, **body)).status_code == 422


async def test_the_card_may_be_named_by_its_number(shop: Shop) -> None:
    card, pos = await shop.active(), next(_numbers)
    await shop.sold(card, posTransactionId=pos)
    answer = good(await shop.reverse(card, cardId=None, cardNumber=card["cardNumber"], posTransactionId=pos))
    assert answer["giftCardId"] == card["id"]
    for unknown in ({"cardNumber": "4000", "cardId": None}, {"cardId": UNKNOWN}):
        refused = good(await shop.reverse(card, posTransactionId=pos, **unknown), 404)
        assert refused["code"] == "card_not_found"


async def test_a_key_means_one_reversal(shop: Shop) -> None:
    card, pos, key = await shop.active(), next(_numbers), new_id()
    await shop.sold(card, posTransactionId=pos)
    first = await shop.reverse(card, posTransactionId=pos, key=key)
    again = await shop.reverse(card, posTransactionId=pos, key=key)
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    assert (
        good(await shop.reverse(card, posTransactionId=next(_numbers), key=key), 422)["code"]
        == "idempotency_key_reused"
    )


# ── looking for what arrived ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_till_finds_what_arrived(shop: Shop, fits: Fits) -> None:
    _, admitted = await shop.admitted()
    one, other, pos = await shop.active(), await shop.active(), next(_numbers)
    sales = [await shop.sold(card, posTransactionId=pos) for card in (one, other)]
    theirs = good(await shop.redeem(one, more={"posTransactionId": pos}, token=admitted))["transactionId"]
    found = (await shop.get(sent_path(shop, posTransactionId=pos))).json()
    assert [(fits("SentTransactionResponse", item)["id"], item["giftCardId"]) for item in found] == [
        (sales[1], other["id"]),
        (sales[0], one["id"]),
    ]
    (seen,) = (await shop.get(sent_path(shop, posTransactionId=pos), token=admitted)).json()
    assert seen["id"] == theirs
    assert (await shop.get(sent_path(shop, referenceId=pos))).json() == []
    assert (await shop.get(sent_path(shop, posTransactionId=pos), token=await shop.key(is_test=True))).json() == []


async def test_a_reference_to_look_for_is_named_once(shop: Shop) -> None:
    card, order = await shop.active(), next(_numbers)
    good(await shop.reload(card, more={"referenceId": order}))
    for query in (
        {},
        {"posTransactionId": ""},
        {"posTransactionId": "1", "referenceId": "1"},
        {"referenceId": "x" * 101},
    ):
        assert (await shop.get(sent_path(shop, **query))).status_code == 422
    # An empty one is none at all.
    found = (await shop.get(sent_path(shop, posTransactionId="", referenceId=order))).json()
    assert [item["giftCardId"] for item in found] == [card["id"]]


async def test_all_of_it_proves_itself(shop: Shop) -> None:
    await shop.verified()
