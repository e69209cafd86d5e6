"""Names are other people's words: on a page they are text, whatever stands in them."""

from urllib.parse import quote

import asyncpg
import httpx2
from tests.database.cards.builders import Shop
from tests.hostile import FORMULAS, INVISIBLE, MARKUP, TEMPLATES, TURNING
from tests.markup import tags, texts

from kado.cards.find import card_by_id


async def test_no_name_becomes_an_element_of_the_page(
    shop: Shop, browser: httpx2.AsyncClient, superuser: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    found = await card_by_id(shop.database, shop.program_id, await shop.card(5000), is_test=False)
    address = f"/cards/{found.card.pass_sid}"

    async def page_with(name: str) -> str:
        await superuser.execute("UPDATE program SET name = $1", name)
        await superuser.execute("UPDATE merchant SET name = $1", name)
        answer = await browser.get(address)
        assert answer.status_code == 200
        return answer.text

    usual = await page_with("Flower Shop")
    for words in (*MARKUP, *TEMPLATES, *TURNING, *INVISIBLE, *FORMULAS):
        page = await page_with(words)
        for scripting in (True, False):
            assert tags(page, scripting=scripting) == tags(usual, scripting=scripting), words
        # Twice by itself (program and heading), once in the title: as it was written, nothing reckoned out.
        read = words.replace("\r", "\n")  # as a parser does
        assert texts(page).count(read) == texts(usual).count("Flower Shop") == 2
        assert texts(page).count(f"Gift card of {read}") == 1


async def test_a_name_that_turns_its_direction_turns_nothing_beside_it(shop: Shop, browser: httpx2.AsyncClient) -> None:
    found = await card_by_id(shop.database, shop.program_id, await shop.card(5000), is_test=False)
    page = await browser.get(f"/cards/{found.card.pass_sid}")
    assert [name for _, name, _ in tags(page.text)].count("bdi") == 2


async def test_no_address_becomes_an_element_of_the_page(browser: httpx2.AsyncClient) -> None:
    usual = await browser.get(f"/cards/{'0' * 56}")
    for words in MARKUP:
        written = quote(words.replace("/", "|"), safe="")
        for address in (f"/cards/{written}", f"/cards/{'0' * 56}?x={written}"):
            page = await browser.get(address)
            assert (page.status_code, page.text) == (404, usual.text)
