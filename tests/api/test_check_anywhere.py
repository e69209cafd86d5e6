"""The public balance check that names no program: as tight as the program's own, and no way around it."""

import asyncio
import re
from typing import Any

import httpx2
import pytest
from tests.api.shop import UNKNOWN, Body, Fits, Shop, Superuser, an_address, card_path, good
from tests.api.sign_in import CHECK, other_than


async def check(shop: Shop, card: Body, code: str, *, address: str | None = None, **more: Any) -> httpx2.Response:
    return await shop.post(
        CHECK,
        {"cardNumber": card["cardNumber"], "securityCode": code, **more},
        token=None,
        headers={"X-Forwarded-For": address or an_address()},
    )


def told(answer: httpx2.Response) -> tuple[int, bytes, list[tuple[str, str]]]:
    headers = [pair for pair in sorted(answer.headers.items()) if pair[0] not in ("date", "x-request-id")]
    return answer.status_code, answer.content, headers


def locked(answer: httpx2.Response) -> None:
    assert (answer.status_code, answer.json()["code"]) == (429, "card_locked")


async def test_a_card_is_found_in_whatever_program_it_is(shop: Shop, fits: Fits) -> None:
    _, stranger = await shop.stranger()
    theirs = good(await shop.post("/v2/programs", {"name": "Yen", "currency": "JPY"}, token=stranger), 201)
    for program_id, token, value in ((shop.program_id, "", "12.00"), (theirs["id"], stranger, "1200")):
        body = {"initialValue": value, "merchantId": theirs["merchantId"] if token else shop.merchant_id}
        path = f"/v2/giftcards/programs/{program_id}/cards"
        card = good(await shop.post(path, body, token=token), 201)
        good(await shop.post(card_path(card, "activate"), {}, token=token))
        code = await shop.code_of(card)
        seen = fits("BalanceCheckResponse", good(await check(shop, card, code)))
        assert seen == good(await shop.check(card, code))
        assert (seen["programId"], seen["balance"], seen["isActive"]) == (program_id, value, True)


async def test_every_miss_tells_the_same_as_in_a_program(shop: Shop) -> None:
    card, voided, fresh = await shop.active(), await shop.active(), await shop.active()
    code, voided_code = await shop.code_of(card), await shop.code_of(voided)
    good(await shop.post(card_path(voided, "void"), {"reason": "lost"}))
    misses = [
        (card, other_than(code)),
        (card, ""),
        (voided, other_than(voided_code)),
        (fresh, "123456"),
        ({"cardNumber": "4000123412341234"}, code),
        ({"cardNumber": ""}, code),
        ({"cardNumber": voided["cardNumber"]}, code),
        ({"cardNumber": "٤٠٠٠\u200b' OR 1=1"}, "✓" * 6),
    ]
    answers = {told(await check(shop, *miss))[:2] for miss in misses}
    assert answers == {told(await shop.check({**card, "programId": UNKNOWN}, code))[:2]}
    assert len({str(told(await check(shop, *miss))) for miss in misses}) == 1
    assert good(await check(shop, voided, voided_code))["status"] == "voided"


async def test_five_checks_a_minute_come_from_one_address(shop: Shop, thief: Superuser) -> None:
    card, address = await shop.active(), an_address()
    code = await shop.code_of(card)
    for _ in range(5):
        good(await check(shop, card, code, address=address))
    answer = await check(shop, card, code, address=address)
    assert good(answer, 429)["code"] == "too_many_checks"
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    good(await shop.check(card, code, address=address))  # a program's own check is not slowed down by it
    good(await check(shop, card, code))
    await thief.execute(
        "UPDATE attempt SET failed_at = ARRAY(SELECT t - interval '1 minute' FROM unnest(failed_at) t ORDER BY t)"
        " WHERE kind = 'check-anywhere'"
    )
    good(await check(shop, card, code, address=address))
    together = an_address()
    answers = await asyncio.gather(*(check(shop, card, code, address=together) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [429] * 15


async def test_failures_count_against_the_address_wherever_they_happen(shop: Shop, thief: Superuser) -> None:
    card, address = await shop.active(), an_address()
    code = await shop.code_of(card)
    for number in range(29):
        assert (await shop.check({**card, "cardNumber": f"7{number:015}"}, code, address=address)).status_code == 404
    good(await check(shop, card, code, address=address))
    assert (await check(shop, {"cardNumber": "7000000000000099"}, code, address=address)).status_code == 404
    for answer in (await check(shop, card, code, address=address), await shop.check(card, code, address=address)):
        assert good(answer, 429)["code"] == "too_many_checks"


async def test_wrong_codes_lock_the_number_here_and_there(shop: Shop) -> None:
    """Five guesses are five guesses, however they are dealt out between the two checks."""
    for here in range(6):
        card = await shop.active()
        code = await shop.code_of(card)
        for _ in range(here):
            assert (await check(shop, card, other_than(code))).status_code == 404
        for _ in range(5 - here):
            assert (await shop.check(card, other_than(code))).status_code == 404
        locked(await check(shop, card, code))
        locked(await shop.check(card, code))


async def test_a_lock_says_nothing_about_whether_there_is_a_card(shop: Shop) -> None:
    """Guesses lock a number in the same places, whether it is a card's or nobody's, and wherever they were made."""
    card, other_program = await shop.active(), await shop.program()
    code = await shop.code_of(card)
    unknown = {**card, "cardNumber": "4000123412340000"}
    for one in (card, unknown):
        for _ in range(5):
            assert (await check(shop, one, other_than(code))).status_code == 404
    for program in (card["programId"], other_program):
        answers = [await shop.check({**one, "programId": program}, code) for one in (card, unknown)]
        for answer in answers:
            locked(answer)
    card = await shop.active()
    code = await shop.code_of(card)
    unknown = {**card, "cardNumber": "4000123412340001"}
    for one in (card, unknown):
        for _ in range(5):
            assert (await shop.check({**one, "programId": other_program}, code)).status_code == 404
    for one in (card, unknown):
        locked(await check(shop, one, code))
    assert good(await shop.check(card, code))["status"] == "active"
    assert (await shop.check(unknown, code)).status_code == 404


async def test_sixty_guesses_at_once_through_both_checks_get_five_comparisons(shop: Shop, thief: Superuser) -> None:
    card = await shop.active()
    wrong = other_than(await shop.code_of(card))
    answers = await asyncio.gather(
        *(check(shop, card, wrong) for _ in range(30)), *(shop.check(card, wrong) for _ in range(30))
    )
    assert sorted(answer.status_code for answer in answers) == [404] * 5 + [429] * 55


async def test_twenty_wrong_codes_lock_a_number_until_it_gets_a_new_code(shop: Shop, thief: Superuser) -> None:
    card = await shop.active(customerEmail="ada@example.com")
    code = await shop.code_of(card)
    earlier = "UPDATE {} SET wrong_at = ARRAY(SELECT t - interval '25 hours' FROM unnest(wrong_at) t ORDER BY t)"
    for round_of_five in range(4):
        for _ in range(5):
            wrong = other_than(code)
            answer = await (check(shop, card, wrong) if round_of_five % 2 else shop.check(card, wrong))
            assert answer.status_code == 404
        locked(await check(shop, card, code))
        for table in ("code_guess", "number_guess"):
            await thief.execute(earlier.format(table))
    locked(await check(shop, card, code))
    locked(await shop.check(card, code))
    good(await shop.post(card_path(card, "resend-code"), {}))
    code = await shop.code_of(card)
    good(await check(shop, card, code))
    good(await shop.check(card, code))
    for _ in range(5):
        assert (await check(shop, card, other_than(code))).status_code == 404
    locked(await shop.check(card, code))


async def test_a_number_is_read_as_people_type_it(shop: Shop) -> None:
    card = await shop.active()
    code = await shop.code_of(card)
    typed = {"cardNumber": " ".join(re.findall("....", card["cardNumber"]))}
    good(await check(shop, typed, code))
    for one in (card, typed, card, typed, card):
        assert (await check(shop, one, other_than(code))).status_code == 404
    locked(await check(shop, typed, code))


@pytest.mark.parametrize("body", [{}, {"cardNumber": "4000"}, {"cardNumber": 4000, "securityCode": "1"}, [], "x"])
async def test_what_is_no_check_is_refused_unseen(shop: Shop, body: object) -> None:
    answer = await shop.post(CHECK, body, token=None, headers={"X-Forwarded-For": an_address()})
    assert answer.status_code == 422
    assert "4000" not in answer.text


async def test_a_stale_token_does_not_keep_a_holder_from_the_balance(shop: Shop) -> None:
    card = await shop.active()
    body = {"cardNumber": card["cardNumber"], "securityCode": await shop.code_of(card)}
    for header in ("X-Eposn-Customer-Token", "X-Eposn-Merchant-Token", "Authorization"):
        headers = {header: "Bearer stale", "X-Forwarded-For": an_address()}
        good(await shop.post(CHECK, body, token=None, headers=headers))
