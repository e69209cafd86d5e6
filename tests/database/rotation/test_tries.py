"""A change of the secret gives nobody a second try: whatever was counted under any live secret counts."""

import asyncio
from collections import Counter
from datetime import timedelta

import altcha
import pytest
from tests.database.rotation.conftest import AFTER, BEFORE, BOTH, KNOWN, Change

from kado.access import attempts, otp
from kado.access.attempts import Exhausted, Limit, Reservation
from kado.access.captcha import AltchaCaptcha
from kado.access.customer_store import Desk, Target
from kado.cards.balance_check import BalanceChecks
from kado.crypto import Keyring
from kado.errors import NotFound, Refusal, TooMany

LIMIT = (Limit(5, timedelta(hours=1)),)


async def told(checks: BalanceChecks, change: Change, number: str, at: int, *, anywhere: bool = False) -> str:
    """What one wrong guess from an address of its own hears."""
    address = f"192.0.2.{at}"
    try:
        if anywhere:
            await checks.check_anywhere(number, "wrong0", address=address)
        else:
            await checks.check(change.shop.program_id, number, "wrong0", address=address)
    except (NotFound, TooMany) as refusal:
        return refusal.code
    raise AssertionError("a wrong code was taken")


@pytest.mark.parametrize("exists", [True, False])
async def test_five_guesses_are_five_under_however_many_secrets(change: Change, exists: bool) -> None:
    number = await change.number(await change.shop.card(1000)) if exists else "4000000000000002"
    servers = [change.checks(keyring) for keyring in (BEFORE, KNOWN, KNOWN, BOTH, KNOWN, BOTH)]
    heard = [await told(one, change, number, at) for at, one in enumerate(servers)]
    assert heard == ["card_not_found"] * 5 + ["card_locked"]


@pytest.mark.parametrize("anywhere", [True, False])
async def test_guesses_on_servers_in_both_orders_at_once_are_five_between_them(change: Change, anywhere: bool) -> None:
    number = await change.number(await change.shop.card(1000))
    servers = [change.checks(KNOWN), change.checks(BOTH)]
    heard = await asyncio.gather(
        *(told(servers[at % 2], change, number, at, anywhere=anywhere and at % 3 == 0) for at in range(40))
    )
    assert Counter(heard) == {"card_not_found": 5, "card_locked": 35}


@pytest.mark.parametrize("anywhere", [True, False])
async def test_the_count_of_a_card_comes_along_and_no_more_than_once(change: Change, anywhere: bool) -> None:
    card = await change.shop.card(1000)
    number = await change.number(card)
    for at, keyring in enumerate((BEFORE, BEFORE, BOTH)):
        assert await told(change.checks(keyring), change, number, at, anywhere=anywhere) == "card_not_found"
    for _ in range(2):
        await change.rotate()
    for at, keyring in enumerate((BOTH, AFTER), 10):
        assert await told(change.checks(keyring), change, number, at, anywhere=anywhere) == "card_not_found"
    for keyring in (BOTH, AFTER):
        assert await told(change.checks(keyring), change, number, 20) == "card_locked"


async def test_twenty_in_a_life_are_twenty(change: Change) -> None:
    number = await change.number(await change.shop.card(1000))
    for at in range(20):
        keyring = (BEFORE, KNOWN, BOTH)[at // 7]
        assert await told(change.checks(keyring), change, number, at) == "card_not_found"
        await change.thief.execute(
            "UPDATE code_guess SET wrong_at = ARRAY(SELECT t - interval '1 day' FROM unnest(wrong_at) t)"
        )
    await change.rotate()
    assert await told(change.checks(AFTER), change, number, 99) == "card_locked"


async def test_guesses_while_cards_are_moved_are_five(change: Change) -> None:
    numbers = [await change.number(await change.shop.card(1000)) for _ in range(3)]
    servers = [change.checks(KNOWN), change.checks(BOTH)]
    work = [told(servers[at % 2], change, numbers[at % 3], at) for at in range(60)]
    heard = await asyncio.gather(*work, *(change.rotate() for _ in range(2)))
    assert Counter(heard[:60]) == {"card_not_found": 15, "card_locked": 45}
    # A server that wrote under the old secret meanwhile may have counted there once more: it still counts.
    for number in numbers:
        assert await told(change.checks(BOTH), change, number, 200) == "card_locked"


async def test_an_address_has_thirty_failures_under_however_many_secrets(change: Change) -> None:
    heard = []
    for at in range(31):
        checks = change.checks((BEFORE, KNOWN, BOTH)[at // 12])
        try:
            await checks.check(change.shop.program_id, f"40000000000{at:05}", "wrong0", address="198.51.100.7")
        except (NotFound, TooMany) as refusal:
            heard.append(refusal.code)
    assert heard == ["card_not_found"] * 30 + ["too_many_checks"]


async def reserve(change: Change, keyring: Keyring) -> Reservation | Exhausted:
    about = attempts.subject(keyring, "login-email", "ada@shops.example")
    return await change.database.repeat(lambda connection: attempts.reserve(connection, "login-email", about, LIMIT))


async def test_reservations_in_both_orders_at_once_are_five_between_them(change: Change) -> None:
    outcomes = await asyncio.gather(*(reserve(change, (KNOWN, BOTH)[at % 2]) for at in range(40)))
    assert sum(isinstance(one, Reservation) for one in outcomes) == 5


async def test_what_was_counted_under_the_old_secret_counts_and_is_taken_back(change: Change) -> None:
    made = [await reserve(change, BEFORE) for _ in range(5)]
    refused = await reserve(change, BOTH)
    assert isinstance(refused, Exhausted)
    assert 3500 < refused.retry_after_seconds <= 3601
    assert isinstance(made[0], Reservation)
    await attempts.release(change.database, [made[0]])
    assert isinstance(await reserve(change, BOTH), Reservation)
    assert isinstance(await reserve(change, KNOWN), Exhausted)


async def test_a_one_time_password_of_the_old_secret_signs_in(change: Change) -> None:
    desk = Desk(change.shop.program.merchant_id, is_test=True, subject="key:test")
    target = Target("email", "eva@example.com")
    code = await otp.send(change.database, BEFORE, desk, target, "192.0.2.1")
    assert code is not None
    with pytest.raises(Refusal):
        await otp.verify(change.database, AFTER, desk, target, code, None)
    assert (await otp.verify(change.database, BOTH, desk, target, code, None)).token


async def test_a_challenge_of_the_old_secret_can_be_solved(change: Change) -> None:
    for maker, judge, is_good in ((BEFORE, BOTH, True), (BOTH, KNOWN, True), (BEFORE, AFTER, False)):
        challenge = altcha.Challenge.from_dict(AltchaCaptcha(change.database, maker).challenge() or {})
        solved = await asyncio.to_thread(altcha.solve_challenge, challenge)
        assert solved is not None
        token = altcha.Payload(challenge, solved).to_base64()
        assert await AltchaCaptcha(change.database, judge).solved(token) is is_good
