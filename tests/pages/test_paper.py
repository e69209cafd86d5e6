"""The card on paper, for who has its page and nothing else: what the page shows, and a code that leads there."""

import httpx2
import pytest
from tests.database.cards.builders import Shop
from tests.pages.visitor import address_of
from tests.paper_seen import pages_of

from kado.cards.find import card_by_id
from kado.cards.numbers import show_number
from kado.doors.pages import Rooms


@pytest.mark.parametrize("kind", ["paper", "paper/folded"])
@pytest.mark.parametrize("state", ["pending", "active"])
async def test_it_has_the_gift_and_the_way_to_it_and_of_the_number_its_end(
    shop: Shop, rooms: Rooms, browser: httpx2.AsyncClient, kind: str, state: str
) -> None:
    facts = {"customer_name": "Ada", "sender_name": "Ben", "custom_message": "All the best"}
    card_id = await (shop.issue(2500, **facts) if state == "pending" else shop.card(4000, -1500, **facts))
    address = await address_of(shop, card_id)
    assert f'href="{address}/{kind}"' in (await browser.get(address)).text
    answer = await browser.get(f"{address}/{kind}?lang=de")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-robots-tag"] == "noindex"
    (page,) = pages_of(answer.content)
    assert page.codes == {"QR Code": [rooms.public_url + address]}
    found = await card_by_id(shop.database, shop.program_id, card_id, is_test=False)
    number = show_number(shop.keyring, shop.program_id, card_id, found.card.number_sealed)
    assert f"•••• {found.card.last_four}" in page.words
    assert number not in page.words.replace(" ", "")
    for words in ("25,00", "Ada", "Ben", "All the best"):
        assert words in page.words


@pytest.mark.parametrize("state", ["suspended", "voided", "unknown"])
async def test_what_is_of_no_use_is_not_printed(shop: Shop, browser: httpx2.AsyncClient, state: str) -> None:
    card_id = await shop.card(5000)
    address = await address_of(shop, card_id)
    if state == "suspended":
        await shop.suspend(card_id)
    if state == "voided":
        await shop.void(card_id)
    if state == "unknown":
        address = f"/cards/{'0' * 56}"
    else:
        assert "/paper" not in (await browser.get(address)).text
    answer = await browser.get(f"{address}/paper")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")


async def test_paper_is_of_the_size_that_the_program_s_country_has(shop: Shop, browser: httpx2.AsyncClient) -> None:
    address = await address_of(shop, await shop.card(5000))
    assert pages_of((await browser.get(f"{address}/paper")).content)[0].size == (595, 842)
    async with shop.database.read() as connection:
        await connection.execute('UPDATE program SET profile = profile || \'{"country": "US"}\'')
    assert pages_of((await browser.get(f"{address}/paper")).content)[0].size == (612, 792)
