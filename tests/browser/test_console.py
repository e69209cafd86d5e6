"""The console in a browser: everybody can use it, it is light, it asks nobody else, and it works without its script."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from tests.browser.console_screens import BYTES_MAX, CONSOLE, MAY_BE_SMALL, SIGNED_OUT, card, home, sign_in
from tests.browser.usable import NARROW, TABLET, in_the_way
from tests.browser.world import World


@pytest.fixture
def context(browser: Browser, shop: World) -> Iterator[BrowserContext]:
    """The owner's browser, signed in. What it asks of anybody but the server, or complains of, fails."""
    asked: set[str] = set()
    complaints: list[str] = []
    with browser.new_context(locale="en-GB", reduced_motion="reduce", viewport={"width": 1280, "height": 800}) as made:
        made.on("request", lambda request: asked.add(request.url))
        made.on("weberror", lambda error: complaints.append(str(error.error)))
        made.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        sign_in(made.new_page(), shop)
        yield made
    assert not [url for url in asked if not url.startswith(f"{shop.server.base_url}/")], "a third party"
    assert not [said for said in complaints if "status of 4" not in said]


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.pages[0]


def test_nothing_is_in_anybodys_way_on_any_screen(shop: World, page: Page) -> None:
    page.goto(f"{home(shop)}?lang=de")
    page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    widths = (NARROW, TABLET, (1280, 800))
    for name, show in CONSOLE.items():
        show(page, shop)
        assert in_the_way(page, bytes_max=BYTES_MAX, small=MAY_BE_SMALL, widths=widths) == [], name


def test_nothing_is_in_anybodys_way_before_the_sign_in(shop: World, browser: Browser) -> None:
    with browser.new_context(locale="fr-FR") as context:
        page = context.new_page()
        for name, show in SIGNED_OUT.items():
            show(page, shop)
            assert in_the_way(page, bytes_max=BYTES_MAX, small=".skip") == [], name


def test_a_card_is_sold_by_keyboard_alone(shop: World, page: Page) -> None:
    page.goto(home(shop))

    def tab_to(what: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            said = page.evaluate(
                "((e) => (e.innerText || e.labels?.[0]?.innerText || e.name || '').trim())(document.activeElement)"
            )
            if said.startswith(what):
                assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
                return
        raise AssertionError(f"the keyboard does not reach {what}")

    tab_to("Skip to content")
    page.keyboard.press("Enter")
    tab_to("New card")
    page.keyboard.press("Enter")
    page.wait_for_url("**/issue")
    tab_to("Value")
    page.keyboard.type("42")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Is this right?")).to_be_visible()
    page.keyboard.press("Enter")  # what confirms has the focus
    expect(page.get_by_text("The card is issued.")).to_be_visible()
    expect(page.locator(".big")).to_have_text("€42.00")


def test_the_list_is_searched_while_one_types_and_without_a_script_too(
    shop: World, page: Page, browser: Browser
) -> None:
    page.goto(f"{home(shop)}/cards")
    page.get_by_label("Search for cards").press_sequentially(shop.cards["active"].number, delay=5)
    expect(page.locator("#results")).to_contain_text("1 card")
    expect(page.get_by_label("Search for cards")).to_be_focused()
    page.get_by_label("Status").select_option("voided")
    expect(page.locator("#results")).to_contain_text("No card fits.")
    state = page.context.storage_state()
    with browser.new_context(java_script_enabled=False, storage_state=state, locale="en-GB") as plain:
        bare = plain.new_page()
        bare.goto(f"{home(shop)}/cards")
        bare.fill("#q", shop.cards["active"].number)
        bare.get_by_role("button", name="Search").click()
        expect(bare.locator("#results")).to_contain_text("1 card")
        bare.locator("#results a").first.click()
        bare.get_by_role("link", name="Reload").click()
        bare.get_by_label("Amount").fill("1")
        bare.get_by_role("button", name="Go on").click()
        bare.get_by_role("button", name="Reload").click()
        expect(bare.get_by_text("The amount is on the card.")).to_be_visible()


def test_a_sign_in_that_is_over_leads_to_the_sign_in_from_a_part_of_a_page_too(shop: World, page: Page) -> None:
    page.goto(f"{home(shop)}/cards")
    page.context.clear_cookies(name="kado_console")
    page.get_by_label("Search for cards").press_sequentially("ada", delay=5)
    page.wait_for_url("**/console/sign-in**")


def test_the_language_is_chosen_and_stays(shop: World, page: Page) -> None:
    page.goto(card(shop))
    page.locator(".languages summary").click()
    page.get_by_role("link", name="Français").click()
    expect(page.get_by_role("heading", name="Ce qui s’est passé")).to_be_visible()
    page.goto(f"{home(shop)}/cards")
    expect(page.get_by_role("heading", name="Cartes", exact=True)).to_be_visible()
    page.goto(f"{home(shop)}/cards?lang=en")
