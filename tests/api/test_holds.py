"""Holds: money set aside for an order; nothing else can spend it until it is captured, let go, or its time is over."""

from datetime import datetime

import pytest
from tests.api.entries import entry, newest, said
from tests.api.shop import STATUSES, UNKNOWN, Body, Fits, Shop, card_path, good

from kado.access.permissions import Role
from kado.cards.expired_holds import let_expired_holds_go
from kado.ids import new_id

TILL = {"posTransactionId": "POS-1", "cashierId": "C-7", "terminalId": "T-2", "description": "Two roses"}


def hold_path(hold: Body, action: str = "") -> str:
    path = card_path({"programId": hold["programId"], "id": hold["giftCardId"]}, f"holds/{hold['id']}")
    return f"{path}/{action}" if action else path


async def available(shop: Shop, card: Body) -> str:
    return str((await shop.get(card_path(card))).headers["kado-available-balance"])


# ── place ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_hold_sets_money_aside_and_writes_no_entry(shop: Shop, fits: Fits) -> None:
    card = await shop.active("100.00")
    hold = fits("HoldResponse", await shop.hold(card, "40.00", orderReference="order-77", **TILL))
    assert hold == {
        "id": hold["id"],
        "giftCardId": card["id"],
        "programId": shop.program_id,
        "merchantId": shop.merchant_id,
        "status": "open",
        "amount": "40.00",
        "capturedAmount": "0.00",
        "orderReference": "order-77",
        **TILL,
        "createdAt": hold["createdAt"],
        "expiresAt": hold["expiresAt"],
        "endedAt": None,
        "availableBalance": "60.00",
    }
    lasts = datetime.fromisoformat(hold["expiresAt"]) - datetime.fromisoformat(hold["createdAt"])
    assert lasts.total_seconds() == 7 * 86_400
    assert len(await shop.entries(card)) == 2
    assert ((await shop.look(card))["balance"], await available(shop, card)) == ("100.00", "60.00")


@pytest.mark.parametrize("seconds", [60, 2_592_000])
async def test_a_hold_lasts_as_long_as_it_is_asked_to(shop: Shop, seconds: int) -> None:
    hold = await shop.hold(await shop.active(), expiresInSeconds=seconds)
    lasts = datetime.fromisoformat(hold["expiresAt"]) - datetime.fromisoformat(hold["createdAt"])
    assert lasts.total_seconds() == seconds


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("expiresInSeconds", 59), ("expiresInSeconds", 2_592_001), ("expiresInSeconds", "60"),
        ("expiresInSeconds", 60.5), ("expiresInSeconds", True), ("expiresInSeconds", None),
        ("orderReference", ""), ("orderReference", "x" * 101), ("orderReference", None), ("orderReference", "a\nb"),
        ("amount", "0.00"), ("amount", "0.001"), ("amount", None), ("posTransactionId", "x" * 101),
        ("cashierId", "x" * 51), ("terminalId", "x" * 51), ("description", "x" * 501),
    ],
)  # fmt: skip
async def test_a_wrong_member_is_named(shop: Shop, member: str, value: object) -> None:
    card = await shop.active()
    body = {"amount": "1.00", "orderReference": "order-1", member: value}
    refused = good(await shop.post(card_path(card, "holds"), body), 422)
    assert refused["detail"][0]["loc"][:2] == ["body", member]


async def test_more_than_is_available_is_not_held(shop: Shop) -> None:
    card = await shop.active("100.00")
    await shop.hold(card, "60.00")
    for amount in ("40.01", "99999999999"):
        body = {"amount": amount, "orderReference": "order-2"}
        refused = good(await shop.post(card_path(card, "holds"), body), 400)
        assert (refused["code"], refused["availableBalance"]) == ("insufficient_balance", "40.00")
    assert (await shop.hold(card, "40.00"))["availableBalance"] == "0.00"


async def test_a_programs_limit_on_redemptions_is_one_on_holds(shop: Shop) -> None:
    card = await shop.active(program_id=await shop.program(maxRedeem="10.00"))
    body = {"amount": "10.01", "orderReference": "order-1"}
    refused = good(await shop.post(card_path(card, "holds"), body), 400)
    assert (refused["code"], refused["maxAmount"]) == ("amount_over_limit", "10.00")


async def test_a_card_has_a_hundred_open_holds_at_most(shop: Shop) -> None:
    card = await shop.active("10.00")
    holds = [await shop.hold(card, "0.01", orderReference=f"order-{number}") for number in range(100)]
    body = {"amount": "0.01", "orderReference": "order-100"}
    refused = good(await shop.post(card_path(card, "holds"), body), 400)
    assert (refused["code"], refused["maxHolds"]) == ("too_many_holds", 100)
    assert await available(shop, card) == "9.00"
    good(await shop.post(hold_path(holds[0], "release"), {}))
    await shop.hold(card, "0.01", orderReference="order-100")


# ── what is held cannot be spent ───────────────────────────────────────────────────────────────────────────────────


async def test_no_operation_spends_what_is_held(shop: Shop) -> None:
    email = "held@example.com"
    card, other = await shop.active("100.00", customerEmail=email), await shop.active("5.00", customerEmail=email)
    await shop.hold(card, "99.00")
    short = [await shop.redeem(card, "1.01"), await shop.transfer(card, other, "1.01")]
    for answer in short:
        refused = good(answer, 400)
        assert (refused["code"], refused["availableBalance"]) == ("insufficient_balance", "1.00")
    consolidate = f"/v2/giftcards/programs/{shop.program_id}/consolidate"
    numbers = [card["cardNumber"], other["cardNumber"]]
    for path, body in (
        (card_path(card, "void"), {"reason": "lost"}),
        (card_path(card, "replace"), {"reason": "lost"}),
        (consolidate, {"cardNumbers": numbers, "merchantId": shop.merchant_id}),
    ):
        refused = good(await shop.post(path, body), 400)
        assert (refused["code"], refused["cardId"]) == ("card_has_holds", card["id"])
    await shop.expire(card)
    for action in ("void", "refund"):
        answer = await shop.post(card_path(card, "process-expired"), {"action": action})
        assert good(answer, 400)["code"] == "card_has_holds"


async def test_what_is_not_held_can_be_spent_to_the_last_cent(shop: Shop) -> None:
    card, other = await shop.active("100.00"), await shop.active()
    await shop.hold(card, "98.00")
    good(await shop.redeem(card, "1.00"))
    good(await shop.transfer(card, other, "1.00"))
    assert ((await shop.look(card))["status"], await available(shop, card)) == ("active", "0.00")


# ── capture ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_capture_is_a_redemption_of_all_that_is_held(shop: Shop, fits: Fits) -> None:
    card = await shop.active("100.00")
    hold = await shop.hold(card, "40.00", orderReference="order-8", **TILL)
    answer = fits("CaptureResponse", good(await shop.post(hold_path(hold, "capture"), {})))
    latest = await newest(shop, fits, card)
    after = {"status": "captured", "capturedAmount": "40.00", "endedAt": latest["createdAt"]}
    assert answer == {
        "success": True,
        "message": "Captured 40.00 USD; 60.00 USD left on the card.",
        "transactionId": latest["id"],
        "giftCardId": card["id"],
        "amountRedeemed": "40.00",
        "remainingBalance": "60.00",
        "availableBalance": "60.00",
        "hold": hold | after,
    }
    assert said(latest) == entry(
        transactionType="REDEMPTION",
        amount="-40.00",
        balanceBefore="100.00",
        balanceAfter="60.00",
        referenceId="order-8",
        **TILL,
    )


async def test_a_part_is_captured_and_the_rest_let_go(shop: Shop) -> None:
    card = await shop.active("100.00")
    hold = await shop.hold(card, "40.00")
    other = {"posTransactionId": "POS-3", "cashierId": "C-9", "terminalId": "T-9", "description": "One rose"}
    answer = good(await shop.post(hold_path(hold, "capture"), {"amount": "15.00", **other}))
    assert (answer["remainingBalance"], answer["availableBalance"]) == ("85.00", "85.00")
    assert (answer["hold"]["status"], answer["hold"]["capturedAmount"]) == ("captured", "15.00")
    latest = (await shop.entries(card))[0]
    assert {name: latest[name] for name in other} == other


async def test_a_part_is_captured_and_the_rest_kept(shop: Shop) -> None:
    card = await shop.active("100.00")
    hold = await shop.hold(card, "40.00")
    path = hold_path(hold, "capture")
    first = good(await shop.post(path, {"amount": "15.00", "keepRest": True}))
    assert (first["remainingBalance"], first["availableBalance"]) == ("85.00", "60.00")
    assert (first["hold"]["status"], first["hold"]["endedAt"]) == ("open", None)
    over = good(await shop.post(path, {"amount": "25.01"}), 400)
    assert (over["code"], over["heldAmount"]) == ("capture_exceeds_hold", "25.00")
    last = good(await shop.post(path, {"amount": "25.00", "keepRest": True}))
    assert (last["hold"]["status"], last["hold"]["capturedAmount"]) == ("captured", "40.00")
    assert good(await shop.post(path, {}), 400)["status"] == "captured"


async def test_everything_held_may_be_the_whole_card(shop: Shop) -> None:
    card = await shop.active("10.00")
    hold = await shop.hold(card, "10.00")
    good(await shop.post(hold_path(hold, "capture"), {}))
    assert (await shop.look(card))["status"] == "depleted"


async def test_a_capture_can_be_refunded(shop: Shop) -> None:
    card = await shop.active("10.00")
    captured = good(await shop.post(hold_path(await shop.hold(card, "4.00"), "capture"), {}))
    assert good(await shop.refund(card, captured["transactionId"]))["remainingBalance"] == "10.00"


async def test_suspension_stops_a_capture_and_no_release(shop: Shop) -> None:
    card = await shop.active("10.00")
    hold = await shop.hold(card, "4.00")
    good(await shop.post(card_path(card, "suspend"), {"reason": "lost"}))
    refused = good(await shop.post(hold_path(hold, "capture"), {}), 400)
    assert (refused["code"], refused["status"]) == ("card_not_active", "suspended")
    good(await shop.post(hold_path(hold, "release"), {}))


async def test_a_hold_taken_before_the_cards_end_is_captured_after_it(shop: Shop) -> None:
    card = await shop.active("10.00")
    hold, let_go = await shop.hold(card, "4.00"), await shop.hold(card, "1.00")
    await shop.expire(card)
    assert good(await shop.post(hold_path(hold, "capture"), {}))["remainingBalance"] == "6.00"
    good(await shop.post(hold_path(let_go, "release"), {}))
    good(await shop.post(card_path(card, "process-expired"), {"action": "void"}))


@pytest.mark.parametrize(
    ("member", "value"),
    [("amount", "0"), ("amount", "0.001"), ("keepRest", "true"), ("keepRest", 1), ("cashierId", "x" * 51)],
)
async def test_a_wrong_member_of_a_capture_is_named(shop: Shop, member: str, value: object) -> None:
    hold = await shop.hold(await shop.active())
    refused = good(await shop.post(hold_path(hold, "capture"), {member: value}), 422)
    assert refused["detail"][0]["loc"][:2] == ["body", member]


# ── release, and time ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_release_lets_the_rest_go(shop: Shop, fits: Fits) -> None:
    card = await shop.active("100.00")
    hold = await shop.hold(card, "40.00")
    good(await shop.post(hold_path(hold, "capture"), {"amount": "10.00", "keepRest": True}))
    released = fits("HoldResponse", good(await shop.post(hold_path(hold, "release"), {})))
    changed = {"status": "released", "capturedAmount": "10.00", "availableBalance": "90.00"}
    assert released == hold | changed | {"endedAt": released["endedAt"]}
    assert released["endedAt"] is not None
    for action in ("release", "capture"):
        refused = good(await shop.post(hold_path(hold, action), {}), 400)
        assert (refused["code"], refused["status"]) == ("hold_not_open", "released")


async def test_a_hold_whose_time_is_over_holds_nothing_any_more(shop: Shop, fits: Fits) -> None:
    card = await shop.active("100.00")
    hold, kept = await shop.hold(card, "40.00"), await shop.hold(card, "10.00")
    await shop.age_hold(hold, days=7)
    # Nobody has written it down yet, and everybody sees it.
    assert await available(shop, card) == "90.00"
    seen = fits("HoldResponse", good(await shop.get(hold_path(hold))))
    assert (seen["status"], seen["endedAt"], seen["availableBalance"]) == ("expired", seen["expiresAt"], "90.00")
    for action in ("capture", "release"):
        assert good(await shop.post(hold_path(hold, action), {}), 400)["status"] == "expired"
    good(await shop.redeem(card, "90.00"))
    good(await shop.post(hold_path(kept, "capture"), {}))


@pytest.mark.parametrize("action", ["redeem", "void", "replace"])
async def test_time_alone_lets_go_for_every_operation(shop: Shop, action: str) -> None:
    card = await shop.active("100.00")
    await shop.age_hold(await shop.hold(card, "100.00"), days=7)
    body = {"amount": "100.00"} if action == "redeem" else {"reason": "lost"}
    good(await shop.post(card_path(card, action), body), 201 if action == "replace" else 200)


async def test_a_refused_operation_writes_down_what_was_let_go(shop: Shop) -> None:
    card = await shop.active("100.00")
    await shop.age_hold(await shop.hold(card, "40.00"), days=7)
    assert good(await shop.redeem(card, "100.01"), 400)["availableBalance"] == "100.00"
    assert (await shop.stored(card)).held == 0


async def test_the_worker_writes_down_what_is_over(shop: Shop) -> None:
    token = await shop.key(is_test=True)
    cards = [await shop.active("100.00"), await shop.active("100.00", token=token)]
    holds = [await shop.hold(cards[0]), await shop.hold(cards[1], token=token)]
    kept = await shop.hold(cards[0], "5.00")
    for hold in holds:
        await shop.age_hold(hold, days=7)
    services = shop.api.services
    assert await let_expired_holds_go(services.database, services.ledger) >= 2
    held = [(await shop.stored(card, is_test=test)).held for card, test in zip(cards, (False, True), strict=True)]
    assert held == [500, 0]
    rows = await shop.rows("SELECT status FROM hold WHERE id = ANY($1::text[])", [hold["id"] for hold in holds])
    assert [row["status"] for row in rows] == ["expired"] * 2
    assert good(await shop.get(hold_path(kept)))["status"] == "open"
    assert await let_expired_holds_go(services.database, services.ledger) == 0


# ── looks ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_cards_holds_are_listed_newest_first(shop: Shop, fits: Fits) -> None:
    card = await shop.active("100.00")
    empty = await shop.get(card_path(card, "holds"))
    assert (empty.json(), empty.headers["x-total-count"]) == ([], "0")
    holds = [await shop.hold(card, "10.00", orderReference=f"order-{number}") for number in range(3)]
    good(await shop.post(hold_path(holds[1], "release"), {}))
    listed = await shop.get(card_path(card, "holds"))
    assert listed.headers["x-total-count"] == "3"
    bodies = [fits("HoldResponse", one) for one in listed.json()]
    assert [one["id"] for one in bodies] == [hold["id"] for hold in holds[::-1]]
    assert [one["status"] for one in bodies] == ["open", "released", "open"]
    assert {one["availableBalance"] for one in bodies} == {"80.00"}


async def test_a_hold_of_another_card_or_none_is_unknown(shop: Shop) -> None:
    card, other = await shop.active(), await shop.active()
    hold = await shop.hold(card)
    for wrong in (hold | {"giftCardId": other["id"]}, hold | {"id": UNKNOWN}):
        for answer in (
            await shop.get(hold_path(wrong)),
            await shop.post(hold_path(wrong, "capture"), {}),
            await shop.post(hold_path(wrong, "release"), {}),
        ):
            assert good(answer, 404)["code"] == "hold_not_found"
    assert (await shop.get(hold_path(hold | {"id": "x"}))).status_code == 422
    assert good(await shop.get(hold_path(hold)))["status"] == "open"


# ── who may ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_hold_is_ended_by_its_merchant_or_the_programs_owner(shop: Shop) -> None:
    _, one = await shop.admitted()
    _, other = await shop.admitted()
    card = await shop.active("100.00")
    owners, theirs = await shop.hold(card), await shop.hold(card, token=one)
    for token, hold in ((one, owners), (other, theirs), (other, owners)):
        for action in ("capture", "release"):
            answer = await shop.post(hold_path(hold, action), {}, token=token)
            assert good(answer, 404)["code"] == "hold_not_found"
    good(await shop.post(hold_path(theirs, "capture"), {"amount": "1.00", "keepRest": True}, token=one))
    good(await shop.post(hold_path(theirs, "release"), {}))
    good(await shop.post(hold_path(owners, "capture"), {}, token=await shop.key(Role.CASHIER)))


@pytest.mark.parametrize("status", [one for one in STATUSES if one != "active"])
async def test_only_an_active_card_is_held(shop: Shop, status: str) -> None:
    card = await shop.card_in(status)
    refused = good(await shop.post(card_path(card, "holds"), {"amount": "1.00", "orderReference": "order-1"}), 400)
    assert refused["code"] == ("card_expired" if status == "expired" else "card_not_active")
    assert refused["status"] == status


# ── keys ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_key_means_one_hold_and_one_capture(shop: Shop) -> None:
    card, key = await shop.active("100.00"), new_id()
    body = {"amount": "10.00", "orderReference": "order-1"}
    first, again = [await shop.post(card_path(card, "holds"), body, key=key) for _ in range(2)]
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    other = await shop.post(card_path(card, "holds"), body | {"expiresInSeconds": 61}, key=key)
    assert good(other, 422)["code"] == "idempotency_key_reused"
    path, part = hold_path(first.json(), "capture"), {"amount": "4.00", "keepRest": True}
    done, repeated = [await shop.post(path, part, key=key) for _ in range(2)]
    assert (repeated.content, repeated.headers["idempotent-replayed"]) == (done.content, "true")
    assert good(await shop.post(path, {"amount": "4.00"}, key=key), 422)["code"] == "idempotency_key_reused"
    assert (await shop.look(card))["balance"] == "96.00"


async def test_all_of_it_proves_itself(shop: Shop) -> None:
    await shop.verified()


@pytest.mark.parametrize("body", [b"5.0", b"5e16", b"5", b"[]", b'"x"', b"true"])
async def test_a_body_that_is_no_object_releases_nothing(shop: Shop, body: bytes) -> None:
    card = await shop.active("10.00")
    hold = await shop.hold(card, "4.00")
    refused = await shop.post(hold_path(hold, "release"), content=body)
    assert (refused.status_code, refused.json()["detail"][0]["loc"]) == (422, ["body"])
    assert await available(shop, card) == "6.00"
