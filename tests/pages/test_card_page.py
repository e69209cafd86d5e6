"""The holder's page of a card, over HTTP as a browser gets it."""

import base64
import hashlib
import re
from importlib.resources import files

import httpx2
import pytest
from tests.database.cards.builders import Shop

from kado.audit.origin import Origin, coming_from
from kado.cards.find import card_by_id
from kado.doors.pages import routes
from kado.fraud.blocked import Blocks, Wanted, block
from kado.storage.database import Database

_FORBIDDEN = re.compile(r"<form|<script|<base|style=|javascript:|http-equiv|\son[a-z]+\s*=", re.IGNORECASE)


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


async def test_from_a_blocked_address_there_is_no_card(shop: Shop, browser: httpx2.AsyncClient) -> None:
    card_id = await shop.card(5000)
    wanted = Wanted(address="203.0.113.7", reason="guessed")
    await block(shop.database, shop.program.merchant_id, "operator:test", shop.program_id, wanted, ())
    with coming_from(Origin(address="203.0.113.7")):
        page = await page_of(shop, browser, card_id)
    assert (page.status_code, "50.00" in page.text) == (404, False)
    with coming_from(Origin(address="203.0.113.8")):
        assert (await page_of(shop, browser, card_id)).status_code == 200


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


async def test_every_page_says_what_a_browser_may_do_with_it(shop: Shop, browser: httpx2.AsyncClient) -> None:
    for page in (await page_of(shop, browser, await shop.card(5000)), await browser.get(f"/cards/{'0' * 56}")):
        policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
        assert policy.keys() == {"default-src", "style-src", "base-uri", "form-action", "frame-ancestors"}
        assert {name for name, value in policy.items() if value != "'none'"} == {"style-src"}
        assert "unsafe" not in page.headers["content-security-policy"]
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["cross-origin-opener-policy"] == "same-origin"
        assert page.headers["cross-origin-resource-policy"] == "same-origin"
        assert "camera=()" in page.headers["permissions-policy"]
        assert page.headers["x-robots-tag"] == "noindex"
        assert "set-cookie" not in page.headers


async def test_pages_can_only_be_read(browser: httpx2.AsyncClient, database: Database) -> None:
    """There is nothing that another site's form could set off. Whoever adds a form adds a token of the same site, the
    cookies' flags and a test of both here."""
    for route in routes(database, Blocks(database)):
        assert route.methods == {"GET", "HEAD"}, route.path
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert (await browser.request(method, f"/cards/{'0' * 56}")).status_code == 405
    folder = files("kado.doors.pages") / "templates"
    for template in folder.iterdir():
        source = template.read_text()
        assert _FORBIDDEN.search(source) is None, template.name
        assert [*re.findall(r"\|\s*safe", source)] == (["| safe"] if template.name == "layout.html" else [])


@pytest.mark.parametrize("address", ["x", "0" * 56, "0" * 55 + "\N{ARABIC-INDIC DIGIT ONE}", "a" * 300, "%00"])
async def test_a_wrong_address_leads_to_one_plain_page(address: str, browser: httpx2.AsyncClient) -> None:
    page = await browser.get(f"/cards/{address}")
    assert page.status_code == 404
    assert "No gift card here" in page.text
