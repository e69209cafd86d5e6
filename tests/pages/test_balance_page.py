"""The balance page of a program, over HTTP: what it shows for number and code, and what it tells of everything else."""

import asyncio
import re
from dataclasses import replace
from typing import Any

import altcha
import asyncpg
import httpx2
import pytest
from starlette.applications import Starlette
from tests.database.cards.builders import Shop, open_shop
from tests.markup import texts
from tests.pages.visitor import form_of, message_of, other, send

from kado.access.captcha import AltchaCaptcha, Captcha, NoCaptcha
from kado.audit.origin import Origin, coming_from
from kado.cards.balance_check import BalanceChecks
from kado.cards.page_check import UNPROVED_LIMITS, PageChecks
from kado.crypto import Keyring
from kado.doors.pages import Rooms, routes
from kado.fraud.blocked import Wanted, block
from kado.storage.database import Database

TOKEN = re.compile(r"[0-9]+\.[0-9a-f]{32}\.[0-9a-f]{64}")


async def proof_for(browser: httpx2.AsyncClient, shop: Shop) -> str:
    """What the page's script makes."""
    made = (await browser.get(f"/balance/{shop.program_id}/challenge")).json()
    found = await asyncio.to_thread(altcha.solve_challenge, altcha.Challenge.from_dict(made))
    assert found is not None
    return altcha.Payload(altcha.Challenge.from_dict(made), found).to_base64()


def over(rooms: Rooms, captcha: Captcha) -> httpx2.AsyncClient:
    """The pages of a server with this captcha."""
    checks = BalanceChecks(rooms.database, rooms.keyring, captcha, rooms.blocks)
    rooms = replace(rooms, checks=checks, page_checks=PageChecks(rooms.database, rooms.keyring, checks))
    app = Starlette(routes=[*routes(rooms)])
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://kado.test")


async def is_attacked(shop: Shop, superuser: "asyncpg.Connection[asyncpg.Record]") -> None:
    await superuser.execute(
        "INSERT INTO check_rate (program_id, minute, failed) VALUES ($1, date_trunc('minute', clock_timestamp()), 101)",
        shop.program_id,
    )


async def test_number_and_code_show_the_balance_and_stand_nowhere(shop: Shop, browser: httpx2.AsyncClient) -> None:
    told = await message_of(shop, await shop.card(5000, -1250))
    page = await browser.get(f"/balance/{shop.program_id}?lang=de")
    answer = await send(browser, page, number=f" {told.card_number[:4]} {told.card_number[4:]}", code=told.code)
    assert answer.status_code == 200
    assert "location" not in answer.headers
    read = texts(answer.text)
    assert {"37,50\N{NO-BREAK SPACE}$", "Einlösbar"} <= set(read)
    assert told.card_number not in answer.text.replace(" ", "")
    assert told.code not in TOKEN.sub("", answer.text)


async def test_whatever_is_wrong_the_answer_is_the_same(shop: Shop, browser: httpx2.AsyncClient) -> None:
    told = await message_of(shop, await shop.card(5000))
    voided = await shop.card(5000)
    gone = await message_of(shop, voided)
    await shop.void(voided)
    elsewhere = await open_shop(shop.database, shop.keyring)
    foreign = await message_of(elsewhere, await elsewhere.card(5000))
    await elsewhere.ledger.close()
    seen = set()
    for at, (number, code) in enumerate(
        [
            (told.card_number, other(told.code)),
            ("4000123412341234", told.code),
            (foreign.card_number, foreign.code),
            (gone.card_number, other(gone.code)),
            ("", ""),
            ("\N{ARABIC-INDIC DIGIT FOUR}\ud83c\udf81\x00", "x" * 5000),
        ]
    ):
        with coming_from(Origin(address=f"198.51.100.{at}")):
            page = await browser.get(f"/balance/{shop.program_id}")
            answer = await send(browser, page, number=number.encode(errors="replace").decode(), code=code)
        seen.add((answer.status_code, TOKEN.sub("", answer.text), tuple(answer.headers.items())))
    assert len(seen) == 1
    status, text, _ = next(iter(seen))
    assert (status, "We found no gift card with this number and code." in text) == (404, True)


async def test_a_card_that_ended_shows_how_it_stands(shop: Shop, browser: httpx2.AsyncClient) -> None:
    voided = await shop.card(5000)
    told = await message_of(shop, voided)
    await shop.void(voided)
    answer = await send(
        browser, await browser.get(f"/balance/{shop.program_id}"), number=told.card_number, code=told.code
    )
    assert {"US$0.00", "Ended"} <= set(texts(answer.text))


@pytest.mark.parametrize("address", ["x", "0" * 24, "a" * 300, "0" * 23 + "\N{ARABIC-INDIC DIGIT ONE}"])
async def test_a_program_that_there_is_not_tells_nothing(address: str, browser: httpx2.AsyncClient) -> None:
    usual = await browser.get(f"/cards/{'0' * 56}")
    for path in (f"/balance/{address}", f"/balance/{address}/challenge"):
        assert (answer := await browser.get(path)).status_code == 404
        assert answer.text == usual.text
    assert (await browser.post(f"/balance/{address}", data={"number": "1"})).text == usual.text


async def test_from_a_blocked_address_there_is_no_page(shop: Shop, browser: httpx2.AsyncClient) -> None:
    wanted = Wanted(address="203.0.113.7", reason="guessed")
    await block(shop.database, shop.program.merchant_id, "operator:test", shop.program_id, wanted, ())
    page = await browser.get(f"/balance/{shop.program_id}")
    with coming_from(Origin(address="203.0.113.7")):
        for answer in (
            await browser.get(f"/balance/{shop.program_id}"),
            await send(browser, page, number="1", code="1"),
        ):
            assert answer.status_code == 404
            assert "No gift card here" in answer.text


async def test_without_a_proof_an_address_has_a_sixth_of_the_failures(shop: Shop, browser: httpx2.AsyncClient) -> None:
    told = await message_of(shop, await shop.card(5000))
    page = await browser.get(f"/balance/{shop.program_id}")
    with coming_from(Origin(address="198.51.100.7")):
        right = [await send(browser, page, number=told.card_number, code=told.code) for _ in range(7)]
        wrong = [await send(browser, page, number=f"400012341234123{at}", code="000000") for at in range(5)]
        late = await send(browser, page, number=told.card_number, code=told.code)
        proved = await send(
            browser, page, number=told.card_number, code=told.code, proof=await proof_for(browser, shop)
        )
    assert {answer.status_code for answer in right} == {200}
    assert {answer.status_code for answer in wrong} == {404}
    assert (late.status_code, 0 < int(late.headers["retry-after"]) <= 3600) == (429, True)
    assert "There were too many tries." in late.text
    assert proved.status_code == 200
    assert [limit.count for limit in UNPROVED_LIMITS] == [5, 15]


async def test_a_proof_is_good_for_one_check_and_spent_by_it(shop: Shop, browser: httpx2.AsyncClient) -> None:
    strict = await open_shop(shop.database, shop.keyring, balance_without_script=False)
    told = await message_of(strict, await strict.card(5000))
    page = await browser.get(f"/balance/{strict.program_id}")
    assert "This page needs JavaScript for its security check." in page.text
    typed: dict[str, Any] = {"number": told.card_number, "code": told.code}
    bare = await send(browser, page, **typed)
    assert (bare.status_code, "The security check is missing." in bare.text) == (403, True)
    assert (await send(browser, page, **typed, proof="e30=")).status_code == 403
    proof = await proof_for(browser, strict)
    assert (await send(browser, page, **typed, proof=proof)).status_code == 200
    assert (await send(browser, page, **typed, proof=proof)).status_code == 403
    await strict.ledger.close()


async def test_under_attack_there_is_no_answer_without_a_proof(
    shop: Shop, rooms: Rooms, superuser: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    told = await message_of(shop, await shop.card(5000))
    await is_attacked(shop, superuser)
    for captcha in (NoCaptcha(), AltchaCaptcha(rooms.database, rooms.keyring)):
        async with over(rooms, captcha) as browser:
            page = await browser.get(f"/balance/{shop.program_id}")
            for code in (told.code, other(told.code)):
                answer = await send(browser, page, number=told.card_number, code=code)
                assert (answer.status_code, "The security check is missing." in answer.text) == (403, True)
            proof = await proof_for(browser, shop)
            proved = await send(browser, page, number=told.card_number, code=told.code, proof=proof)
            assert proved.status_code == 200


async def test_where_somebody_else_judges_captchas_our_proof_is_no_way_around(
    shop: Shop, rooms: Rooms, superuser: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    class Elsewhere(NoCaptcha):
        is_on = True
        takes_work = False

    told = await message_of(shop, await shop.card(5000))
    await is_attacked(shop, superuser)
    async with over(rooms, Elsewhere()) as browser:
        page = await browser.get(f"/balance/{shop.program_id}")
        proof = await proof_for(browser, shop)
        answer = await send(browser, page, number=told.card_number, code=told.code, proof=proof)
        assert (answer.status_code, "cannot be checked here right now" in answer.text) == (403, True)


async def test_the_link_to_a_card_needs_no_captcha(
    shop: Shop, rooms: Rooms, superuser: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """Nobody guesses it; the limits on the card and the address stay."""
    card_id = await shop.card(5000)
    told = await message_of(shop, card_id)
    await is_attacked(shop, superuser)
    async with over(rooms, AltchaCaptcha(rooms.database, rooms.keyring, is_always=True)) as browser:
        page = await browser.get(f"/cards/{(await shop.look(card_id)).pass_sid}")
        assert (await send(browser, page, code=told.code)).status_code == 200


async def test_a_form_of_another_program_is_not_taken(shop: Shop, browser: httpx2.AsyncClient) -> None:
    elsewhere = await open_shop(shop.database, shop.keyring)
    told = await message_of(shop, await shop.card(5000))
    _, foreign = form_of(await browser.get(f"/balance/{elsewhere.program_id}"))
    await elsewhere.ledger.close()
    typed = {"number": told.card_number, "code": told.code}
    answer = await browser.post(f"/balance/{shop.program_id}", data={**foreign, **typed})
    assert (answer.status_code, "US$50.00" in answer.text) == (403, False)
    assert (await send(browser, answer, **typed)).status_code == 200


async def test_while_the_database_is_away_people_are_told_so_in_words(
    shop: Shop, rooms: Rooms, database: Database, keyring: Keyring
) -> None:
    from kado.errors import Unavailable

    class Away(Database):
        def read(self) -> Any:
            raise Unavailable("database_away", "away", 3)

    away = object.__new__(Away)
    app = Starlette(routes=[*routes(replace(rooms, database=away))])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://kado.test") as browser:
        answer = await browser.get(f"/balance/{shop.program_id}", headers={"Accept-Language": "de"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "3")
    assert "Das hat nicht geklappt" in answer.text
