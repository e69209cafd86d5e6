"""A key means one operation once: the first answer again to the byte, whatever happened since, and no second move."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from tests.api.keys import ACTIONS, OTHER, REPLAYED, is_replay, refused, request_for, status_of, totals
from tests.api.operations import a_card_for
from tests.api.serving import serving
from tests.api.shop import UNKNOWN, Body, Shop, Superuser, card_path, cards_path, good

from kado.access.permissions import Role
from kado.ids import new_id
from kado.settings import Settings

# ── the same again ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("action", ACTIONS)
async def test_a_repetition_gets_the_first_answer_and_does_nothing(shop: Shop, thief: Superuser, action: str) -> None:
    card, key = await a_card_for(shop, action), new_id()
    path, body = request_for(action, card)
    first = await shop.post(path, body, key=key)
    good(first, status_of(action))
    before = await totals(thief)
    for _ in range(2):
        assert is_replay(await shop.post(path, body, key=key), first)
    assert await totals(thief) == before


@pytest.mark.parametrize("action", OTHER)
async def test_the_same_key_with_another_body_is_refused(shop: Shop, thief: Superuser, action: str) -> None:
    card, key = await a_card_for(shop, action), new_id()
    path, body = request_for(action, card)
    first = await shop.post(path, body, key=key)
    before = await totals(thief)
    refused(await shop.post(path, body | OTHER[action], key=key), "idempotency_key_reused")
    assert await totals(thief) == before
    assert is_replay(await shop.post(path, body, key=key), first)


@pytest.mark.parametrize("fact", ["posTransactionId", "cashierId", "terminalId", "description"])
async def test_every_fact_of_a_redemption_makes_it_another_request(shop: Shop, fact: str) -> None:
    card, key = await shop.active(), new_id()
    good(await shop.redeem(card, key=key))
    refused(await shop.redeem(card, more={fact: "1"}, key=key), "idempotency_key_reused")


@pytest.mark.parametrize("fact", ["referenceId", "description"])
async def test_every_fact_of_a_reload_makes_it_another_request(shop: Shop, fact: str) -> None:
    card, key = await shop.active(), new_id()
    good(await shop.reload(card, key=key))
    refused(await shop.reload(card, more={fact: "1"}, key=key), "idempotency_key_reused")


async def test_the_same_key_from_another_merchant_is_refused(shop: Shop) -> None:
    _, admitted = await shop.admitted()
    card, key = await shop.active(), new_id()
    first = await shop.redeem(card, key=key)
    refused(await shop.redeem(card, key=key, token=admitted), "idempotency_key_reused")
    # Another key of the same merchant is the same merchant.
    assert is_replay(await shop.redeem(card, key=key, token=await shop.key(Role.CASHIER)), first)


async def test_the_same_key_in_test_mode_is_refused(shop: Shop) -> None:
    key = new_id()
    body = {"initialValue": "5.00", "merchantId": shop.merchant_id}
    good(await shop.post(cards_path(shop.program_id), body, key=key), 201)
    test_key = await shop.key(is_test=True)
    refused(await shop.post(cards_path(shop.program_id), body, key=key, token=test_key), "idempotency_key_reused")


# ── whatever happened since ────────────────────────────────────────────────────────────────────────────────────────


async def deplete(shop: Shop, card: Body) -> None:
    good(await shop.redeem(card, "95.00"))


async def suspend(shop: Shop, card: Body) -> None:
    good(await shop.post(card_path(card, "suspend"), {"reason": "lost"}))


async def expire(shop: Shop, card: Body) -> None:
    await shop.expire(card)


async def void(shop: Shop, card: Body) -> None:
    good(await shop.post(card_path(card, "void"), {"reason": "lost"}))


@pytest.mark.parametrize("happens", [deplete, suspend, expire, void], ids=lambda happens: f"after {happens.__name__}")
@pytest.mark.parametrize("action", ["redeem", "reload", "reload-by-number", "activate"])
async def test_a_repetition_gets_the_first_answer_whatever_became_of_the_card(
    shop: Shop, happens: Callable[[Shop, Body], Awaitable[None]], action: str
) -> None:
    card, key = await shop.card_in("pending" if action == "activate" else "active"), new_id()
    path, body = request_for(action, card)
    first = await shop.post(path, body, key=key)
    good(first)
    await happens(shop, card)
    before = await shop.snapshot(card)
    assert is_replay(await shop.post(path, body, key=key), first)
    assert await shop.snapshot(card) == before


@pytest.mark.parametrize("happens", [suspend, expire], ids=lambda happens: f"after {happens.__name__}")
@pytest.mark.parametrize(
    "action", ["refund", "transfer", "hold", "capture", "release", "reverse", "transfer-ownership"]
)
async def test_so_does_a_repetition_of_what_concerns_more_than_a_balance(
    shop: Shop, happens: Callable[[Shop, Body], Awaitable[None]], action: str
) -> None:
    card, key = await a_card_for(shop, action), new_id()
    path, body = request_for(action, card)
    first = await shop.post(path, body, key=key)
    good(first, status_of(action))
    await happens(shop, card)
    before = await shop.snapshot(card)
    assert is_replay(await shop.post(path, body, key=key), first)
    assert await shop.snapshot(card) == before


async def test_a_repetition_after_a_restart_gets_the_first_answer(
    shop: Shop, app_settings: Settings, shared_database_url: str
) -> None:
    card, keys = await shop.active(), {action: new_id() for action in ("create", "redeem", "reload-by-number")}
    first = {}
    for action, key in keys.items():
        path, body = request_for(action, card)
        first[action] = await shop.post(path, body, key=key)
    before = await shop.snapshot(card)
    async with serving(app_settings, shared_database_url) as restarted:
        for action, key in keys.items():
            path, body = request_for(action, card)
            headers = {"Authorization": f"Bearer {shop.owner}", "Idempotency-Key": key}
            assert is_replay(await restarted.client.post(path, json=body, headers=headers), first[action])
    assert await shop.snapshot(card) == before


async def test_an_activation_proved_by_its_code_is_repeated_after_the_code_has_changed(shop: Shop) -> None:
    card, key = await shop.issue(), new_id()
    body = {"securityCode": await shop.code_of(card)}
    first = await shop.post(card_path(card, "activate"), body, key=key)
    good(first)
    another = await shop.code_of(card)
    # Right, wrong or not right any more: nobody counts it, so nobody is told.
    for code in (body["securityCode"], another, "000000"):
        assert is_replay(await shop.post(card_path(card, "activate"), {"securityCode": code}, key=key), first)
    refused(await shop.post(card_path(card, "activate"), {}, key=key), "idempotency_key_reused")


# ── refusals ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_refusal_decided_on_the_card_is_the_final_answer(shop: Shop) -> None:
    card, key = await shop.active("1.00"), new_id()
    first = await shop.redeem(card, "1.01", key=key)
    assert first.json()["code"] == "insufficient_balance"
    good(await shop.reload(card, "5.00"))
    assert is_replay(await shop.redeem(card, "1.01", key=key), first)
    assert (await shop.look(card))["balance"] == "6.00"
    good(await shop.redeem(card, "1.01", key=new_id()))


@pytest.mark.parametrize(
    ("status", "action", "code"),
    [
        ("suspended", "redeem", "card_not_active"),
        ("suspended", "reload", "card_not_active"),
        ("suspended", "reload-by-number", "card_not_active"),
        ("suspended", "suspend", "card_not_active"),
        ("suspended", "activate", "card_not_pending"),
    ],
)
async def test_a_refusal_because_of_the_state_outlives_the_state(
    shop: Shop, status: str, action: str, code: str
) -> None:
    card, key = await shop.card_in("pending" if action == "activate" else "active"), new_id()
    await suspend(shop, card)
    path, body = request_for(action, card)
    first = await shop.post(path, body, key=key)
    assert (first.status_code, first.json()["code"], first.json()["status"]) == (400, code, status)
    good(await shop.post(card_path(card, "unsuspend"), {}))
    assert is_replay(await shop.post(path, body, key=key), first)
    good(await shop.post(path, body, key=new_id()))


async def test_a_reload_over_the_maximum_is_repeated_with_its_numbers(shop: Shop) -> None:
    card, key = await shop.active("9500.00"), new_id()
    first = await shop.reload(card, "1000.00", key=key)
    assert '"maxBalance":10000.00' in first.text
    good(await shop.redeem(card, "9000.00"))
    assert is_replay(await shop.reload(card, "1000.00", key=key), first)


async def test_what_was_not_decided_on_the_card_is_asked_anew(shop: Shop) -> None:
    card, key = await shop.active(), new_id()
    unknown = {**card, "id": UNKNOWN}
    cashier, reader = await shop.key(Role.CASHIER), await shop.key(Role.READ_ONLY)
    for answer, status in [
        (await shop.redeem(card, key=key, token=None), 401),
        (await shop.redeem(card, key=key, token=reader), 403),
        (await shop.redeem(unknown, key=key), 404),
        (await shop.redeem(card, key=key, token=await shop.key(is_test=True)), 404),
        (await shop.redeem(card, "0", key=key), 422),
        (await shop.redeem(card, "0.001", key=key), 422),
    ]:
        assert answer.status_code == status, answer.text
    answer = await shop.redeem(card, key=key, token=cashier)
    good(answer)
    assert REPLAYED not in answer.headers


async def test_a_cashiers_limit_is_not_the_final_answer(shop: Shop) -> None:
    card, key = await shop.issue("501.00"), new_id()
    path = card_path(card, "activate")
    assert (await shop.post(path, {}, key=key, token=await shop.key(Role.CASHIER))).json()["code"] == "cashier_limit"
    answer = await shop.post(path, {}, key=key)
    assert good(answer)["status"] == "active"
    assert REPLAYED not in answer.headers


async def test_a_refused_issue_is_not_the_final_answer(shop: Shop) -> None:
    key = new_id()
    program = await shop.program(maxInitialValue="10.00")
    body = {"initialValue": "11.00", "merchantId": shop.merchant_id}
    assert (await shop.post(cards_path(program), body, key=key)).json()["code"] == "amount_out_of_range"
    good(await shop.call("PUT", f"/v2/loyalty/programs/{program}", {"maxInitialValue": "11.00"}))
    answer = await shop.post(cards_path(program), body, key=key)
    good(answer, 201)
    assert REPLAYED not in answer.headers


async def test_too_many_new_codes_is_not_the_final_answer(shop: Shop) -> None:
    card, key = await shop.issue(customerEmail="ada@example.com"), new_id()
    path = card_path(card, "resend-code")
    for _ in range(3):
        good(await shop.post(path, {}))
    assert (await shop.post(path, {}, key=key)).status_code == 429
    now = await shop.now()
    await shop.shift(card, codes_sent_at=[now - timedelta(hours=2)] * 3)
    answer = await shop.post(path, {}, key=key)
    good(answer)
    assert REPLAYED not in answer.headers
