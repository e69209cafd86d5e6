"""Replacement: a new number and code for a lost card, with the same money, and the old number is dead."""

from datetime import timedelta
from typing import Any

import pytest
from tests.api.entries import entry, newest, said
from tests.api.shop import Body, Fits, Shop, card_path, good

from kado import clock
from kado.access.permissions import OF_KEYS, Permission, Role
from kado.ids import new_id

NEW = {"id", "cardNumber", "lastFourDigits", "card", "createdAt", "updatedAt"}


async def replaced(shop: Shop, card: Body, **members: Any) -> Body:
    return good(await shop.post(card_path(card, "replace"), {"reason": "Lost at sea", **members}), 201)


async def test_the_money_is_on_a_new_card_and_the_old_one_is_voided(shop: Shop, fits: Fits) -> None:
    card = await shop.active("100.00", customerEmail="ada@example.com", designTemplate="plain", senderName="Ida")
    await shop.sold(card, "40.00")
    answer = fits("ReplaceResponse", await replaced(shop, card))
    new = answer["newCard"]
    assert {name: answer[name] for name in answer if name not in ("newCard", "transactionIds")} == {
        "success": True,
        "message": f"The card ending {card['lastFourDigits']} is replaced by the one ending {new['lastFourDigits']}.",
        "voidedCardId": card["id"],
        "transferredAmount": "60.00",
    }
    assert {name for name in new if new[name] != card[name]} <= NEW | {"balance"}
    assert (new["balance"], new["status"]) == ("60.00", "active")
    assert new == await shop.look(new)
    leaves, (arrives,) = await newest(shop, fits, card), await shop.entries(new)
    assert answer["transactionIds"] == [leaves["id"], arrives["id"]]
    assert said(leaves) == entry(
        transactionType="TRANSFER_OUT", amount="-60.00", balanceBefore="60.00", description="Lost at sea"
    )
    assert said(arrives) == entry(
        transactionType="TRANSFER_IN",
        amount="60.00",
        balanceAfter="60.00",
        description=f"Replaces the card ending {card['lastFourDigits']}",
    )
    old = await shop.look(card)
    assert (old["status"], old["balance"]) == ("voided", "0.00")
    lineage = good(await shop.get(card_path(card, "lineage")))
    assert (lineage["successor"]["cardId"], lineage["successor"]["relation"]) == (new["id"], "replacement")


async def test_the_old_code_opens_nothing_on_the_new_card_and_the_old_number_spends_nothing(shop: Shop) -> None:
    card = await shop.active("10.00", customerEmail="ada@example.com")
    code = await shop.code_of(card)
    new = (await replaced(shop, card))["newCard"]
    assert (await shop.check(new, code)).status_code == 404
    seen = good(await shop.check(card, code))
    assert (seen["status"], seen["isActive"], seen["balance"]) == ("voided", False, "0.00")
    assert good(await shop.redeem(card), 400)["status"] == "voided"
    assert good(await shop.transfer(card, new, code=code), 400)["status"] == "voided"
    good(await shop.redeem(new, "10.00"))


@pytest.mark.parametrize(
    ("given", "recipient", "kept"),
    [
        ({}, "ada@example.com", ("ada@example.com", "+4930901820")),
        ({"customerEmail": "new@example.com"}, "new@example.com", ("new@example.com", "+4930901820")),
        ({"customerPhone": "+4930901821"}, "+4930901821", ("ada@example.com", "+4930901821")),
        ({"customerEmail": "new@example.com", "customerPhone": "+4930901821"}, "new@example.com",
         ("new@example.com", "+4930901821")),
    ],
)  # fmt: skip
async def test_the_new_code_goes_where_it_was_asked_to(
    shop: Shop, given: Body, recipient: str, kept: tuple[str, str]
) -> None:
    card = await shop.active(customerEmail="ada@example.com", customerPhone="+4930901820")
    new = (await replaced(shop, card, **given))["newCard"]
    (message,) = await shop.messages(new)
    assert (message["recipient"], message["channel"]) == (recipient, "sms" if recipient.startswith("+") else "email")
    assert (new["customerEmail"], new["customerPhone"]) == kept
    code, *told = await shop.messages(card)
    assert code["state"] == "superseded"
    # Whoever received the card's mail so far learns that a code went elsewhere.
    elsewhere = [("code_sent_elsewhere", "ada@example.com")] if given else []
    assert [(one["kind"], one["recipient"]) for one in told] == elsewhere


async def test_a_delivery_of_another_day_waits_on_for_the_new_card(shop: Shop) -> None:
    day = clock.text(await shop.now() + timedelta(days=3))
    card = await shop.issue(customerEmail="ada@example.com", deliverAt=day)
    new = (await replaced(shop, card))["newCard"]
    (message,) = await shop.messages(new)
    assert (new["deliverAt"], clock.text(message["next_attempt_at"])) == (day, day)


async def test_a_pending_card_is_replaced_by_a_pending_one(shop: Shop, fits: Fits) -> None:
    card = await shop.issue("25.00")
    answer = await replaced(shop, card, isPhysical=True)
    new = answer["newCard"]
    assert (new["status"], new["balance"], new["initialValue"], new["isPhysical"]) == ("pending", "0.00", "25.00", True)
    assert answer["transferredAmount"] == "0.00"
    assert (await newest(shop, fits, card))["transactionType"] == "VOID"
    assert (await newest(shop, fits, new))["transactionType"] == "PURCHASE"
    assert good(await shop.post(card_path(new, "activate"), {}))["balance"] == "25.00"


@pytest.mark.parametrize("was", ["pending", "active"])
async def test_a_suspension_ends_with_the_old_card(shop: Shop, was: str) -> None:
    card = await shop.card_in(was)
    good(await shop.post(card_path(card, "suspend"), {"reason": "lost"}))
    new = (await replaced(shop, card))["newCard"]
    assert (new["status"], new["suspendedReason"], new["suspendedAt"]) == (was, None, None)


@pytest.mark.parametrize(("status", "code"), [("depleted", "card_not_active"), ("voided", "card_not_active"),
                                               ("expired", "card_expired")])  # fmt: skip
async def test_what_has_nothing_to_save_is_not_replaced(shop: Shop, status: str, code: str) -> None:
    card = await shop.card_in(status)
    before = await shop.snapshot(card)
    refused = good(await shop.post(card_path(card, "replace"), {"reason": "lost"}), 400)
    assert (refused["code"], refused["status"]) == (code, status)
    assert await shop.snapshot(card) == before


async def test_a_suspended_card_without_money_is_not_replaced(shop: Shop) -> None:
    card = await shop.card_in("depleted")
    good(await shop.post(card_path(card, "suspend"), {"reason": "lost"}))
    refused = good(await shop.post(card_path(card, "replace"), {"reason": "lost"}), 400)
    assert (refused["code"], refused["status"]) == ("card_not_active", "depleted")


async def test_the_maximum_of_the_old_card_is_that_of_the_new(shop: Shop) -> None:
    program = await shop.program()
    card = await shop.active("9000.00", program_id=program)
    lower = {"maxBalance": "500.00", "maxInitialValue": "500.00"}
    good(await shop.call("PUT", f"/v2/loyalty/programs/{program}", lower))
    new = (await replaced(shop, card))["newCard"]
    assert new["balance"] == "9000.00"
    assert good(await shop.reload(new, "1000.00"))["balance"] == "10000.00"


@pytest.mark.parametrize(
    ("member", "value"),
    [("reason", None), ("reason", ""), ("reason", "x" * 501), ("customerEmail", "x"), ("customerPhone", "x"),
     ("isPhysical", [])],
)  # fmt: skip
async def test_a_wrong_member_is_named(shop: Shop, member: str, value: object) -> None:
    body = {"reason": "lost", member: value}
    refused = good(await shop.post(card_path(await shop.active(), "replace"), body), 422)
    assert refused["detail"][0]["loc"][:2] == ["body", member]


async def test_a_code_to_another_contact_takes_the_right_to_send_one_there(shop: Shop) -> None:
    token = await shop.key(scopes=OF_KEYS[Role.OWNER] - {Permission.CARDS_RESEND_ELSEWHERE})
    card = await shop.active(customerEmail="ada@example.com")
    body = {"reason": "lost", "customerEmail": "mallory@example.com"}
    assert good(await shop.post(card_path(card, "replace"), body, token=token), 403)["code"] == "permission_denied"
    good(await shop.post(card_path(card, "replace"), {"reason": "lost"}, token=token), 201)


async def test_a_key_means_one_replacement(shop: Shop) -> None:
    card, key = await shop.active("10.00"), new_id()
    first, again = [await shop.post(card_path(card, "replace"), {"reason": "lost"}, key=key) for _ in range(2)]
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    other = await shop.post(card_path(card, "replace"), {"reason": "stolen"}, key=key)
    assert good(other, 422)["code"] == "idempotency_key_reused"
    assert good(await shop.post(card_path(card, "replace"), {"reason": "lost"}), 400)["status"] == "voided"


async def test_all_of_it_proves_itself(shop: Shop) -> None:
    await shop.verified()
