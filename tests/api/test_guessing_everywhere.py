"""Guesses from everywhere at once, and refusals that cost the same: what no limit on one number or address can hold."""

import contextlib

import asyncpg
import httpx2
from tests.api.shop import Body, Shop, Superuser, an_address, good
from tests.api.sign_in import CHECK
from tests.api.test_guessing import misses, unknown_numbers

from kado.cards import guesses
from kado.cards.numbers import indexes_of

# ── tills ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_till_at_the_guessers_address_goes_on_selling(shop: Shop) -> None:
    card, here = await shop.active(), {"X-Forwarded-For": an_address()}
    code = await shop.code_of(card)
    for number, _ in zip(unknown_numbers(card, 100), range(31), strict=False):
        last = await shop.check(number, code, address=here["X-Forwarded-For"])
    assert last.json()["code"] == "too_many_checks"
    for _ in range(5):
        await shop.check(card, "0" * 6 if code != "0" * 6 else "1" * 6)
    assert (await shop.check(card, code)).json()["code"] == "card_locked"
    good(await shop.redeem(card, "1.00", headers=here))
    good(await shop.reload(card, "1.00", headers=here))
    by_number = f"/v2/giftcards/programs/{card['programId']}/cards/reload-by-number"
    good(await shop.post(by_number, {"cardNumber": card["cardNumber"], "amount": "1.00"}, headers=here))


# ── one program ────────────────────────────────────────────────────────────────────────────────────────────────────


async def failed_this_minute(thief: Superuser, program_id: str, failed: int) -> None:
    """As if so many checks had failed in the minute that is, and in the next one, should the test come to see it."""
    await thief.execute(
        "INSERT INTO check_rate (program_id, minute, failed)"
        " SELECT $1, date_trunc('minute', clock_timestamp()) + n * interval '1 minute', $2 FROM generate_series(0, 1) n"
        " ON CONFLICT (program_id, minute) DO UPDATE SET failed = EXCLUDED.failed",
        program_id,
        failed,
    )


def flooded(answer: httpx2.Response) -> None:
    body = good(answer, 429)
    assert body == {"detail": "Too many failed checks in this program.", "code": "too_many_checks"}
    assert 0 < int(answer.headers["retry-after"]) <= 60


async def test_without_a_captcha_a_program_under_attack_takes_only_so_many_failures_a_minute(
    shop: Shop, thief: Superuser
) -> None:
    card = await shop.active(program_id=await shop.program())
    code = await shop.code_of(card)
    await failed_this_minute(thief, card["programId"], 198)
    answers = [await shop.check(number, code) for number, _ in zip(unknown_numbers(card, 0), range(4), strict=False)]
    assert [answer.status_code for answer in answers] == [404, 404, 429, 429]
    flooded(answers[-1])
    flooded(await shop.check(card, code))
    # Money moves, and so does whatever is proved otherwise.
    good(await shop.redeem(card, "1.00"))
    good(await shop.transfer(card, await shop.active(program_id=card["programId"]), code=code))
    # Another program has nothing to do with it.
    other = await shop.active()
    good(await shop.check(other, await shop.code_of(other)))
    await thief.execute("UPDATE check_rate SET minute = minute - interval '2 minutes'")
    good(await shop.check(card, code))


async def test_a_program_that_is_used_to_more_takes_more(shop: Shop, thief: Superuser) -> None:
    card = await shop.active(program_id=await shop.program())
    code = await shop.code_of(card)
    # Three failures a minute are usual: thirty would be an attack, three hundred in a minute are too many.
    await thief.execute(
        "INSERT INTO check_rate (program_id, minute, failed)"
        " VALUES ($1, date_trunc('minute', clock_timestamp()) - interval '1 hour', 4320)",
        card["programId"],
    )
    await failed_this_minute(thief, card["programId"], 299)
    good(await shop.check(card, code))
    await failed_this_minute(thief, card["programId"], 300)
    flooded(await shop.check(card, code))


async def test_checks_over_all_programs_have_a_minute_of_their_own(shop: Shop, thief: Superuser) -> None:
    card = await shop.active()
    body = {"cardNumber": card["cardNumber"], "securityCode": await shop.code_of(card)}

    async def anywhere(**more: str) -> httpx2.Response:
        return await shop.post(CHECK, body | more, token=None, headers={"X-Forwarded-For": an_address()})

    minute = "date_trunc('minute', clock_timestamp())"
    await thief.execute(
        f"INSERT INTO anywhere_rate SELECT {minute} + n * interval '1 minute', 199 FROM generate_series(0, 1) n"
    )
    good(await anywhere())
    assert (await anywhere(cardNumber="9876543210987654")).status_code == 404
    flooded(await anywhere())
    good(await shop.check(card, body["securityCode"]))
    await thief.execute("DELETE FROM anywhere_rate")
    good(await anywhere())


# ── nothing to be told apart ───────────────────────────────────────────────────────────────────────────────────────


async def statements(shop: Shop, card: Body, code: str) -> list[str]:
    """What a check asks the database, statement by statement."""
    asked: list[str] = []
    holders = shop.api.services.database._pool._holders  # type: ignore[attr-defined] # each of its connections

    def note(record: asyncpg.connection.LoggedQuery) -> None:
        asked.append(" ".join(record.query.split()))

    with contextlib.ExitStack() as stack:
        for holder in holders:
            if holder._con is not None:
                stack.enter_context(holder._con.query_logger(note))
        await shop.check(card, code)
    return asked


async def test_every_refusal_runs_the_same_statements(shop: Shop) -> None:
    """How long it takes is put to the test by `drills/oracle.py`; this is why."""
    ways = await misses(shop)
    for card, code in ways.values():
        await shop.check(card, code)  # whom a program has blocked is known from now on
    asked = {name: await statements(shop, card, code) for name, (card, code) in ways.items()}
    first = asked["wrong code"]
    assert len(first) > 8
    assert len([one for one in first if one.startswith("INSERT")]) == 3
    del asked[
        "unknown program"
    ]  # of which nothing is counted: who is in it is no secret, and neither is that it exists
    assert {name for name, one in asked.items() if one != first} == set()


async def test_a_card_that_is_read_is_as_much_as_one_that_is_not(shop: Shop) -> None:
    """Of a card no more is read than of a number that none has, until its code is proved."""
    card = await shop.active()
    index = indexes_of(shop.api.services.keyring, card["programId"], card["cardNumber"])[0]
    async with shop.api.services.database.transaction() as connection:
        places = {(card["programId"], index), (card["programId"], bytes(32))}
        situation = await guesses.read(connection, set(), places, set())
    known, strange = situation.claimed[card["programId"], index], situation.claimed[card["programId"], bytes(32)]
    assert (known.exists, strange.exists) == (True, False)
    sizes = [(len(one.card_id), len(one.code_hash), len(one.code_version)) for one in (known, strange)]
    assert sizes == [(24, 32, 4)] * 2
