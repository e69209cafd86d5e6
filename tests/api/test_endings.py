"""How cards end: void, and what becomes of one whose time is over."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.api.entries import entry, newest, said
from tests.api.shop import STATUSES, Body, Fits, Shop, card_path, good

from kado import clock
from kado.ids import new_id


async def processed(shop: Shop, card: Body, action: str, **members: Any) -> Body:
    answer = await shop.post(card_path(card, "process-expired"), {"action": action, **members})
    return good(answer)


# ── void ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "written_off"),
    [("pending", "0.00"), ("active", "100.00"), ("depleted", "0.00"), ("suspended", "100.00"), ("expired", "100.00")],
)
async def test_a_void_writes_off_what_is_on_the_card(shop: Shop, fits: Fits, status: str, written_off: str) -> None:
    card = await shop.card_in(status)
    body = {"reason": "Paid out", "refundReference": "cash-9"}
    answer = fits("ExpiredCardProcessingResponse", good(await shop.post(card_path(card, "void"), body)))
    latest = await newest(shop, fits, card)
    assert answer == {
        "success": True,
        "cardId": card["id"],
        "action": "void",
        "message": f"The card is voided; {written_off} USD were written off.",
        "newExpiresAt": None,
        "transactionId": latest["id"],
    }
    assert said(latest) == entry(
        transactionType="VOID",
        amount="0.00" if written_off == "0.00" else f"-{written_off}",
        balanceBefore=written_off,
        referenceId="cash-9",
        description="Paid out",
    )
    seen = await shop.look(card)
    assert (seen["status"], seen["balance"]) == ("voided", "0.00")


@pytest.mark.parametrize(
    ("member", "value"),
    [("reason", None), ("reason", ""), ("reason", "x" * 1001), ("refundReference", "x" * 101)],
)
async def test_a_wrong_member_of_a_void_is_named(shop: Shop, member: str, value: object) -> None:
    body = {"reason": "lost", member: value}
    refused = good(await shop.post(card_path(await shop.active(), "void"), body), 422)
    assert refused["detail"][0]["loc"] == ["body", member]


# ── an expired card ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_expiry_writes_no_entry_and_keeps_the_balance(shop: Shop) -> None:
    card = await shop.active("100.00")
    await shop.expire(card)
    seen = await shop.look(card)
    assert (seen["status"], seen["balance"], len(await shop.entries(card))) == ("expired", "100.00", 2)


@pytest.mark.parametrize(
    ("action", "words", "description"),
    [
        ("refund", "recorded as paid out", "Expired card: balance paid out"),
        ("void", "written off", "Expired card: balance written off"),
    ],
)
async def test_what_was_on_an_expired_card_is_paid_out_or_written_off(
    shop: Shop, fits: Fits, action: str, words: str, description: str
) -> None:
    card = await shop.card_in("expired", "80.00")
    answer = fits("ExpiredCardProcessingResponse", await processed(shop, card, action, refundReference="cash-3"))
    latest = await newest(shop, fits, card)
    assert answer == {
        "success": True,
        "cardId": card["id"],
        "action": action,
        "message": f"The card is voided; 80.00 USD were {words}.",
        "newExpiresAt": None,
        "transactionId": latest["id"],
    }
    assert said(latest) == entry(
        transactionType="VOID",
        amount="-80.00",
        balanceBefore="80.00",
        referenceId="cash-3",
        description=description,
    )
    seen = await shop.look(card)
    assert (seen["status"], seen["balance"]) == ("voided", "0.00")


async def test_an_extension_writes_no_entry_and_counts_from_now(shop: Shop, fits: Fits) -> None:
    card = await shop.active("80.00")
    await shop.shift(card, expires_at=await shop.now() - timedelta(days=400))
    before = await shop.now()
    answer = fits("ExpiredCardProcessingResponse", await processed(shop, card, "extend", extensionDays=30))
    seen = await shop.look(card)
    assert answer == {
        "success": True,
        "cardId": card["id"],
        "action": "extend",
        "message": f"The card is valid until {seen['expiresAt']}.",
        "newExpiresAt": seen["expiresAt"],
        "transactionId": None,
    }
    until = datetime.fromisoformat(seen["expiresAt"]) - timedelta(days=30)
    assert before <= until <= await shop.now()
    assert (seen["status"], seen["balance"], len(await shop.entries(card))) == ("active", "80.00", 2)
    good(await shop.redeem(card, "80.00"))


@pytest.mark.parametrize("days", [1, 730])
async def test_the_bounds_of_an_extension_are_allowed(shop: Shop, days: int) -> None:
    await processed(shop, await shop.card_in("expired"), "extend", extensionDays=days)


async def test_without_days_a_card_gets_the_programs_months(shop: Shop) -> None:
    card = await shop.active(program_id=await shop.program(expiryMonths=3))
    await shop.expire(card)
    answer = await processed(shop, card, "extend", extensionDays=None)
    until, now = datetime.fromisoformat(answer["newExpiresAt"]), await shop.now()
    assert clock.add_months(now - timedelta(minutes=1), 3) < until <= clock.add_months(now, 3)


@pytest.mark.parametrize("was", ["pending", "depleted", "suspended"])
async def test_an_extended_card_is_again_what_it_was(shop: Shop, was: str) -> None:
    card = await shop.card_in(was)
    await shop.expire(card)
    await processed(shop, card, "extend")
    assert (await shop.look(card))["status"] == was


async def test_a_pending_card_that_expired_is_voided_with_nothing(shop: Shop) -> None:
    card = await shop.issue()
    await shop.expire(card)
    assert (await processed(shop, card, "void"))["message"] == "The card is voided; 0.00 USD were written off."


@pytest.mark.parametrize("action", ["extend", "refund", "void"])
@pytest.mark.parametrize("status", [one for one in STATUSES if one != "expired"])
async def test_only_an_expired_card_is_processed(shop: Shop, status: str, action: str) -> None:
    card = await shop.card_in(status)
    before = await shop.snapshot(card)
    refused = good(await shop.post(card_path(card, "process-expired"), {"action": action}), 400)
    if status == "voided":
        assert (refused["code"], refused["status"]) == ("card_not_active", "voided")
    else:
        assert (refused["code"], refused["status"]) == ("card_not_expired", status)
        assert refused["expiresAt"] == card["expiresAt"]
    assert await shop.snapshot(card) == before


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("action", None), ("action", "extend\n"), ("action", "EXTEND"), ("action", ""), ("action", "redeem"),
        ("extensionDays", 0), ("extensionDays", 731), ("extensionDays", 1.5), ("extensionDays", "x"),
        ("extensionDays", True), ("refundReference", "x" * 101),
    ],
)  # fmt: skip
async def test_a_wrong_member_is_named(shop: Shop, member: str, value: object) -> None:
    card = await shop.card_in("expired")
    refused = good(await shop.post(card_path(card, "process-expired"), {"action": "extend", member: value}), 422)
    assert refused["detail"][0]["loc"] == ["body", member]


async def test_a_key_means_one_processing(shop: Shop) -> None:
    card, key = await shop.card_in("expired"), new_id()
    path, body = card_path(card, "process-expired"), {"action": "extend", "extensionDays": 5}
    first, again = [await shop.post(path, body, key=key) for _ in range(2)]
    assert (good(again), again.headers["idempotent-replayed"]) == (first.json(), "true")
    assert good(await shop.post(path, body | {"extensionDays": 6}, key=key), 422)["code"] == "idempotency_key_reused"
    assert good(await shop.post(path, body), 400)["code"] == "card_not_expired"


async def test_all_of_it_proves_itself(shop: Shop) -> None:
    await shop.verified()
