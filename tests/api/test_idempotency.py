"""A key means one operation once: the first answer again to the byte, whatever happened since, and never a second move."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import httpx2
import pytest
from tests.api.serving import Served, serving
from tests.api.shop import UNKNOWN, Body, Shop, Superuser, card_path, cards_path, good

from kado.access.permissions import Role
from kado.ids import new_id
from kado.settings import Settings

REPLAYED = "idempotent-replayed"


def by_number(card: Body) -> str:
    return cards_path(card["programId"]) + "/reload-by-number"


def request_for(action: str, card: Body) -> tuple[str, Body]:
    """Path and body of an operation on the card (or, for `create`, in its program)."""
    match action:
        case "create":
            return cards_path(card["programId"]), {"initialValue": "5.00", "merchantId": card["merchantId"]}
        case "reload-by-number":
            return by_number(card), {"cardNumber": card["cardNumber"], "amount": "5.00"}
        case "reload" | "redeem":
            return card_path(card, action), {"amount": "5.00"}
        case "suspend" | "void":
            return card_path(card, action), {"reason": "lost"}
        case _:
            return card_path(card, action), {}


OTHER = {
    "create": {"initialValue": "5.01"},
    "activate": {"customerName": "Ada"},
    "redeem": {"amount": "5.01"},
    "reload": {"amount": "5.01"},
    "reload-by-number": {"amount": "5.01"},
    "resend-code": {"senderName": "Ada"},
    "suspend": {"reason": "stolen"},
    "void": {"reason": "stolen"},
}
"""For each operation a change that makes it another request (unsuspend has nothing to change)."""

STARTS_AS = {"activate": "pending", "unsuspend": "suspended"}
ACTIONS = [*OTHER, "unsuspend"]


async def a_card_for(shop: Shop, action: str) -> Body:
    return await shop.card_in(STARTS_AS.get(action, "active"), customerEmail="ada@example.com")


async def totals(thief: Superuser) -> list[object]:
    """How many cards, entries and messages there are, and what all cards are worth."""
    row = await thief.fetchrow(
        "SELECT (SELECT count(*) FROM card), (SELECT count(*) FROM card_transaction), (SELECT count(*) FROM message),"
        " (SELECT sum(balance) FROM card)"
    )
    assert row is not None
    return list(row)


def is_replay(answer: httpx2.Response, first: httpx2.Response) -> bool:
    same = (answer.status_code, answer.content) == (first.status_code, first.content)
    return same and answer.headers.get(REPLAYED) == "true" and REPLAYED not in first.headers


def refused(answer: httpx2.Response, code: str) -> None:
    body = good(answer, 422)
    assert body["code"] == code
    (error,) = body["detail"]
    assert (error["loc"], error["type"]) == (["header", "idempotency-key"], code)


# ── the same again ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("action", ACTIONS)
async def test_a_repetition_gets_the_first_answer_and_does_nothing(shop: Shop, thief: Superuser, action: str) -> None:
    card, key = await a_card_for(shop, action), new_id()
    path, body = request_for(action, card)
    first = await shop.post(path, body, key=key)
    good(first, 201 if action == "create" else 200)
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
    assert is_replay(await shop.post(card_path(card, "activate"), body, key=key), first)
    refused(await shop.post(card_path(card, "activate"), {"securityCode": another}, key=key), "idempotency_key_reused")


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


# ── scopes and syntax ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_key_is_good_once_for_each_card_and_each_operation(shop: Shop) -> None:
    key, program = new_id(), await shop.program()
    cards = [await shop.active(), await shop.active(), await shop.active(program_id=program)]
    for card in cards:
        for action in ("redeem", "reload", "reload-by-number", "suspend", "unsuspend", "void", "create"):
            path, body = request_for(action, card)
            # A program has one scope for its new cards; the first two cards are of the same one.
            again = action == "create" and card is cards[1]
            answer = await shop.post(path, body, key=key)
            assert answer.status_code == (201 if action == "create" else 200), (action, answer.text)
            assert (REPLAYED in answer.headers) is again, action
    for card in cards:
        types = [one["transactionType"] for one in await shop.entries(card)]
        assert types == ["VOID", "RELOAD", "RELOAD", "REDEMPTION", "ACTIVATION", "PURCHASE"]


@pytest.mark.parametrize("key", ["a", "~", "!", "k" * 255, "A-b_c.d:e/f?g=h&i;j,k(l)[m]{n}'o\"p\\q|r"])
async def test_a_key_is_any_visible_ascii(shop: Shop, key: str) -> None:
    card = await shop.active()
    first = await shop.redeem(card, key=key)
    good(first)
    assert is_replay(await shop.redeem(card, key=key), first)


@pytest.mark.parametrize(
    "key", [b"", b"k" * 256, b"a b", b"a\tb", b"caf\xc3\xa9", b"caf\xe9", b"\xff"], ids=lambda key: repr(key[:10])
)
@pytest.mark.parametrize("action", ["redeem", "create", "suspend"])
async def test_any_other_key_is_refused_and_not_shown(shop: Shop, action: str, key: bytes) -> None:
    card = await shop.active()
    before = await shop.snapshot(card)
    path, body = request_for(action, card)
    headers = [(b"Authorization", b"Bearer " + shop.owner.encode()), (b"idempotency-key", key)]
    answer = await shop.api.client.post(path, json=body, headers=headers)
    (error,) = good(answer, 422)["detail"]
    assert (error["loc"], "input" in error) == (["header", "idempotency-key"], False)
    assert await shop.snapshot(card) == before


@pytest.mark.parametrize("action", ["activate", "redeem", "reload", "reload-by-number", "void"])
async def test_a_program_can_require_a_key_wherever_money_moves(shop: Shop, action: str) -> None:
    program = await shop.program(requireIdempotencyKey=True)
    card = await shop.issue(program_id=program)
    if action != "activate":
        good(await shop.post(card_path(card, "activate"), {}, key=new_id()))
    before = await shop.snapshot(card)
    path, body = request_for(action, card)
    refused(await shop.post(path, body), "idempotency_key_required")
    assert await shop.snapshot(card) == before
    good(await shop.post(path, body, key=new_id()))


# ── answers that are gone ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("action", ["create", "activate", "redeem", "reload", "reload-by-number", "resend-code", "void"])
async def test_a_key_whose_answer_is_gone_never_moves_anything_again(
    shop: Shop, thief: Superuser, action: str
) -> None:
    card, key = await a_card_for(shop, action), new_id()
    path, body = request_for(action, card)
    good(await shop.post(path, body, key=key), 201 if action == "create" else 200)
    await thief.execute("DELETE FROM idempotency_key")
    before = await totals(thief)
    refused(await shop.post(path, body, key=key), "idempotency_key_expired")
    if action in OTHER:
        refused(await shop.post(path, body | OTHER[action], key=key), "idempotency_key_expired")
    assert await totals(thief) == before


async def test_a_stored_answer_shows_no_card_number(shop: Shop, thief: Superuser) -> None:
    await thief.execute("DELETE FROM idempotency_key")
    card = await shop.issue()
    good(await shop.post(card_path(card, "activate"), {}, key=new_id()))
    answers = [bytes(row["answer"]) for row in await shop.rows("SELECT answer FROM idempotency_key")]
    assert answers
    assert not any(card["cardNumber"].encode() in answer or card["id"].encode() in answer for answer in answers)


# ── at once ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_fifty_at_once_with_one_key_are_one_redemption(
    shop: Shop, api: Served, app_settings: Settings, shared_database_url: str
) -> None:
    card, key = await shop.active("100.00"), new_id()
    headers = {"Authorization": f"Bearer {shop.owner}", "idempotency-key": key}
    async with serving(app_settings, shared_database_url) as second:
        clients = [(api.client, second.client)[at % 2] for at in range(50)]
        answers = await asyncio.gather(
            *(client.post(card_path(card, "redeem"), json={"amount": "1.00"}, headers=headers) for client in clients)
        )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert sum(REPLAYED not in answer.headers for answer in answers) == 1
    assert (await shop.look(card))["balance"] == "99.00"


async def test_twenty_at_once_with_one_key_are_one_card(
    shop: Shop, api: Served, app_settings: Settings, shared_database_url: str
) -> None:
    key, program = new_id(), await shop.program()
    headers = {"Authorization": f"Bearer {shop.owner}", "idempotency-key": key}
    body = {"initialValue": "5.00", "merchantId": shop.merchant_id}
    async with serving(app_settings, shared_database_url) as second:
        clients = [(api.client, second.client)[at % 2] for at in range(20)]
        answers = await asyncio.gather(
            *(client.post(cards_path(program), json=body, headers=headers) for client in clients)
        )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum(REPLAYED not in answer.headers for answer in answers) == 1
    assert len(await shop.rows("SELECT id FROM card WHERE program_id = $1", program)) == 1


async def test_of_two_requests_at_once_with_one_key_one_is_refused(shop: Shop) -> None:
    card, key = await shop.active("100.00"), new_id()
    answers = await asyncio.gather(
        *(shop.redeem(card, amount, key=key) for amount in ["1.00"] * 5 + ["2.00"] * 5)
    )
    by_status = {status: [answer for answer in answers if answer.status_code == status] for status in (200, 422)}
    assert [len(by_status[200]), len(by_status[422])] == [5, 5]
    assert len({answer.content for answer in by_status[200]}) == 1
    taken = by_status[200][0].json()["amountRedeemed"]
    assert (await shop.look(card))["balance"] == {"1.00": "99.00", "2.00": "98.00"}[taken]


# ── without a key ──────────────────────────────────────────────────────────────────────────────────────────────────

DUPLICATE = "kado-possible-duplicate"


async def test_without_a_key_a_repeated_reference_succeeds_and_is_pointed_out(shop: Shop) -> None:
    card, more = await shop.active("1.00"), {"referenceId": "order-1"}
    first = await shop.reload(card, more=more)
    good(first)
    assert DUPLICATE not in first.headers
    earlier = (await shop.entries(card))[0]["id"]
    second = await shop.post(by_number(card), {"cardNumber": card["cardNumber"], "amount": "1.00", **more})
    assert good(second)["balance"] == "3.00"
    assert second.headers[DUPLICATE] == earlier
    latest = (await shop.entries(card))[0]["id"]
    third = await shop.reload(card, "2.00", more=more)
    assert third.headers[DUPLICATE] == latest
    assert DUPLICATE not in third.text
    alerts = await shop.rows(
        "SELECT details::text FROM audit_log WHERE action = 'entry:possible-duplicate' AND subject = $1 ORDER BY at",
        card["id"],
    )
    assert len(alerts) == 2
    assert earlier in alerts[0]["details"]


async def test_a_reference_is_no_repetition_elsewhere_or_under_a_key(shop: Shop) -> None:
    card, other, more = await shop.active("1.00"), await shop.active("1.00"), {"referenceId": "order-2"}
    good(await shop.reload(card, more=more))
    for answer in (
        await shop.reload(other, more=more),
        await shop.reload(card, more={"referenceId": "ORDER-2"}),
        await shop.reload(card, more=more, key=new_id()),
        await shop.reload(card),
    ):
        good(answer)
        assert DUPLICATE not in answer.headers


async def test_repeated_references_at_once_are_all_pointed_out_but_the_first(shop: Shop) -> None:
    card = await shop.active("1.00")
    answers = await asyncio.gather(*(shop.reload(card, more={"referenceId": "order-3"}) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {200}
    named = [answer.headers[DUPLICATE] for answer in answers if DUPLICATE in answer.headers]
    entries = [one["id"] for one in await shop.entries(card) if one["transactionType"] == "RELOAD"]
    assert sorted(named) == sorted(entries[1:])
    assert (await shop.look(card))["balance"] == "11.00"
