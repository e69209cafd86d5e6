"""Transfers between two cards: against the code of the source, all of it or nothing, and not a cent made on the way."""

import pytest
from tests.api.entries import entry, newest, said
from tests.api.shop import STATUSES, UNKNOWN, Body, Fits, Shop, card_path, good

from kado.ids import new_id

SENT = {"description": "For Ida", "referenceId": "order-9"}


async def balances(shop: Shop, *cards: Body) -> list[str]:
    return [(await shop.look(card))["balance"] for card in cards]


async def test_a_transfer_moves_the_amount_and_leaves_an_entry_on_both(shop: Shop, fits: Fits) -> None:
    source, destination = await shop.active("100.00"), await shop.active("5.00")
    answer = fits("TransferBalanceResponse", good(await shop.transfer(source, destination, "40.00", more=SENT)))
    leaves, arrives = await newest(shop, fits, source), await newest(shop, fits, destination)
    assert answer == {
        "success": True,
        "message": f"Transferred 40.00 USD to the card ending {destination['lastFourDigits']}.",
        "transferId": leaves["id"],
        "amountTransferred": "40.00",
        "sourceCard": {
            "id": source["id"],
            "cardNumber": source["cardNumber"],
            "remainingBalance": "60.00",
            "status": "active",
        },
        "destinationCard": {
            "id": destination["id"],
            "cardNumber": destination["cardNumber"],
            "newBalance": "45.00",
        },
    }
    assert said(leaves) == entry(
        transactionType="TRANSFER_OUT", amount="-40.00", balanceBefore="100.00", balanceAfter="60.00", **SENT
    )
    assert said(arrives) == entry(
        transactionType="TRANSFER_IN", amount="40.00", balanceBefore="5.00", balanceAfter="45.00", **SENT
    )
    assert leaves["createdAt"] == arrives["createdAt"]


async def test_each_entry_names_the_other_card_where_the_caller_says_nothing(shop: Shop, fits: Fits) -> None:
    source, destination = await shop.active(), await shop.active()
    good(await shop.transfer(source, destination))
    said_there = (
        (await newest(shop, fits, source))["description"],
        (await newest(shop, fits, destination))["description"],
    )
    assert said_there == (
        f"Transfer to the card ending {destination['lastFourDigits']}",
        f"Transfer from the card ending {source['lastFourDigits']}",
    )


async def test_the_two_entries_answer_each_other(shop: Shop) -> None:
    source, destination = await shop.active(), await shop.active()
    good(await shop.transfer(source, destination, more={"referenceId": "pair-1"}))
    found = (await shop.get(f"/v2/giftcards/programs/{shop.program_id}/transactions?referenceId=pair-1")).json()
    assert {one["giftCardId"] for one in found} == {source["id"], destination["id"]}
    assert {one["id"]: one["counterpartId"] for one in found} == {
        found[0]["id"]: found[1]["id"],
        found[1]["id"]: found[0]["id"],
    }


async def test_a_source_that_gives_everything_is_depleted(shop: Shop) -> None:
    source, destination = await shop.active("3.00"), await shop.active("1.00")
    assert good(await shop.transfer(source, destination, "3.00"))["sourceCard"]["status"] == "depleted"
    assert (await shop.look(source))["status"] == "depleted"


@pytest.mark.parametrize("between", ["", " ", "-"])
async def test_the_destination_is_found_as_it_is_typed(shop: Shop, between: str) -> None:
    source, destination = await shop.active(), await shop.active("1.00")
    number = destination["cardNumber"]
    typed = between.join(number[at : at + 4] for at in range(0, 16, 4))
    good(await shop.transfer(source, {"cardNumber": typed}, "2.00"))
    assert await balances(shop, destination) == ["3.00"]


# ── the code ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_wrong_code_moves_nothing_and_counts(shop: Shop) -> None:
    source, destination = await shop.active(), await shop.active()
    code, others = await shop.code_of(source), await shop.code_of(destination)
    wrong = next(one for one in ("000000", "111111") if one != code)
    before = await shop.snapshot(source), await shop.snapshot(destination)
    for guess in (wrong, others if others != code else wrong, wrong):
        answer = await shop.transfer(source, destination, code=guess)
        assert good(answer, 401)["code"] == "wrong_security_code"
        assert answer.headers["www-authenticate"] == "Bearer"
    assert (await shop.snapshot(source), await shop.snapshot(destination)) == before
    good(await shop.transfer(source, destination, code=code))


async def test_a_card_that_was_guessed_at_is_locked_for_transfers_too(shop: Shop) -> None:
    source, destination = await shop.active(), await shop.active()
    code = await shop.code_of(source)
    wrong = next(one for one in ("000000", "111111") if one != code)
    seen = [(await shop.transfer(source, destination, code=wrong)).status_code for _ in range(12)]
    assert seen[0] == 401
    assert seen[-1] == 429
    answer = await shop.transfer(source, destination, code=code)
    assert good(answer, 429)["code"] == "card_locked"
    assert int(answer.headers["retry-after"]) > 0


async def test_a_card_without_a_code_is_never_proved(shop: Shop) -> None:
    source, destination = await shop.active(), await shop.active()
    assert good(await shop.transfer(source, destination, code="000000"), 401)["code"] == "wrong_security_code"


async def test_a_code_that_was_replaced_proves_nothing(shop: Shop) -> None:
    source, destination = await shop.active(), await shop.active()
    old = await shop.code_of(source)
    assert old != await shop.code_of(source)
    assert (await shop.transfer(source, destination, code=old)).status_code == 401


async def test_a_wrong_code_is_no_final_answer_and_a_repetition_needs_no_code_any_more(shop: Shop) -> None:
    source, destination, key = await shop.active(), await shop.active(), new_id()
    code = await shop.code_of(source)
    wrong = next(one for one in ("000000", "111111") if one != code)
    assert (await shop.transfer(source, destination, code=wrong, key=key)).status_code == 401
    first = await shop.transfer(source, destination, code=code, key=key)
    good(first)
    await shop.code_of(source)
    again = await shop.transfer(source, destination, code=code, key=key)
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    for body in ({"amount": "2.00"}, {"referenceId": "x"}, {"description": "x"}):
        answer = await shop.transfer(source, destination, code=code, key=key, more=body)
        assert good(answer, 422)["code"] == "idempotency_key_reused"
    # To another card it is another transfer.
    third = await shop.active()
    good(await shop.transfer(source, third, key=key))


async def test_a_repetition_tells_nothing_about_the_code(shop: Shop) -> None:
    """Nobody counts guesses there, so right and wrong codes must get the same answer: the first one, byte for byte."""
    source, destination, key = await shop.active(), await shop.active(), new_id()
    code = await shop.code_of(source)
    first = await shop.transfer(source, destination, code=code, key=key)
    good(first)
    guesses = [code, *(one for one in ("000000", "111111", "222222", "333333", "444444", "555555") if one != code)]
    answers = [await shop.transfer(source, destination, code=guess, key=key) for guess in guesses]
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, first.content)}
    assert {answer.headers["idempotent-replayed"] for answer in answers} == {"true"}
    assert len(await shop.entries(source)) == 3


# ── refusals ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [one for one in STATUSES if one != "active"])
async def test_both_cards_must_be_active(shop: Shop, status: str) -> None:
    dead, alive = await shop.issue(), await shop.active()
    code = await shop.code_of(dead)
    if status != "pending":
        good(await shop.post(card_path(dead, "activate"), {}))
    match status:
        case "depleted":
            good(await shop.redeem(dead, "100.00"))
        case "suspended":
            good(await shop.post(card_path(dead, "suspend"), {"reason": "lost"}))
        case "expired":
            await shop.expire(dead)
        case "voided":
            good(await shop.post(card_path(dead, "void"), {"reason": "lost"}))
    alive_code = await shop.code_of(alive)
    before = await shop.snapshot(dead), await shop.snapshot(alive)
    out, into = await shop.transfer(dead, alive, code=code), await shop.transfer(alive, dead, code=alive_code)
    refused = good(out, 400)
    assert refused["status"] == status
    assert refused["code"] == ("card_expired" if status == "expired" else "card_not_active")
    assert good(into, 400) == {
        "detail": f"The destination card is {status} and cannot receive a transfer.",
        "code": "destination_not_active",
        "status": status,
    }
    assert (await shop.snapshot(dead), await shop.snapshot(alive)) == before


async def test_more_than_there_is_is_refused_with_what_there_is(shop: Shop) -> None:
    source, destination = await shop.active("10.00"), await shop.active()
    refused = good(await shop.transfer(source, destination, "10.01"), 400)
    assert (refused["code"], refused["availableBalance"]) == ("insufficient_balance", "10.00")


async def test_a_full_destination_says_its_maximum_and_not_what_it_holds(shop: Shop) -> None:
    source, destination = await shop.active("10.00"), await shop.active("9995.00")
    refused = good(await shop.transfer(source, destination, "5.01"), 400)
    assert refused == {
        "detail": "The destination card would hold more than it may.",
        "code": "destination_max_balance_exceeded",
        "maxBalance": "10000.00",
    }
    good(await shop.transfer(source, destination, "5.00"))


async def test_a_card_gives_nothing_to_itself(shop: Shop) -> None:
    card = await shop.active()
    assert good(await shop.transfer(card, card), 400)["code"] == "same_card"
    assert (await shop.transfer(card, card, code="000000")).status_code == 401


async def test_an_unknown_card_on_either_side_is_unknown(shop: Shop) -> None:
    source, other = await shop.active(), await shop.active(program_id=await shop.program())
    for number in ("4000", other["cardNumber"]):
        assert good(await shop.transfer(source, {"cardNumber": number}), 404)["code"] == "card_not_found"
    unknown = {**source, "id": UNKNOWN}
    assert good(await shop.transfer(unknown, source, code="000000"), 404)["code"] == "card_not_found"


async def test_test_money_and_live_money_never_meet(shop: Shop) -> None:
    token = await shop.key(is_test=True)
    live, test = await shop.active(), await shop.active(token=token)
    assert (await shop.transfer(live, test)).status_code == 404
    assert (await shop.transfer(test, live, token=token)).status_code == 404
    good(await shop.transfer(test, await shop.active(token=token), token=token))


@pytest.mark.parametrize("amount", ["0.00", "0.009", "5000.01", "-1.00", "1.001"])
async def test_an_amount_out_of_bounds_is_named(shop: Shop, amount: str) -> None:
    source, destination = await shop.active(), await shop.active()
    assert good(await shop.transfer(source, destination, amount), 422)["detail"][0]["loc"][:2] == ["body", "amount"]


async def test_the_bounds_themselves_are_allowed(shop: Shop) -> None:
    source, destination = await shop.active("10000.00"), await shop.active("1.00")
    for amount in ("5000.00", "0.01"):
        good(await shop.transfer(source, destination, amount))


@pytest.mark.parametrize(
    ("member", "value"),
    [("securityCode", "12345"), ("securityCode", "1234567"), ("destinationCardNumber", "4" * 21),
     ("description", "x" * 501), ("referenceId", "x" * 101)],
)  # fmt: skip
async def test_a_wrong_member_is_named_and_no_secret_is_repeated(shop: Shop, member: str, value: str) -> None:
    source, destination = await shop.active(), await shop.active()
    answer = await shop.transfer(source, destination, more={member: value})
    assert good(answer, 422)["detail"][0]["loc"] == ["body", member]
    if member == "securityCode":
        assert value not in answer.text


async def test_a_repeated_reference_without_a_key_is_pointed_out(shop: Shop, fits: Fits) -> None:
    source, destination = await shop.active(), await shop.active()
    first = good(await shop.transfer(source, destination, more={"referenceId": "dup-1"}))
    again = await shop.transfer(source, destination, more={"referenceId": "dup-1"})
    good(again)
    assert again.headers["kado-possible-duplicate"] == first["transferId"]


async def test_all_of_it_proves_itself(shop: Shop) -> None:
    await shop.verified()
