"""Names are other people's words: on a page they are text, whatever stands in them."""

from urllib.parse import quote

import asyncpg
import httpx2
from tests.database.cards.builders import Shop
from tests.hostile import FORMULAS, INVISIBLE, MARKUP, TEMPLATES, TURNING
from tests.markup import tags, texts
from tests.pages.visitor import address_of, send

_WORDS = (*MARKUP, *TEMPLATES, *TURNING, *INVISIBLE, *FORMULAS)


async def test_no_name_becomes_an_element_of_a_page(
    shop: Shop, browser: httpx2.AsyncClient, superuser: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    card = await address_of(shop, await shop.card(5000, customer_name="x", sender_name="x", custom_message="x"))
    named = "UPDATE card SET customer_name = $1, sender_name = $1, custom_message = $1"
    for address, title in (
        (card, "Gift card of {}"),
        (f"/balance/{shop.program_id}", "Check the balance of a gift card: {}"),
    ):

        async def page_with(name: str, address: str = address) -> str:
            for statement in ("UPDATE program SET name = $1", "UPDATE merchant SET name = $1", named):
                await superuser.execute(statement, name)
            answer = await browser.get(address)
            assert answer.status_code == 200
            return answer.text

        usual = await page_with("Flower Shop")
        for words in _WORDS:
            page = await page_with(words)
            for scripting in (True, False):
                assert shape(page, words, scripting=scripting) == shape(usual, "Flower Shop", scripting=scripting), (
                    words
                )
            # As often as usual by itself, once in the title: as it was written, nothing reckoned out.
            read = words.replace("\r", "\n")  # as a parser does
            assert texts(page).count(read) == texts(usual).count("Flower Shop") >= 2
            assert texts(page).count(title.format(read)) == 1


def shape(page: str, name: str, *, scripting: bool) -> list[object]:
    """The page's elements, without what stands in them: the tokens of its forms, and the name in what previews show."""
    read = name.replace("\r", "\n")
    told = [f"Gift card of {read}", f"Check the balance of a gift card: {read}", read]
    return [
        (
            depth,
            tag,
            tuple(
                (key, "" if tag in ("input", "meta") and (value in told or len(value) > 90) else value)
                for key, value in facts
            ),
        )
        for depth, tag, facts in tags(page, scripting=scripting)
    ]


async def test_what_is_typed_is_not_said_back(shop: Shop, browser: httpx2.AsyncClient) -> None:
    address = await address_of(shop, await shop.issue(5000))
    for at, words in enumerate(MARKUP[:12]):
        for page, fields in (
            (await browser.get(address), {"code": words}),
            (await browser.get(f"/balance/{shop.program_id}?lang={quote(words)}"), {"number": words, "code": words}),
        ):
            answer = await send(browser, page, **fields)
            assert answer.status_code in ((403, 404) if at < 5 else (403, 404, 429))
            assert words not in answer.text
            assert quote(words) not in answer.text


async def test_a_name_that_turns_its_direction_turns_nothing_beside_it(shop: Shop, browser: httpx2.AsyncClient) -> None:
    """Each name stands in an element that keeps its direction to itself."""
    name = "\u202eShop\u2066"
    card_id = await shop.card(5000, customer_name=name, sender_name=name, custom_message=name)
    page = await browser.get(await address_of(shop, card_id))
    assert page.text.count(name) == page.text.count(f"<bdi>{name}</bdi>") + 1
    assert f'<blockquote dir="auto">{name}</blockquote>' in page.text


async def test_no_address_becomes_an_element_of_the_page(browser: httpx2.AsyncClient) -> None:
    usual = await browser.get(f"/cards/{'0' * 56}")
    for words in MARKUP:
        written = quote(words.replace("/", "|"), safe="")
        for address in (f"/cards/{written}", f"/cards/{'0' * 56}?x={written}", f"/balance/{written}"):
            page = await browser.get(address)
            assert (page.status_code, page.text) == (404, usual.text)
