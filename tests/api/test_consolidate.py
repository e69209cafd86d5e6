"""Consolidation: several cards of one customer become one, and the old ones end."""

from typing import Any

import httpx2
import pytest
from tests.api.entries import entry, newest, said
from tests.api.shop import STATUSES, UNKNOWN, Body, Fits, Shop, card_path, good

from kado import clock
from kado.ids import new_id

EMAIL = "ada@example.com"


async def consolidate(shop: Shop, *cards: Body, options: Any = None, **members: Any) -> httpx2.Response:
    body = {"cardNumbers": [card["cardNumber"] for card in cards], "merchantId": shop.merchant_id, **members}
    return await shop.post(f"/v2/giftcards/programs/{shop.program_id}/consolidate", body, **(options or {}))


async def a_pair(shop: Shop, **members: Any) -> list[Body]:
    return [await shop.active(value, **({"customerEmail": EMAIL} | members)) for value in ("30.00", "12.50")]


async def test_the_money_of_all_is_on_a_new_card(shop: Shop, fits: Fits) -> None:
    one, other = await a_pair(shop, customerPhone="+4930901820", customerName="Ada")
    third = await shop.active("7.50", customerEmail=EMAIL.upper(), expiresAt="2030-06-01T00:00:00Z")
    more = {"referenceId": "order-5", "description": "Three in one", "senderName": "Ida", "customMessage": "Yours",
            "designTemplate": "plain", "isPhysical": True, "customerName": "A. L."}  # fmt: skip
    answer = fits("ConsolidateResponse", good(await consolidate(shop, third, one, other, **more)))
    new = answer["newCard"]
    assert {name: answer[name] for name in answer if name not in ("newCard", "consolidationTransactions")} == {
        "success": True,
        "message": "3 cards were consolidated; the new card holds 50.00 USD.",
        "voidedCards": sorted(card["id"] for card in (one, other, third)),
        "totalConsolidatedAmount": "50.00",
        "referenceId": "order-5",
    }
    assert new == await shop.look(new)
    expected = {
        "balance": "50.00",
        "initialValue": "50.00",
        "status": "active",
        "customerPhone": "+4930901820",
        "customerName": "A. L.",
        "senderName": "Ida",
        "customMessage": "Yours",
        "designTemplate": "plain",
        "isPhysical": True,
        "expiresAt": "2030-06-01T00:00:00Z",
        "merchantId": shop.merchant_id,
        "deliverAt": None,
        "delivered": False,
    }
    assert {name: new[name] for name in expected} == expected
    assert new["customerEmail"].lower() == EMAIL
    assert new["activatedAt"] == new["createdAt"]
    for same in ("id", "cardNumber", "card"):
        assert new[same] not in [card[same] for card in (one, other, third)]
    words = {"transactionType": "CONSOLIDATION", "referenceId": "order-5", "description": "Three in one"}
    (only,) = await shop.entries(new)
    assert said(only) == entry(amount="50.00", balanceAfter="50.00", **words)
    ids = {only["id"]}
    for card in (one, other, third):
        latest = await newest(shop, fits, card)
        assert said(latest) == entry(amount=f"-{card['balance']}", balanceBefore=card["balance"], **words)
        ids.add(latest["id"])
        seen = await shop.look(card)
        assert (seen["status"], seen["balance"]) == ("voided", "0.00")
    assert set(answer["consolidationTransactions"]) == ids


async def test_the_code_of_the_new_card_leaves_and_none_of_the_old(shop: Shop) -> None:
    one, other = await a_pair(shop)
    new = good(await consolidate(shop, one, other, customerEmail="new@example.com"))["newCard"]
    (message,) = await shop.messages(new)
    assert (message["recipient"], message["kind"], message["state"]) == ("new@example.com", "security_code", "queued")
    told = []
    for card in (one, other):
        old, *rest = await shop.messages(card)
        assert (old["kind"], old["state"]) == ("security_code", "superseded")
        told += [message["kind"] for message in rest]
    assert told == ["code_sent_elsewhere"]  # once, to the contact that the cards had
    code = await shop.code_of(new)
    assert good(await shop.check(new, code))["balance"] == "42.50"


async def test_the_new_card_is_as_good_as_any(shop: Shop) -> None:
    new = good(await consolidate(shop, *(await a_pair(shop))))["newCard"]
    sale = await shop.sold(new, "42.50")
    good(await shop.refund(new, sale))
    good(await shop.reload(new, "1.00"))
    third = await shop.active("1.00", customerEmail=EMAIL)
    assert good(await consolidate(shop, new, third))["totalConsolidatedAmount"] == "44.50"


async def test_where_the_money_came_from_and_went_to(shop: Shop, fits: Fits) -> None:
    cards = await a_pair(shop)
    new = good(await consolidate(shop, *cards))["newCard"]
    seen = fits("LineageResponse", good(await shop.get(card_path(new, "lineage"))))
    assert (seen["cardId"], seen["successor"]) == (new["id"], None)
    assert seen["predecessors"] == [
        {"cardId": card["id"], "lastFourDigits": card["lastFourDigits"], "relation": "consolidation",
         "at": new["createdAt"]}
        for card in sorted(cards, key=lambda card: str(card["id"]))
    ]  # fmt: skip
    old = fits("LineageResponse", good(await shop.get(card_path(cards[0], "lineage"))))
    assert old == {
        "cardId": cards[0]["id"],
        "predecessors": [],
        "successor": {"cardId": new["id"], "lastFourDigits": new["lastFourDigits"], "relation": "consolidation",
                      "at": new["createdAt"]},
    }  # fmt: skip
    alone = await shop.active()
    assert good(await shop.get(card_path(alone, "lineage"))) == {
        "cardId": alone["id"], "predecessors": [], "successor": None,
    }  # fmt: skip


# ── one customer ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"customerEmail": EMAIL}, {"customerEmail": "Ada@Example.com"}, True),
        ({"customerPhone": "+4930901820"}, {"customerPhone": "+49 30 901820"}, True),
        ({"customerEmail": EMAIL, "customerPhone": "+4930901820"}, {"customerPhone": "+4930901820"}, True),
        ({"customerEmail": EMAIL}, {"customerEmail": "eva@example.com"}, False),
        ({"customerEmail": EMAIL}, {"customerPhone": "+4930901820"}, False),
        ({"customerEmail": EMAIL}, {}, False),
        ({}, {}, False),
        ({"customerName": "Ada"}, {"customerName": "Ada"}, False),
    ],
)
async def test_the_cards_belong_to_one_customer(shop: Shop, one: Body, other: Body, same: bool) -> None:
    cards = [await shop.active("1.00", **one), await shop.active("1.00", **other)]
    answer = await consolidate(shop, *cards)
    if same:
        good(answer)
    else:
        assert good(answer, 400)["code"] == "different_customers"


async def test_a_customer_id_is_enough(shop: Shop) -> None:
    cards = [await shop.active("1.00") for _ in range(2)]
    ada = new_id()
    for card, email in zip(cards, ("one@example.com", "two@example.com"), strict=True):
        await shop.shift(card, customer_id=ada, customer_email=email)
    assert good(await consolidate(shop, *cards))["newCard"]["customerId"] == ada


# ── refusals ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [one for one in STATUSES if one != "active"])
async def test_one_card_that_is_not_active_spoils_it_for_all(shop: Shop, status: str) -> None:
    cards = [*await a_pair(shop), await shop.card_in(status, customerEmail=EMAIL)]
    before = [await shop.snapshot(card) for card in cards]
    refused = good(await consolidate(shop, *cards), 400)
    assert (refused["code"], refused["status"], refused["cardId"]) == ("card_not_active", status, cards[2]["id"])
    assert [await shop.snapshot(card) for card in cards] == before


async def test_together_they_hold_no_more_than_one_card_may(shop: Shop) -> None:
    one, other = [await shop.active("5000.00", customerEmail=EMAIL) for _ in range(2)]
    good(await shop.reload(one, "0.01"))
    refused = good(await consolidate(shop, one, other), 400)
    assert (refused["code"], refused["total"], refused["maxBalance"]) == (
        "max_balance_exceeded",
        "10000.01",
        "10000.00",
    )
    good(await shop.redeem(one, "0.01"))
    assert good(await consolidate(shop, one, other))["newCard"]["balance"] == "10000.00"


async def test_ten_cards_at_most_and_two_at_least_and_none_twice(shop: Shop) -> None:
    cards = [await shop.active("1.00", customerEmail=EMAIL) for _ in range(11)]
    for wrong in (cards, cards[:1], []):
        assert good(await consolidate(shop, *wrong), 422)["detail"][0]["loc"] == ["body", "cardNumbers"]
    number = cards[0]["cardNumber"]
    for twice in ([number, number], [number, f"{number[:4]} {number[4:]}"], [number, cards[1]["cardNumber"], number]):
        refused = good(await consolidate(shop, cardNumbers=twice), 422)
        assert (refused["code"], refused["detail"][0]["loc"]) == ("cards_not_unique", ["body", "cardNumbers"])
        assert number not in str(refused)
    assert good(await consolidate(shop, *cards[:10]))["totalConsolidatedAmount"] == "10.00"


async def test_an_unknown_card_is_unknown(shop: Shop) -> None:
    one, _ = await a_pair(shop)
    elsewhere = await shop.active(program_id=await shop.program(), customerEmail=EMAIL)
    test = await shop.active(token=await shop.key(is_test=True), customerEmail=EMAIL)
    for other in ({"cardNumber": "4000"}, elsewhere, test):
        assert good(await consolidate(shop, one, other), 404)["code"] == "card_not_found"


async def test_the_new_card_is_for_the_owner_or_an_admitted_merchant(shop: Shop) -> None:
    merchant_id, _ = await shop.admitted()
    assert (
        good(await consolidate(shop, *(await a_pair(shop)), merchantId=merchant_id))["newCard"]["merchantId"]
        == merchant_id
    )
    refused = good(await consolidate(shop, *(await a_pair(shop)), merchantId=UNKNOWN), 400)
    assert refused["code"] == "merchant_not_admitted"


@pytest.mark.parametrize(
    ("member", "value"),
    [("customerEmail", "x"), ("customerName", "x" * 256), ("senderName", "x" * 256), ("referenceId", "x" * 101),
     ("description", "x" * 501), ("customMessage", "x" * 501), ("designTemplate", "x" * 101), ("isPhysical", []),
     ("merchantId", "x"), ("cardNumbers", "4000"), ("cardNumbers", [1, 2]), ("cardNumbers", ["4" * 21, "4000"])],
)  # fmt: skip
async def test_a_wrong_member_is_named(shop: Shop, member: str, value: object) -> None:
    refused = good(await consolidate(shop, *(await a_pair(shop)), **{member: value}), 422)
    assert refused["detail"][0]["loc"][:2] == ["body", member]


async def test_the_expiry_is_the_latest_even_where_it_is_never(shop: Shop) -> None:
    one, other = await a_pair(shop)
    await shop.shift(one, expires_at=clock.NEVER)
    assert good(await consolidate(shop, one, other))["newCard"]["expiresAt"] == "9999-12-31T23:59:59Z"


async def test_a_hold_that_is_over_is_no_obstacle(shop: Shop) -> None:
    one, other = await a_pair(shop)
    for card in (one, other):
        await shop.age_hold(await shop.hold(card, "1.00"), days=7)
    good(await consolidate(shop, one, other))


# ── keys and references ────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_key_means_one_consolidation_of_these_cards_in_any_order(shop: Shop) -> None:
    one, other = await a_pair(shop)
    key, cards = {"key": new_id()}, [one, other]
    first = await consolidate(shop, *cards, options=key)
    again = await consolidate(shop, *cards[::-1], options=key)
    assert (again.content, again.headers["idempotent-replayed"]) == (good(first) and first.content, "true")
    assert good(await consolidate(shop, *cards, description="x", options=key), 422)["code"] == "idempotency_key_reused"
    # With other cards it is another operation.
    good(await consolidate(shop, *(await a_pair(shop)), options=key))
    assert good(await consolidate(shop, *cards), 400)["status"] == "voided"


async def test_a_reference_that_was_reversed_first_consolidates_nothing(shop: Shop) -> None:
    one, other = await a_pair(shop)
    good(await shop.reverse(max(one, other, key=lambda card: str(card["id"])), referenceId="order-77"))
    assert good(await consolidate(shop, one, other, referenceId="order-77"), 400)["code"] == "already_reversed"


async def test_all_of_it_proves_itself(shop: Shop) -> None:
    await shop.verified()
