"""A fifth of the transactions fail with a conflict, at a statement or at the commit: no answer shows it."""

import asyncio
import random

import pytest
from tests.faults.conftest import Behind
from tests.faults.wishes import are_settled, count, one_of_each
from tests.serving.database_faults import Failing, Refusing
from tests.serving.rush import Rush
from tests.serving.till import Till

SHARE = 0.2
CODES = ("40001", "40P01", "55P03")


async def test_a_rush_goes_on_although_every_fifth_transaction_fails(behind: Behind, lone_till: Till) -> None:
    cards = [(await lone_till.card("1000.00"))["id"] for _ in range(4)]
    rush = Rush(lone_till, cards, workers=8)
    failing = Failing(SHARE, CODES)
    with behind.hit_by(failing):
        async with rush.under_way():
            await rush.sold(200)
    assert failing.failed > failing.transactions * SHARE / 2, "too few have failed"
    assert rush.outcomes().keys() == {200}, rush.outcomes()
    await behind.shop.reckon(rush, lone_till)


async def test_every_kind_of_posting_is_repeated_and_applied_once(behind: Behind, lone_till: Till) -> None:
    wishes = [wish for _ in range(3) for wish in await one_of_each(lone_till)]
    before = await count(behind.database_url, lone_till.program)
    failing = Failing(SHARE, CODES, seed=random.randint(1, 10**6))
    with behind.hit_by(failing):
        for at in range(0, len(wishes), 4):  # several lists
            answers = await asyncio.gather(*(wish.send(lone_till) for wish in wishes[at : at + 4]))
            assert all(answer.is_success for answer in answers), [answer.text for answer in answers]
    assert await count(behind.database_url, lone_till.program) == before + sum(wish.entries for wish in wishes)
    await are_settled(lone_till, wishes, done=True)


@pytest.mark.parametrize("code", CODES)
async def test_what_never_succeeds_is_given_up_after_five_repetitions(
    behind: Behind, lone_till: Till, code: str
) -> None:
    card = (await lone_till.card("20.00"))["id"]
    failing = Failing(1, (code,))
    with behind.hit_by(failing):
        refused = await lone_till.redeem(card, "1.00", "the-key")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert refused.json()["code"] == "database_unavailable"
    assert (await lone_till.details(card))["balance"] == "20.00"
    assert (await lone_till.redeem(card, "1.00", "the-key")).json()["remainingBalance"] == "19.00"


async def test_a_look_up_that_the_database_breaks_off_is_503(behind: Behind, lone_till: Till) -> None:
    """A standby ends what is in its way with 40001, a timeout with 57014; neither is a fault of the program."""
    card = (await lone_till.card("20.00"))["id"]
    paths = [lone_till.cards_path(card), lone_till.cards_path(card, "transactions"), lone_till.cards_path()]
    for code in ("40001", "57014"):
        with behind.hit_by(Refusing(code, ("FROM card", "JOIN card"))):
            for path in paths:
                answer = await lone_till.http.get(path)
                assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1"), path
