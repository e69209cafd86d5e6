"""Every screen that the till has: by its name, how a person gets there. For the tests, and for the pictures."""

from collections.abc import Callable
from typing import Final

from playwright.sync_api import Page, expect
from tests.browser.counter import PIN, Till, a_code
from tests.browser.world import World
from tests.serving.server import until

Screen = Callable[[Till, World], None]


def enrol(till: Till, shop: World) -> None:
    till.page.goto(f"{till.base}/pos")


def place(till: Till, shop: World) -> None:
    page = till.page
    page.goto(f"{till.base}/pos")
    page.locator("#email").fill("owner@blumen.example")
    page.locator("#password").fill("correct horse battery")
    page.locator("form.stack").first.locator("button").click()
    page.wait_for_selector("#location")


def sign_in(till: Till, shop: World) -> None:
    page = till.page
    page.goto(f"{till.base}/pos")
    page.locator("#code").fill(a_code(shop, "Screens"))
    page.locator("form.stack").last.locator("button").click()
    page.wait_for_selector("#pin")


def wrong_pin(till: Till, shop: World) -> None:
    _enter_pin(till.page, "9999")
    page = till.page
    page.wait_for_selector("[role=alert]")


def set_pin(till: Till, shop: World) -> None:
    till.page.goto(f"{till.base}/pos/pin")


def home(till: Till, shop: World) -> None:
    till.page.goto(f"{till.base}/pos")
    _enter_pin(till.page, PIN)
    till.page.wait_for_selector("#number")


def not_found(till: Till, shop: World) -> None:
    till.scan("4000 0000 0000 0000")
    till.page.wait_for_selector("[role=alert]")


def card(till: Till, shop: World) -> None:
    till.open(shop.active("60.00"))


def adding(till: Till, shop: World) -> None:
    till.page.locator("a[href$='?do=add']").click()
    till.page.wait_for_selector("form[action$='/reload']")


def pending(till: Till, shop: World) -> None:
    till.open(shop.cards["pending"])


def paused(till: Till, shop: World) -> None:
    till.open(shop.cards["suspended"])


def taken(till: Till, shop: World) -> None:
    till.open(shop.active("60.00"))
    till.page.locator("#amount").fill("12.50")
    till.page.locator(".deed .huge").first.click()
    till.page.wait_for_selector(".outcome.good")


def receipt(till: Till, shop: World) -> None:
    till.page.locator("a[href*='/receipt/']").click()
    till.page.wait_for_selector(".receipt")


def refund(till: Till, shop: World) -> None:
    taken(till, shop)
    till.page.goto(till.page.url)
    till.page.locator("a[href*='/refund/']").first.click()
    till.page.wait_for_selector("form[action*='/refund/']")


def refused(till: Till, shop: World) -> None:
    till.open(shop.active("5.00"))
    till.page.locator("#amount").fill("12.50")
    till.page.locator(".deed .huge").first.click()
    till.page.wait_for_selector(".outcome.bad")


def sale(till: Till, shop: World) -> None:
    till.page.goto(f"{till.base}/pos/sell")
    till.page.locator("[value=mail]").check()
    expect(till.page.locator("#email")).to_be_visible()


def unknown(till: Till, shop: World) -> None:
    till.open(shop.active("60.00"))
    till.page.route("**/redeem", lambda route: route.abort())
    till.page.locator(".deed .huge").last.click()
    till.page.wait_for_selector("#unknown[open]")


def known(till: Till, shop: World) -> None:
    """Not a screen of its own: the end of the one before."""
    till.page.unroute("**/redeem")
    till.page.wait_for_selector(".outcome.good", timeout=20_000)


def away(till: Till, shop: World) -> None:
    """A program that allows takes without a line, and a line that is lost."""
    _allow(shop, "25.00", "60.00")
    page, cards = till.page, (shop.active("60.00"), shop.active("5.00"))
    page.goto(f"{till.base}/pos")
    until(lambda: page.evaluate("localStorage.getItem('kado-till-away')"), 20, "no allowance")
    page.route("**/pos/alive", lambda route: route.abort())
    page.goto(f"{till.base}/pos/offline")
    for number, one in enumerate(cards, 1):
        page.locator("#number").fill(one.number)
        page.locator("#amount").fill("12.50")
        page.locator("[data-away-form] .huge").click()
        expect(page.locator("[data-away-list] li")).to_have_count(number)


def settled(till: Till, shop: World) -> None:
    """The line is back."""
    till.page.unroute("**/pos/alive")
    _allow(shop, None, None)
    till.page.wait_for_url(f"{till.base}/pos", timeout=20_000)
    till.page.wait_for_selector(".settlement")


def seen(till: Till, shop: World) -> None:
    """Not a screen of its own: the end of the one before."""
    till.page.locator("[data-ok]").click()
    expect(till.page.locator(".settlement")).to_have_count(0)


def offline(till: Till, shop: World) -> None:
    till.page.goto(f"{till.base}/pos/offline")


def _allow(shop: World, take: str | None, total: str | None) -> None:
    rules = {"maxOfflineTake": take, "maxOfflineTotal": total}
    assert shop.http.put(f"/v2/loyalty/programs/{shop.program}", json=rules).status_code == 200


def _enter_pin(page: Page, pin: str) -> None:
    page.locator(".person", has_text="Bo").click()
    page.locator("#pin").fill(pin)
    page.locator("[data-sign-in] button.large").click()


SCREENS: Final[dict[str, Screen]] = {
    one.__name__: one
    for one in (
        *(enrol, place, sign_in, set_pin, home, not_found, card, adding, pending, paused, taken, receipt, refund),
        *(refused, sale, unknown, known, away, settled, seen, offline),
    )
}
"""In this order: each begins where the one before has ended. (A wrong PIN is shown by a test of its own.)"""
