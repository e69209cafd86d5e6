"""The holder's page of a card, over HTTP as a browser gets it."""

import base64
import hashlib
import re
from collections.abc import AsyncIterator

import asyncpg
import httpx2
import pytest
from starlette.applications import Starlette
from tests.database.cards.builders import Shop, open_shop

from kado.cards.find import card_by_id
from kado.crypto import Keyring
from kado.doors.pages import routes
from kado.storage.database import Database


@pytest.fixture
async def shop(database: Database, keyring: Keyring) -> AsyncIterator[Shop]:
    made = await open_shop(database, keyring)
    yield made
    await made.ledger.close()


@pytest.fixture
async def browser(database: Database) -> AsyncIterator[httpx2.AsyncClient]:
    app = Starlette(routes=[*routes(database)])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://kado.test") as client:
        yield client


async def page_of(shop: Shop, browser: httpx2.AsyncClient, card_id: str) -> httpx2.Response:
    found = await card_by_id(shop.database, shop.program_id, card_id, is_test=False)
    return await browser.get(f"/cards/{found.card.pass_sid}")


async def test_a_holder_sees_balance_and_end_and_no_number(shop: Shop, browser: httpx2.AsyncClient) -> None:
    card_id = await shop.card(5000, -1250)
    found = await card_by_id(shop.database, shop.program_id, card_id, is_test=False)
    page = await page_of(shop, browser, card_id)
    assert page.status_code == 200
    assert "37.50" in page.text
    assert f"ends in {found.card.last_four}" in page.text
    assert "This card can be used." in page.text
    assert not re.search(r"\d{12,}", page.text)


async def test_a_pending_card_shows_what_it_will_be_worth(shop: Shop, browser: httpx2.AsyncClient) -> None:
    page = await page_of(shop, browser, await shop.issue(2500))
    assert "not activated yet" in page.text
    assert "25.00" in page.text


async def test_the_page_may_load_its_own_style_and_nothing_else(shop: Shop, browser: httpx2.AsyncClient) -> None:
    page = await page_of(shop, browser, await shop.card(5000))
    style = re.search(r"<style>(.*?)</style>", page.text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert f"style-src 'sha256-{digest}';" in policy
    assert "<script" not in page.text
    assert "style=" not in page.text


async def test_a_name_with_markup_is_only_text(
    shop: Shop, browser: httpx2.AsyncClient, superuser: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await superuser.execute("UPDATE program SET name = '<img src=x onerror=alert(1)>{{ 7*7 }}'")
    page = await page_of(shop, browser, await shop.card(5000))
    assert "<img" not in page.text
    assert "&lt;img src=x onerror=alert(1)&gt;{{ 7*7 }}" in page.text


@pytest.mark.parametrize("address", ["x", "0" * 56, "0" * 55 + "\N{ARABIC-INDIC DIGIT ONE}", "a" * 300, "%00"])
async def test_a_wrong_address_leads_to_one_plain_page(address: str, browser: httpx2.AsyncClient) -> None:
    page = await browser.get(f"/cards/{address}")
    assert page.status_code == 404
    assert "No gift card here" in page.text
