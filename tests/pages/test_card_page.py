"""The holder's page of a card, over HTTP as a browser gets it: which screen it is, and what is on it."""

import re
from dataclasses import replace
from datetime import timedelta

import httpx2
import pytest
from starlette.applications import Starlette
from tests.database.cards.builders import Shop, open_shop
from tests.markup import tags, texts
from tests.pages.visitor import address_of

from kado.audit.origin import Origin, coming_from
from kado.cards.find import card_by_id
from kado.crypto import Keyring
from kado.doors.pages import Rooms, routes
from kado.fraud.blocked import Wanted, block
from kado.storage.database import Database


async def page_of(shop: Shop, browser: httpx2.AsyncClient, card_id: str, query: str = "") -> httpx2.Response:
    return await browser.get(await address_of(shop, card_id) + query)


async def test_a_holder_sees_balance_and_end_and_no_number(shop: Shop, browser: httpx2.AsyncClient) -> None:
    card_id = await shop.card(5000, -1250)
    found = await card_by_id(shop.database, shop.program_id, card_id, is_test=False)
    page = await page_of(shop, browser, card_id)
    assert page.status_code == 200
    assert "US$37.50" in texts(page.text)
    assert f"Number ends in {found.card.last_four}" in texts(page.text)
    assert "Ready to use" in texts(page.text)
    assert any(text.startswith("Good until ") for text in texts(page.text))
    assert not re.search(r"\d{12,}", re.sub(r"[0-9a-f]{56}|[0-9]+\.[0-9a-f]{32}\.[0-9a-f]{64}", "", page.text))


async def test_the_words_of_the_giver_and_the_name_of_the_receiver_stand_on_it(
    shop: Shop, browser: httpx2.AsyncClient
) -> None:
    card_id = await shop.issue(2500, customer_name="Ada", sender_name="Ben", custom_message="Happy birthday!\nYours")
    read = texts((await page_of(shop, browser, card_id)).text)
    assert "Happy birthday!\nYours" in read
    assert "".join(read).count("Ada") == 1
    assert "Ben" in read


async def test_from_a_blocked_address_there_is_no_card(shop: Shop, browser: httpx2.AsyncClient) -> None:
    card_id = await shop.card(5000)
    wanted = Wanted(address="203.0.113.7", reason="guessed")
    await block(shop.database, shop.program.merchant_id, "operator:test", shop.program_id, wanted, ())
    with coming_from(Origin(address="203.0.113.7")):
        page = await page_of(shop, browser, card_id)
    assert (page.status_code, "50.00" in page.text) == (404, False)
    with coming_from(Origin(address="203.0.113.8")):
        assert (await page_of(shop, browser, card_id)).status_code == 200


async def test_a_pending_card_shows_what_it_will_be_worth_and_asks_for_its_code(
    shop: Shop, browser: httpx2.AsyncClient
) -> None:
    page = await page_of(shop, browser, await shop.issue(2500))
    assert {"US$25.00", "Not activated yet", "Activate gift card"} <= set(texts(page.text))
    assert "QR code" not in page.text


async def test_each_state_has_a_screen_of_its_own(shop: Shop, browser: httpx2.AsyncClient) -> None:
    soon = await shop.soon()
    expired = await shop.card(900, expires_at=soon)
    suspended, voided, spent = await shop.card(900), await shop.card(900), await shop.card(900, -900)
    await shop.suspend(suspended, until=soon + timedelta(days=9))
    await shop.void(voided)
    await shop.wait_for(soon)
    for card_id, says, has_form in (
        (suspended, "This gift card is paused", False),
        (expired, "This gift card expired on ", False),
        (voided, "This gift card has been ended", False),
        (spent, "You have spent all of this gift card.", True),
    ):
        page = await page_of(shop, browser, card_id)
        assert says in page.text
        assert ("<form" in page.text) is has_form
        assert "QR code" not in page.text


async def test_a_card_that_went_into_another_says_so(shop: Shop, browser: httpx2.AsyncClient) -> None:
    first, second = [await shop.card(900, customer_email="ada@example.com") for _ in range(2)]
    assert (await shop.ledger.post(shop.consolidation(first, second))).status == 200
    assert "The value of this gift card is on another card now." in (await page_of(shop, browser, first)).text


async def test_the_last_uses_stand_newest_first_ten_on_a_page(shop: Shop, browser: httpx2.AsyncClient) -> None:
    card_id = await shop.card(5000, *(-(100 + at) for at in range(12)), 300)

    async def amounts(query: str) -> list[str]:
        page = await page_of(shop, browser, card_id, query)
        return re.findall(r'class="amount">([^<]+)</span><span class="where"', page.text)

    newest = ["+US$3.00", *(f"-US$1.{at:02}" for at in range(11, 2, -1))]
    assert await amounts("") == await amounts("?page=0") == await amounts("?page=x") == newest
    assert await amounts("?page=2") == ["-US$1.02", "-US$1.01", "-US$1.00", "+US$50.00"]
    assert await amounts("?page=3") == []
    first, second = await page_of(shop, browser, card_id), await page_of(shop, browser, card_id, "?lang=de&page=2")
    assert "?page=2#uses" in first.text
    assert "Later" not in texts(first.text)
    assert "?lang=de&amp;page=1#uses" in second.text
    assert "Früher" not in texts(second.text)


async def test_what_is_held_for_an_order_is_named(shop: Shop, browser: httpx2.AsyncClient) -> None:
    card_id = await shop.card(5000)
    await shop.hold(card_id, 1000)
    assert "US$10.00 of it is reserved for an order." in (await page_of(shop, browser, card_id)).text


async def test_a_test_card_says_that_it_is_none(shop: Shop, browser: httpx2.AsyncClient) -> None:
    trying = replace(shop, caller=replace(shop.caller, is_test=True))
    page = await page_of(trying, browser, await trying.card(5000))
    assert "Test card: not worth any money" in page.text


@pytest.mark.parametrize(
    ("asked", "query", "language", "says"),
    [
        ("", "", "en", "Balance"),
        ("de-AT,en;q=0.5", "", "de", "Guthaben"),
        ("tlh, fr;q=0.2, *;q=0.1", "", "fr", "Solde"),
        ("de", "?lang=es", "es", "Saldo"),
        ("de", "?lang=nl-BE", "nl", "Saldo"),
        ("de", "?lang=xx", "de", "Guthaben"),
        ("de", "?lang=%22%3E%3Cscript%3E", "de", "Guthaben"),
    ],
)
async def test_the_reader_is_spoken_to_in_their_language(
    asked: str, query: str, language: str, says: str, shop: Shop, browser: httpx2.AsyncClient
) -> None:
    address = await address_of(shop, await shop.card(5000))
    page = await browser.get(address + query, headers={"Accept-Language": asked})
    assert f'<html lang="{language}">' in page.text
    assert page.headers["content-language"] == language
    assert page.headers["vary"] == "Accept-Language"
    assert says in texts(page.text)
    for one in ("en", "de", "fr", "es", "nl"):
        assert f'href="{address}?lang={one}"' in page.text


async def test_who_says_nothing_is_spoken_to_as_is_usual_in_the_program(
    database: Database, keyring: Keyring, rooms: Rooms, browser: httpx2.AsyncClient
) -> None:
    shop = await open_shop(database, keyring, currency="EUR", profile={"language": "de", "timeZone": "Europe/Berlin"})
    page = await page_of(shop, browser, await shop.card(5000))
    assert "50,00\N{NO-BREAK SPACE}€" in texts(page.text)
    await shop.ledger.close()


async def test_a_shop_can_be_reached_only_by_addresses_that_are_some(
    database: Database, keyring: Keyring, browser: httpx2.AsyncClient
) -> None:
    profile = {"phone": "+49 (30) 123", "email": "a?bcc=b@shop.example", "website": "javascript:alert(1)//https://x"}
    shop = await open_shop(database, keyring, profile=profile)
    page = await page_of(shop, browser, await shop.card(5000))
    links = [dict(tag[2])["href"] for tag in tags(page.text) if tag[1] == "a"]
    assert [one for one in links if not one.startswith("/")] == ["tel:+4930123", "mailto:a%3Fbcc%3Db@shop.example"]
    await shop.ledger.close()


async def test_wallets_are_offered_as_they_are_offered_to_us(shop: Shop, rooms: Rooms) -> None:
    async def offers(_: object) -> frozenset[str]:
        return frozenset({"apple", "google"})

    app = Starlette(routes=[*routes(replace(rooms, offers=offers))])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://kado.test") as browser:
        for card_id, is_offered in ((await shop.card(5000), True), (await shop.issue(5000), False)):
            address = await address_of(shop, card_id)
            page = (await browser.get(address)).text
            for link in (f'href="{address}/apple.pkpass"', f'href="{address}/google-wallet"'):
                assert (link in page) is is_offered


@pytest.mark.parametrize("address", ["x", "0" * 56, "0" * 55 + "\N{ARABIC-INDIC DIGIT ONE}", "a" * 300, "%00"])
async def test_a_wrong_address_leads_to_one_plain_page(address: str, browser: httpx2.AsyncClient) -> None:
    page = await browser.get(f"/cards/{address}")
    assert page.status_code == 404
    assert "No gift card here" in page.text
    for more in ("activate", "number"):
        for answer in (await browser.get(f"/cards/{address}/{more}"), await browser.post(f"/cards/{address}/{more}")):
            assert (answer.status_code, answer.text) == (404, page.text)
