"""Postings that are settled in one list: each sees what the one before it left, and nothing moves twice."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.behind import age_hold
from tests.database.cards.builders import Shop

from kado.cards.capture import Capture
from kado.cards.hold import USUAL, PlaceHold
from kado.cards.posting import Answer, Posting
from kado.cards.redeem import Redeem
from kado.cards.refund import Refund
from kado.cards.release import Release
from kado.cards.reload import Reload
from kado.cards.replace import Replace
from kado.cards.resend_code import ResendCode
from kado.cards.reverse import Reverse
from kado.cards.transfer_ownership import TransferOwnership
from kado.cards.verify import verify
from kado.cards.void import Void


def said(answers: list[Answer | BaseException]) -> list[object]:
    """200, or the code of a refusal, for each."""
    found: list[object] = []
    for answer in answers:
        if isinstance(answer, BaseException):
            found.append(getattr(answer, "code", answer))
        else:
            found.append(200 if answer.status == 200 else json.loads(answer.body)["code"])
    return found


async def clean(shop: Shop) -> None:
    report = await verify(shop.database, shop.keyring)
    assert report.findings == []


async def balances(shop: Shop, *card_ids: str) -> list[int]:
    return [(await shop.look(card_id)).balance for card_id in card_ids]


def reversal(shop: Shop, card_id: str, reference: str, kind: str = "pos_transaction_id", **facts: Any) -> Posting:
    return shop.posting(Reverse, card_id, kind=kind, own_reference=reference, **facts)


async def test_what_comes_together_is_one_list(shop: Shop) -> None:
    """The other tests here would prove nothing otherwise."""
    card_id = await shop.card()
    await shop.in_one_list(*(shop.posting(Redeem, card_id, amount=1) for _ in range(3)))
    async with shop.database.read() as connection:
        query = "SELECT count(DISTINCT xmin::text) FROM card_transaction WHERE card_id = $1 AND type = 'REDEMPTION'"
        assert await connection.fetchval(query, card_id) == 1


# ── redemptions, refunds, reversals ────────────────────────────────────────────────────────────────────────────────


async def test_two_refunds_of_one_redemption(shop: Shop) -> None:
    card_id = await shop.card(5000, -1000)
    sale = (await shop.entries(card_id))[-1].id
    refunds = [shop.posting(Refund, card_id, transaction_id=sale, amount=600) for _ in range(2)]
    refunds.append(shop.posting(Refund, card_id, transaction_id=sale))
    assert said(await shop.in_one_list(*refunds)) == [200, "refund_exceeds_redemption", 200]
    assert await balances(shop, card_id) == [5000]
    await clean(shop)


async def test_a_redemption_and_its_reversal(shop: Shop) -> None:
    card_id = await shop.card()
    sale = shop.posting(Redeem, card_id, amount=700, pos_transaction_id="POS-1")
    answers = await shop.in_one_list(sale, reversal(shop, card_id, "POS-1"), sale)
    assert said(answers) == [200, 200, "already_reversed"]
    assert [entry.amount for entry in (await shop.entries(card_id))[2:]] == [-700, 700]
    await clean(shop)


async def test_a_reversal_that_overtakes_its_redemption(shop: Shop) -> None:
    card_id = await shop.card()
    sale = shop.posting(Redeem, card_id, amount=700, pos_transaction_id="POS-1")
    assert said(await shop.in_one_list(reversal(shop, card_id, "POS-1"), sale)) == [200, "already_reversed"]
    assert await balances(shop, card_id) == [5000]
    await clean(shop)


async def test_a_refund_and_a_reversal_of_the_same_redemption(shop: Shop) -> None:
    card_id = await shop.card()
    await shop.redeem(card_id, 1000, pos_transaction_id="POS-1")
    sale = (await shop.entries(card_id))[-1].id
    refund = shop.posting(Refund, card_id, transaction_id=sale, amount=300)
    answers = await shop.in_one_list(refund, reversal(shop, card_id, "POS-1"), refund)
    assert said(answers) == [200, 200, "refund_exceeds_redemption"]
    assert [entry.amount for entry in (await shop.entries(card_id))[3:]] == [300, 700]
    await clean(shop)


async def test_two_reversals_of_the_same_reference(shop: Shop) -> None:
    card_id = await shop.card()
    await shop.redeem(card_id, 1000, pos_transaction_id="POS-1")
    answers = await shop.in_one_list(reversal(shop, card_id, "POS-1"), reversal(shop, card_id, "POS-1"))
    assert [len(json.loads(one.body)["entries"]) for one in answers if isinstance(one, Answer)] == [1, 0]
    assert await balances(shop, card_id) == [5000]
    await clean(shop)


async def test_a_reload_and_its_reversal_after_the_money_was_spent(shop: Shop) -> None:
    card_id = await shop.card(100)
    answers = await shop.in_one_list(
        shop.posting(Reload, card_id, amount=900, reference_id="order-1"),
        shop.posting(Redeem, card_id, amount=950),
        reversal(shop, card_id, "order-1", "reference_id", key="reverse"),
    )
    assert said(answers) == [200, 200, "insufficient_balance"]
    assert await balances(shop, card_id) == [50]
    await clean(shop)


async def test_a_reversal_never_passes_through_a_balance_that_the_card_may_not_have(shop: Shop) -> None:
    """A sale and a reload under one reference: given back in the wrong order, the card would hold too much between."""
    card_id = await shop.card(shop.program.max_balance)
    hold_id = await shop.hold(card_id, 600_000, order_reference="order-1")
    await shop.post(Capture, card_id, hold=hold_id)
    await shop.reload(card_id, 500_000, reference_id="order-1")
    await shop.ledger.post(reversal(shop, card_id, "order-1", "reference_id"))
    assert await balances(shop, card_id) == [shop.program.max_balance]
    assert [entry.amount for entry in (await shop.entries(card_id))[-2:]] == [-500_000, 600_000]
    await clean(shop)


async def test_a_reversal_that_cannot_be_done_in_any_order_is_refused(shop: Shop) -> None:
    card_id = await shop.card(shop.program.max_balance)
    hold_id = await shop.hold(card_id, 600_000, order_reference="order-1")
    await shop.post(Capture, card_id, hold=hold_id)
    await shop.reload(card_id, 500_000, reference_id="order-1")
    await shop.redeem(card_id, 450_000)
    answer = await shop.ledger.post(reversal(shop, card_id, "order-1", "reference_id"))
    assert json.loads(answer.body)["code"] == "max_balance_exceeded"
    assert await balances(shop, card_id) == [450_000]
    await clean(shop)


# ── several cards ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_transfers_there_and_back(shop: Shop) -> None:
    one, other = await shop.card(5000), await shop.card(100)
    there, back = await shop.transfer_posting(one, other, 5000), await shop.transfer_posting(other, one, 5100)
    assert said(await shop.in_one_list(there, back, there)) == [200, "destination_not_active", "card_not_active"]
    assert await balances(shop, one, other) == [0, 5100]
    await clean(shop)


async def test_transfers_there_and_back_while_both_stay_active(shop: Shop) -> None:
    one, other = await shop.card(5000), await shop.card(100)
    there, back = await shop.transfer_posting(one, other, 4000), await shop.transfer_posting(other, one, 4050)
    assert said(await shop.in_one_list(there, back, there)) == [200, 200, 200]
    assert await balances(shop, one, other) == [1050, 4050]
    pairs = {entry.id: entry.counterpart_id for card in (one, other) for entry in (await shop.entries(card))[2:]}
    assert len(pairs) == 6
    assert all(pairs[pairs[entry] or ""] == entry for entry in pairs)
    await clean(shop)


async def test_a_card_that_was_consolidated_or_replaced_a_moment_ago_is_spent_no_more(shop: Shop) -> None:
    one, other, lost = [await shop.card(5000, customer_email="ada@example.com") for _ in range(3)]
    answers = await shop.in_one_list(
        shop.consolidation(one, other),
        shop.posting(Replace, lost, reason="lost"),
        *(shop.posting(Redeem, card, amount=1, key="k") for card in (one, other, lost)),
        shop.posting(Void, other, reason="again", key="k"),
        shop.consolidation(one, lost, key="k"),
    )
    assert said(answers) == [200, 200, *["card_not_active"] * 5]
    async with shop.database.read() as connection:
        assert await connection.fetchval("SELECT sum(balance) FROM card") == 15000
    await clean(shop)


# ── holds ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_is_held_is_held_at_once(shop: Shop) -> None:
    card_id, other = await shop.card(1000), await shop.card(1)
    answers = await shop.in_one_list(
        await shop.transfer_posting(card_id, other, 1),
        shop.posting(PlaceHold, card_id, amount=900, order_reference="order-1"),
        shop.posting(Redeem, card_id, amount=100),
        await shop.transfer_posting(card_id, other, 100),
        shop.posting(PlaceHold, card_id, amount=100, order_reference="order-2"),
        shop.posting(Void, card_id, reason="lost"),
        shop.posting(Replace, card_id, reason="lost"),
        shop.posting(Redeem, card_id, amount=99),
    )
    short = "insufficient_balance"
    assert said(answers) == [200, 200, short, short, short, "card_has_holds", "card_has_holds", 200]
    await clean(shop)


async def test_two_captures_of_one_hold(shop: Shop) -> None:
    card_id = await shop.card(1000)
    hold_id = await shop.hold(card_id, 600)
    capture = shop.posting(Capture, card_id, hold=hold_id, amount=400, keep_rest=True)
    rest = shop.posting(Capture, card_id, hold=hold_id)
    release = shop.posting(Release, card_id, hold=hold_id)
    answers = await shop.in_one_list(capture, capture, rest, rest, release)
    assert said(answers) == [200, "capture_exceeds_hold", 200, "hold_not_open", "hold_not_open"]
    assert (await shop.look(card_id)).held == 0
    assert await balances(shop, card_id) == [400]
    await clean(shop)


async def test_a_hold_and_its_reversal(shop: Shop) -> None:
    card_id = await shop.card(1000)
    hold = shop.posting(PlaceHold, card_id, amount=600, order_reference="order-1", pos_transaction_id="POS-1")
    answers = await shop.in_one_list(hold, reversal(shop, card_id, "POS-1"), hold)
    assert said(answers) == [200, 200, "already_reversed"]
    assert (await shop.look(card_id)).held == 0
    await clean(shop)


async def test_holds_whose_time_is_over_are_let_go_before_anything_is_decided(shop: Shop, superuser: Any) -> None:
    card_id = await shop.card(1000)
    over = [await shop.hold(card_id, 300), await shop.hold(card_id, 200)]
    kept = await shop.hold(card_id, 100)
    for hold in over:  # time goes by
        await age_hold(superuser, shop.keyring, shop.program_id, hold, USUAL)
    answers = await shop.in_one_list(
        shop.posting(Capture, card_id, hold=over[0]),
        shop.posting(Redeem, card_id, amount=901),
        shop.posting(Redeem, card_id, amount=900),
        shop.posting(Release, card_id, hold=over[1]),
        shop.posting(Capture, card_id, hold=kept),
    )
    assert said(answers) == ["hold_not_open", "insufficient_balance", 200, "hold_not_open", 200]
    await clean(shop)


# ── keys ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("operation", ["hold", "capture", "transfer", "refund", "reverse", "consolidate", "replace"])
async def test_a_key_twice_in_one_list_is_answered_twice_and_moves_money_once(shop: Shop, operation: str) -> None:
    one, other = [await shop.card(5000, customer_email="ada@example.com") for _ in range(2)]
    await shop.redeem(one, 1000, pos_transaction_id="POS-1")
    sale, hold_id = (await shop.entries(one))[-1].id, ""
    if operation == "capture":
        hold_id = await shop.hold(one, 500)
    make: dict[str, Callable[[], Posting]] = {
        "hold": lambda: shop.posting(PlaceHold, one, amount=600, order_reference="order-1", key="k"),
        "capture": lambda: shop.posting(Capture, one, hold=hold_id, key="k"),
        "refund": lambda: shop.posting(Refund, one, transaction_id=sale, amount=100, key="k"),
        "reverse": lambda: reversal(shop, one, "POS-1", key="k"),
        "consolidate": lambda: shop.consolidation(one, other, key="k"),
        "replace": lambda: shop.posting(Replace, one, reason="lost", key="k"),
    }
    posting = await shop.transfer_posting(one, other, 600, key="k") if operation == "transfer" else make[operation]()
    first, second = await shop.in_one_list(posting, posting)
    assert isinstance(first, Answer)
    assert isinstance(second, Answer)
    assert (second.status, second.body) == (first.status, first.body) == (200, first.body)
    assert second.headers == {"Idempotent-Replayed": "true"}
    assert first.headers == {}
    await clean(shop)


# ── messages ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_old_owner_is_sent_no_code_that_was_asked_for_a_moment_before(shop: Shop) -> None:
    """A code is made when its message leaves: one that left last would be the valid one."""
    card_id = await shop.card(5000, customer_email="old@example.com")
    give = {"new_owner_name": "New", "new_owner_email": "new@example.com"}
    resend = shop.posting(ResendCode, card_id)
    assert said(await shop.in_one_list(resend, shop.posting(TransferOwnership, card_id, **give))) == [200, 200]
    async with shop.database.read() as connection:
        rows = await connection.fetch(
            "SELECT recipient, kind FROM message WHERE card_id = $1 AND state = 'queued' ORDER BY recipient", card_id
        )
    assert [tuple(row) for row in rows] == [
        ("new@example.com", "security_code"),
        ("old@example.com", "code_sent_elsewhere"),
    ]


async def test_no_code_leaves_for_a_card_that_ended_in_the_same_list(shop: Shop) -> None:
    card_id = await shop.card(5000, customer_email="ada@example.com")
    resend, void = shop.posting(ResendCode, card_id), shop.posting(Void, card_id, reason="lost")
    assert said(await shop.in_one_list(resend, void)) == [200, 200]
    async with shop.database.read() as connection:
        query = "SELECT count(*) FROM message WHERE card_id = $1 AND state = 'queued'"
        assert await connection.fetchval(query, card_id) == 0
