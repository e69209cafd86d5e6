"""The public balance check: a holder sees a balance; whoever guesses runs into limits and learns nothing on the way."""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import httpx2
import pytest
import pytest_asyncio
from tests.api.serving import Served, serving
from tests.api.shop import UNKNOWN, Body, Shop, Superuser, an_address, card_path, check_path, good

from kado.settings import Settings

DAY = 86_400


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def _another_minute(thief: Superuser) -> None:
    """What failed in the tests before is no attack on the program of this one."""
    await thief.execute("DELETE FROM check_rate")


def wrong(code: str) -> str:
    """Another code of the same form."""
    return ("1" if code[0] != "1" else "2") + code[1:]


async def guess(shop: Shop, card: Body, code: str, times: int) -> None:
    """So many wrong codes, each from another address, all of them compared."""
    for _ in range(times):
        assert (await shop.check(card, wrong(code))).status_code == 404


def locked(answer: httpx2.Response) -> None:
    body = good(answer, 429)
    assert body == {"detail": "Too many wrong codes for this number.", "code": "card_locked"}
    assert 0 < int(answer.headers["retry-after"]) <= DAY + 1


async def age_guesses(thief: Superuser, **ago: int) -> None:
    """As if every wrong code so far had come that much earlier."""
    await thief.execute(
        "UPDATE code_guess SET wrong_at = ARRAY(SELECT t - $1::interval FROM unnest(wrong_at) AS t ORDER BY t)",
        timedelta(**ago),
    )


def told(answer: httpx2.Response) -> tuple[object, ...]:
    """All that an answer tells, but for its own name and the time of day."""
    headers = {name: value for name, value in answer.headers.items() if name not in ("x-request-id", "date")}
    return answer.status_code, answer.content, tuple(sorted(headers.items()))


# ── one number ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_five_wrong_codes_lock_a_number_for_a_day(shop: Shop, thief: Superuser) -> None:
    card = await shop.active()
    code = await shop.code_of(card)
    await guess(shop, card, code, 5)
    locked(await shop.check(card, wrong(code)))
    locked(await shop.check(card, code))
    await age_guesses(thief, hours=23, minutes=59)
    locked(await shop.check(card, code))
    await age_guesses(thief, minutes=1)
    good(await shop.check(card, code))
    assert (await shop.check(card, wrong(code))).status_code == 404


async def test_a_right_code_does_not_take_wrong_ones_back(shop: Shop) -> None:
    card = await shop.active()
    code = await shop.code_of(card)
    await guess(shop, card, code, 4)
    good(await shop.check(card, code))
    await guess(shop, card, code, 1)
    locked(await shop.check(card, code))


async def test_twenty_wrong_codes_lock_a_number_for_good(shop: Shop, thief: Superuser) -> None:
    card = await shop.active(customerEmail="ada@example.com")
    code = await shop.code_of(card)
    for day in range(4):
        assert day == 0 or good(await shop.check(card, code))["balance"] == "100.00"
        await guess(shop, card, code, 5)
        await age_guesses(thief, days=2)
    locked(await shop.check(card, code))
    await age_guesses(thief, days=3000)
    locked(await shop.check(card, code))
    good(await shop.post(card_path(card, "resend-code")))
    fresh = await shop.code_of(card)
    good(await shop.check(card, fresh))
    await guess(shop, card, fresh, 5)


async def test_a_new_code_unlocks_and_the_old_one_is_dead(shop: Shop) -> None:
    card = await shop.active(customerEmail="ada@example.com")
    old = await shop.code_of(card)
    await guess(shop, card, old, 5)
    good(await shop.post(card_path(card, "resend-code")))
    # Until the message leaves there is no code at all, and what waits in the outbox is not one either.
    assert (await shop.check(card, old)).status_code == 404
    fresh = await shop.code_of(card)
    good(await shop.check(card, fresh))


async def test_a_locked_card_still_works_at_the_till(shop: Shop) -> None:
    card = await shop.active("10.00")
    code = await shop.code_of(card)
    await guess(shop, card, code, 5)
    locked(await shop.check(card, code))
    good(await shop.redeem(card, "1.00"))
    assert good(await shop.reload(card, "2.00"))["balance"] == "11.00"


async def test_codes_at_activation_are_counted_with_the_others(shop: Shop) -> None:
    card = await shop.issue()
    code = await shop.code_of(card)
    await guess(shop, card, code, 2)
    for _ in range(3):
        answer = await shop.post(card_path(card, "activate"), {"securityCode": wrong(code)})
        assert answer.json()["code"] == "wrong_security_code"
    locked(await shop.post(card_path(card, "activate"), {"securityCode": code}))
    locked(await shop.check(card, code))
    assert (await shop.look(card))["status"] == "pending"
    good(await shop.post(card_path(card, "activate"), {}))


async def test_sixty_guesses_at_once_get_five_comparisons(
    shop: Shop, app_settings: Settings, shared_database_url: str
) -> None:
    card = await shop.active()
    code = await shop.code_of(card)
    body = {"cardNumber": card["cardNumber"], "securityCode": wrong(code)}
    async with serving(app_settings, shared_database_url) as second:
        clients = [(shop.api.client, second.client)[at % 2] for at in range(60)]
        answers = await asyncio.gather(
            *(
                client.post(check_path(shop.program_id), json=body, headers={"X-Forwarded-For": an_address()})
                for client in clients
            )
        )
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(404), statuses.count(429)) == (5, 55)
    locked(await shop.check(card, code))


async def test_a_lock_is_shared_by_processes_and_survives_a_restart(
    shop: Shop, app_settings: Settings, shared_database_url: str
) -> None:
    card = await shop.active()
    code = await shop.code_of(card)
    await guess(shop, card, code, 3)
    async with serving(app_settings, shared_database_url) as second:
        elsewhere = replace(shop, api=second)
        await guess(elsewhere, card, code, 2)
        locked(await elsewhere.check(card, code))
    locked(await shop.check(card, code))
    async with serving(app_settings, shared_database_url) as restarted:
        locked(await replace(shop, api=restarted).check(card, code))


async def test_a_number_is_read_as_people_type_it(shop: Shop) -> None:
    card = await shop.active()
    code = await shop.code_of(card)
    for between in (" ", "-"):
        typed = between.join(re.findall("....", card["cardNumber"]))
        good(await shop.check({**card, "cardNumber": typed}, code))
    # Typed differently it is still the same number to the counter.
    await guess(shop, card, code, 4)
    await guess(shop, {**card, "cardNumber": " ".join(re.findall("....", card["cardNumber"]))}, code, 1)
    locked(await shop.check(card, code))


async def test_codes_of_letters_are_read_in_either_case(shop: Shop) -> None:
    card = await shop.active(program_id=await shop.program(securityCodeFormat="letters"))
    code = await shop.code_of(card)
    assert re.fullmatch("[A-HJ-NP-Z3-9]{6}", code)
    good(await shop.check(card, code))
    good(await shop.check(card, code.lower()))
    assert (await shop.check(card, wrong(code))).status_code == 404


# ── no oracle ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def misses(shop: Shop) -> dict[str, tuple[Body, str]]:
    """Ways to be wrong: a card to ask about and a code for it."""
    active, voided, fresh = await shop.active(), await shop.active(), await shop.active()
    code, voided_code = await shop.code_of(active), await shop.code_of(voided)
    good(await shop.post(card_path(voided, "void"), {"reason": "lost"}))
    other = await shop.program()
    return {
        "wrong code": (active, wrong(code)),
        "empty code": (active, ""),
        "wrong code of a voided card": (voided, wrong(voided_code)),
        "card without a code": (fresh, "123456"),
        "unknown number": ({**active, "cardNumber": "4000123412341234"}, code),
        "no number at all": ({**active, "cardNumber": ""}, code),
        "another number": ({**active, "cardNumber": voided["cardNumber"]}, code),
        "another program of the merchant": ({**active, "programId": other}, code),
        "unknown program": ({**active, "programId": UNKNOWN}, code),
        "odd signs": ({**active, "cardNumber": "٤٠٠٠\u200b' OR 1=1"}, "✓" * 6),
    }


async def test_every_miss_tells_the_same(shop: Shop) -> None:
    answers = {name: await shop.check(card, code) for name, (card, code) in (await misses(shop)).items()}
    first = told(answers["wrong code"])
    assert first[:2] == (404, b'{"detail":"There is no such card in this program.","code":"card_not_found"}')
    assert {name for name, answer in answers.items() if told(answer) != first} == set()


async def test_a_locked_number_that_exists_and_one_that_does_not_tell_the_same(shop: Shop) -> None:
    card = await shop.active()
    code = await shop.code_of(card)
    unknown = {**card, "cardNumber": "4000123412341235"}
    for _ in range(5):
        assert told(await shop.check(card, wrong(code))) == told(await shop.check(unknown, wrong(code)))
    answers = await shop.check(card, code), await shop.check(unknown, code)
    for answer in answers:
        locked(answer)
        del answer.headers["retry-after"]
    assert told(answers[0]) == told(answers[1])


async def test_the_right_code_of_a_voided_card_says_that_it_is_voided(shop: Shop) -> None:
    card = await shop.active()
    code = await shop.code_of(card)
    good(await shop.post(card_path(card, "void"), {"reason": "lost"}))
    seen = good(await shop.check(card, code))
    assert (seen["status"], seen["isActive"], seen["balance"]) == ("voided", False, "0.00")


# ── one address ────────────────────────────────────────────────────────────────────────────────────────────────────


def unknown_numbers(card: Body, start: int) -> Iterable[Body]:
    """Numbers that no card has, a different one each time."""
    return ({**card, "cardNumber": f"9{number:015}"} for number in range(start, start + 1000))


def slowed_down(answer: httpx2.Response, seconds: int) -> None:
    body = good(answer, 429)
    assert body == {"detail": "Too many failed checks from this address.", "code": "too_many_checks"}
    assert seconds - 60 < int(answer.headers["retry-after"]) <= seconds + 1


async def test_thirty_failures_an_hour_slow_an_address_down(shop: Shop, thief: Superuser) -> None:
    card, address = await shop.active(), an_address()
    code = await shop.code_of(card)
    numbers = iter(unknown_numbers(card, 0))
    for _ in range(30):
        good(await shop.check(card, code, address=address))  # what is right is not counted
        assert (await shop.check(next(numbers), code, address=address)).status_code == 404
    slowed_down(await shop.check(next(numbers), code, address=address), 3600)
    slowed_down(await shop.check(card, code, address=address), 3600)
    good(await shop.check(card, code))
    await thief.execute(
        "UPDATE attempt SET failed_at = ARRAY(SELECT t - interval '61 minutes' FROM unnest(failed_at) t ORDER BY t)"
    )
    good(await shop.check(card, code, address=address))


async def test_a_hundred_failures_a_day_slow_an_address_down(shop: Shop, thief: Superuser) -> None:
    card, address = await shop.active(), an_address()
    code = await shop.code_of(card)
    await thief.execute("DELETE FROM attempt")
    assert (await shop.check(card, wrong(code), address=address)).status_code == 404
    most = (
        "UPDATE attempt SET failed_at = ARRAY("
        "SELECT clock_timestamp() - interval '2 hours' - n * interval '1 millisecond'"
        " FROM generate_series(0, {}) AS n ORDER BY n DESC)"
    )
    await thief.execute(most.format(98))
    good(await shop.check(card, code, address=address))
    await thief.execute(most.format(99))
    slowed_down(await shop.check(card, code, address=address), 22 * 3600)


async def test_a_household_of_ipv6_addresses_is_one_address(shop: Shop) -> None:
    card = await shop.active()
    code = await shop.code_of(card)
    numbers = iter(unknown_numbers(card, 1000))
    for last in range(30):
        answer = await shop.check(next(numbers), code, address=f"2001:db8:7:1:{last:x}::1")
        assert answer.status_code == 404
    slowed_down(await shop.check(card, code, address="2001:db8:7:1::99"), 3600)
    good(await shop.check(card, code, address="2001:db8:7:2::99"))


async def test_a_forged_forwarding_header_hides_nobody(
    shop: Shop, app_settings: Settings, shared_database_url: str
) -> None:
    card = await shop.active()
    code = await shop.code_of(card)
    trusting_nobody = replace(app_settings, trusted_proxies=())
    async with serving(trusting_nobody, shared_database_url) as served:
        direct = replace(shop, api=served)
        for number, _ in zip(unknown_numbers(card, 2000), range(30), strict=False):
            assert (await direct.check(number, code)).status_code == 404
        slowed_down(await direct.check(card, code), 3600)
    # Behind the proxy, who writes more addresses than one is known by the last of them.
    numbers, real = iter(unknown_numbers(card, 3000)), an_address()
    for _ in range(30):
        assert (await shop.check(next(numbers), code, address=f"{an_address()}, {real}")).status_code == 404
    slowed_down(await shop.check(card, code, address=f"{an_address()}, {real}"), 3600)


async def test_where_no_captcha_is_configured_there_is_no_challenge(shop: Shop, api: Served) -> None:
    answer = await api.client.get("/v2/giftcards/captcha")
    assert (answer.status_code, answer.json()["code"]) == (404, "captcha_off")
    card = await shop.active()
    good(await shop.check(card, await shop.code_of(card), captchaToken="anything"))


@pytest.mark.parametrize("header", ["X-Eposn-Customer-Token", "Authorization"])
async def test_a_stale_token_does_not_keep_a_holder_from_the_balance(shop: Shop, header: str) -> None:
    card = await shop.active()
    body = {"cardNumber": card["cardNumber"], "securityCode": await shop.code_of(card)}
    headers = {header: "Bearer stale", "X-Forwarded-For": an_address()}
    good(await shop.post(check_path(shop.program_id), body, token=None, headers=headers))
