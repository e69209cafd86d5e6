"""When a card's code leaves, and whose card it is."""

from datetime import timedelta
from typing import Any

import pytest
from tests.api.entries import entry, newest, said
from tests.api.shop import STATUSES, Body, Fits, Shop, card_path, good
from tests.api.sign_in import signed_in

from kado import clock
from kado.cards.codes import mark_delivered
from kado.ids import new_id

# ── schedule ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def schedule(shop: Shop, card: Body, at: object, **options: Any) -> Any:
    return await shop.call("PATCH", card_path(card, "schedule"), {"deliverAt": at}, **options)


async def queued(shop: Shop, card: Body) -> list[tuple[str, str]]:
    """Recipient and time of what is still to be sent."""
    waiting = [one for one in await shop.messages(card) if one["state"] == "queued"]
    return [(one["recipient"], clock.text(one["next_attempt_at"])) for one in waiting]


async def test_a_delivery_is_moved_to_another_day(shop: Shop, fits: Fits) -> None:
    now = await shop.now()
    first, second = [clock.text(now + timedelta(days=days)) for days in (3, 5)]
    card = await shop.issue(customerEmail="ada@example.com", senderName="Ida", customMessage="Hi", deliverAt=first)
    moved = fits("GiftCardResponse", good(await schedule(shop, card, second)))
    assert moved == card | {"deliverAt": second, "updatedAt": moved["updatedAt"]}
    assert await queued(shop, card) == [("ada@example.com", second)]
    (waiting,) = [one for one in await shop.messages(card) if one["state"] == "queued"]
    assert (waiting["kind"], waiting["sender_name"], waiting["custom_message"]) == ("security_code", "Ida", "Hi")
    assert len(await shop.entries(card)) == 1


async def test_a_plan_taken_back_sends_nothing_until_it_is_asked_for(shop: Shop) -> None:
    at = clock.text(await shop.now() + timedelta(days=3))
    card = await shop.issue(customerEmail="ada@example.com", deliverAt=at)
    for body in ({"deliverAt": None}, {}):
        answer = await shop.call("PATCH", card_path(card, "schedule"), body)
        assert good(answer)["deliverAt"] is None
        assert await queued(shop, card) == []
    assert good(await schedule(shop, card, at))["deliverAt"] == at
    assert await queued(shop, card) == [("ada@example.com", at)]


async def test_a_text_message_can_be_planned_too(shop: Shop) -> None:
    at = clock.text(await shop.now() + timedelta(days=3))
    card = await shop.issue(customerPhone="+4930901820")
    good(await schedule(shop, card, at))
    assert await queued(shop, card) == [("+4930901820", at)]


async def test_the_moment_lies_ahead_and_before_the_cards_end(shop: Shop) -> None:
    card = await shop.issue(customerEmail="ada@example.com")
    before = await shop.snapshot(card)
    for at, code in (
        (clock.text(await shop.now()), "delivery_in_the_past"),
        ("2001-01-01T00:00:00Z", "delivery_in_the_past"),
        (card["expiresAt"], "delivery_after_expiry"),
        ("9999-12-31T23:59:59Z", "delivery_after_expiry"),
    ):
        refused = good(await schedule(shop, card, at), 422)
        assert (refused["code"], refused["detail"][0]["loc"]) == (code, ["body", "deliverAt"])
    assert good(await schedule(shop, card, "tomorrow"), 422)["detail"][0]["loc"] == ["body", "deliverAt"]
    assert await shop.snapshot(card) == before


async def test_a_card_without_contacts_has_no_recipient(shop: Shop) -> None:
    card = await shop.issue()
    assert (
        good(await schedule(shop, card, clock.text(await shop.now() + timedelta(days=1))), 400)["code"]
        == "no_recipient"
    )
    good(await schedule(shop, card, None))


async def test_a_card_that_was_delivered_is_not_planned_again(shop: Shop) -> None:
    card = await shop.issue(customerEmail="ada@example.com")
    await mark_delivered(shop.api.services.database, card["programId"], card["id"])
    for at in (clock.text(await shop.now() + timedelta(days=1)), None):
        assert good(await schedule(shop, card, at), 400)["code"] == "already_delivered"


async def test_a_key_means_one_plan(shop: Shop) -> None:
    card, key = await shop.issue(customerEmail="ada@example.com"), new_id()
    days = [clock.text(await shop.now() + timedelta(days=count)) for count in (1, 2)]
    first, again = [await schedule(shop, card, days[0], key=key) for _ in range(2)]
    assert (good(again), again.headers["idempotent-replayed"]) == (first.json(), "true")
    assert good(await schedule(shop, card, days[1], key=key), 422)["code"] == "idempotency_key_reused"


# ── transfer of ownership ──────────────────────────────────────────────────────────────────────────────────────────

IDA = {"newOwnerName": "Ida Rhodes", "newOwnerEmail": "ida@example.com"}


async def give(shop: Shop, card: Body, **members: Any) -> Any:
    options = {name: members.pop(name) for name in ("key", "token") if name in members}
    return await shop.post(card_path(card, "transfer-ownership"), IDA | members, **options)


async def test_only_a_customer_of_the_merchant_can_be_named_as_the_owner(shop: Shop) -> None:
    card = await shop.active("50.00")
    _, stranger = await shop.stranger()
    test_customer = await signed_in(shop, is_test=True, token=await shop.key(is_test=True))
    theirs = await signed_in(shop, token=stranger)
    before = await shop.snapshot(card)
    for customer_id in (new_id(), theirs["identity"]["id"], test_customer["identity"]["id"]):
        said = good(await give(shop, card, newCustomerId=customer_id), 422)
        assert (said["code"], said["detail"][0]["loc"]) == ("customer_not_found", ["body", "newCustomerId"])
    assert await shop.snapshot(card) == before


async def test_a_card_gets_another_owner_in_every_respect(shop: Shop, fits: Fits) -> None:
    people = {"customerEmail": "ada@example.com", "customerPhone": "+4930901820", "customerName": "Ada",
              "senderName": "Charles", "customMessage": "For Ada"}  # fmt: skip
    card = await shop.active("50.00", **people)
    customer_id = (await signed_in(shop))["identity"]["id"]
    answer = await give(shop, card, newCustomerId=customer_id, referenceId="order-4")
    given = fits("GiftCardResponse", good(answer))
    assert given == card | {
        "customerId": customer_id,
        "customerName": "Ida Rhodes",
        "customerEmail": "ida@example.com",
        "customerPhone": None,
        "senderName": None,
        "customMessage": None,
        "updatedAt": given["updatedAt"],
    }
    assert said(await newest(shop, fits, card)) == entry(
        transactionType="OWNERSHIP_TRANSFER",
        balanceBefore="50.00",
        balanceAfter="50.00",
        referenceId="order-4",
        description="Ownership transferred",
    )


async def test_the_new_owner_is_sent_a_code_and_the_old_one_is_told(shop: Shop) -> None:
    card = await shop.active(customerEmail="ada@example.com", senderName="Charles", customMessage="For Ada")
    code = await shop.code_of(card)
    good(await give(shop, card))
    waiting = [one for one in await shop.messages(card) if one["state"] == "queued"]
    assert [(one["kind"], one["recipient"], one["sender_name"], one["custom_message"]) for one in waiting] == [
        ("security_code", "ida@example.com", None, None),
        ("code_sent_elsewhere", "ada@example.com", None, None),
    ]
    # The first code, which waited for the old owner, is not sent any more; the one they know is void.
    assert (await shop.check(card, code)).status_code == 404
    good(await shop.check(card, await shop.code_of(card)))


async def test_what_was_planned_for_the_old_owner_never_leaves(shop: Shop) -> None:
    at = clock.text(await shop.now() + timedelta(days=3))
    card = await shop.active(customerEmail="ada@example.com", deliverAt=at)
    good(await give(shop, card))
    kinds = [(one["recipient"], one["kind"]) for one in await shop.messages(card) if one["state"] == "queued"]
    assert ("ada@example.com", "security_code") not in kinds
    assert ("ida@example.com", "security_code") in kinds


async def test_a_customer_id_that_is_not_given_is_gone(shop: Shop) -> None:
    card = await shop.active()
    await shop.shift(card, customer_id=new_id())
    assert good(await give(shop, card))["customerId"] is None


@pytest.mark.parametrize("status", [one for one in STATUSES if one != "active"])
async def test_only_an_active_card_is_given_away(shop: Shop, status: str) -> None:
    card = await shop.card_in(status)
    before = await shop.snapshot(card)
    refused = good(await give(shop, card), 400)
    assert (refused["code"], refused["status"]) == (
        "card_expired" if status == "expired" else "card_not_active",
        status,
    )
    assert await shop.snapshot(card) == before


async def test_new_owners_come_within_the_limits_of_new_codes(shop: Shop) -> None:
    card = await shop.active()
    for number in range(3):
        good(await give(shop, card, newOwnerEmail=f"ida{number}@example.com"))
    answer = await give(shop, card)
    assert good(answer, 429)["code"] == "resend_limit_reached"
    assert int(answer.headers["retry-after"]) > 0


async def test_a_locked_card_is_open_to_its_new_owner(shop: Shop) -> None:
    card = await shop.active()
    code = await shop.code_of(card)
    wrong = next(one for one in ("000000", "111111") if one != code)
    while (await shop.check(card, wrong)).status_code != 429:
        pass
    good(await give(shop, card))
    good(await shop.check(card, await shop.code_of(card)))


@pytest.mark.parametrize(
    ("member", "value"),
    [("newOwnerName", None), ("newOwnerName", ""), ("newOwnerName", "x" * 256), ("newOwnerName", "a\nb"),
     ("newOwnerEmail", None), ("newOwnerEmail", "x"), ("newCustomerId", "x"), ("referenceId", "x" * 101)],
)  # fmt: skip
async def test_a_wrong_member_is_named(shop: Shop, member: str, value: object) -> None:
    answer = await give(shop, await shop.active(), **{member: value})
    assert good(answer, 422)["detail"][0]["loc"] == ["body", member]


async def test_a_key_means_one_change_of_owner(shop: Shop) -> None:
    card, key = await shop.active(), new_id()
    first, again = [await give(shop, card, key=key) for _ in range(2)]
    assert (good(again), again.headers["idempotent-replayed"]) == (first.json(), "true")
    assert good(await give(shop, card, newOwnerName="Eva", key=key), 422)["code"] == "idempotency_key_reused"


async def test_all_of_it_proves_itself(shop: Shop) -> None:
    await shop.verified()
