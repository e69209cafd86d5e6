"""Every screen that the pages have: by its name, how a person gets there. For the tests, and for the pictures."""

import secrets
from collections.abc import Callable

from playwright.sync_api import Page
from tests.browser.world import World

Screen = Callable[[Page, World], None]


def wrong_code(page: Page, shop: World) -> None:
    page.goto(shop.card().address)  # one of its own: five wrong codes lock a card
    page.get_by_role("textbox").fill("WRONG1")
    page.locator("main form button").click()


def number(page: Page, shop: World) -> None:
    card = shop.cards["active"]
    page.goto(card.address)
    page.locator(".reveal summary").click()
    page.get_by_role("textbox").fill(card.code)
    page.locator("main form button").click()
    page.wait_for_selector(".number")


def balance(page: Page, shop: World) -> None:
    page.goto(shop.balance_page)


def result(page: Page, shop: World) -> None:
    card = shop.cards["active"]
    page.goto(shop.balance_page)
    page.locator("#number").fill(card.number)
    page.locator("#code").fill(card.code)
    page.locator("main form button").click()
    page.wait_for_selector(".result")


def unknown(page: Page, shop: World) -> None:
    page.goto(shop.balance_page)
    page.locator("#number").fill(f"4000 {secrets.randbelow(10**12)}")
    page.locator("#code").fill("x")
    page.locator("main form button").click()
    page.wait_for_selector(".problem")


def nothing(page: Page, shop: World) -> None:
    page.goto(f"{shop.server.base_url}/cards/{'0' * 56}")


def older(page: Page, shop: World) -> None:
    page.goto(f"{shop.cards['active'].address}?page=2")


def languages(page: Page, shop: World) -> None:
    page.goto(shop.cards["active"].address)
    page.locator(".languages summary").click()


def of_card(name: str) -> Screen:
    def show(page: Page, shop: World) -> None:
        page.goto(shop.cards[name].address)

    return show


STATES = ("pending", "bare", "active", "design", "suspended", "expired", "depleted", "voided")
SCREENS: dict[str, Screen] = {name: of_card(name) for name in STATES} | {
    one.__name__: one for one in (wrong_code, number, older, languages, balance, result, unknown, nothing)
}
