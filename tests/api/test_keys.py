"""Idempotency keys: what one is, how far it reaches, how long it holds, many at once, and what happens without one."""

import asyncio

import pytest
from tests.api.keys import OTHER, REPLAYED, by_number, is_replay, refused, request_for, status_of, totals
from tests.api.operations import a_card_for
from tests.api.serving import Served, serving
from tests.api.shop import Shop, Superuser, card_path, cards_path, good

from kado.ids import new_id
from kado.settings import Settings

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
            assert answer.status_code == status_of(action), (action, answer.text)
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


MOVES = ("refund", "transfer", "consolidate", "replace", "hold", "capture")


@pytest.mark.parametrize("action", MOVES)
async def test_a_program_can_require_a_key_for_money_on_its_way_back_elsewhere_or_aside(
    shop: Shop, action: str
) -> None:
    program = await shop.program()
    card = await a_card_for(shop, action, program_id=program)
    good(await shop.call("PUT", f"/v2/loyalty/programs/{program}", {"requireIdempotencyKey": True}))
    before = await shop.snapshot(card)
    path, body = request_for(action, card)
    refused(await shop.post(path, body), "idempotency_key_required")
    assert await shop.snapshot(card) == before
    good(await shop.post(path, body, key=new_id()), status_of(action))


# ── answers that are gone ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "action",
    [
        "create",
        "activate",
        "redeem",
        "reload",
        "reload-by-number",
        "resend-code",
        "void",
        "refund",
        "transfer",
        "consolidate",
        "replace",
        "transfer-ownership",
        "capture",
    ],
)
async def test_a_key_whose_answer_is_gone_never_moves_anything_again(shop: Shop, thief: Superuser, action: str) -> None:
    card, key = await a_card_for(shop, action), new_id()
    path, body = request_for(action, card)
    good(await shop.post(path, body, key=key), status_of(action))
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
    answers = await asyncio.gather(*(shop.redeem(card, amount, key=key) for amount in ["1.00"] * 5 + ["2.00"] * 5))
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
