"""Everybody can work at the till: by axe, at 320 pixels, with fingers, with the keyboard alone, in five languages."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from tests.browser.axe import TAGS, faults
from tests.browser.counter import PIN, Till, a_cashier, a_code, a_till, balance_of
from tests.browser.till_screens import SCREENS
from tests.browser.world import World

_BYTES_MAX = 150_000


@pytest.fixture(scope="module")
def staffed(shop: World) -> World:
    a_cashier(shop)
    return shop


@pytest.fixture
def device(browser: Browser, staffed: World) -> Iterator[Till]:
    with a_till(browser, staffed.server.base_url, service_workers="block") as made:
        yield made


def test_axe_finds_nothing_on_any_screen(device: Till, staffed: World) -> None:
    page = device.page
    for name, show in SCREENS.items():
        page.emulate_media(color_scheme="light")
        show(device, staffed)
        assert faults(page, "tag", *TAGS) == [], name
        page.emulate_media(color_scheme="dark")
        assert faults(page, "rule", "color-contrast") == [], name


@pytest.mark.parametrize("locale", ["de-DE", "fr-FR", "es-ES", "nl-NL"])
def test_nothing_is_cut_off_at_320_pixels_in_any_language(browser: Browser, staffed: World, locale: str) -> None:
    more = {"viewport": {"width": 320, "height": 640}, "locale": locale, "service_workers": "block"}
    with a_till(browser, staffed.server.base_url, **more) as till:
        page = till.page
        for name, show in SCREENS.items():
            show(till, staffed)
            assert page.locator("html").get_attribute("lang") == locale[:2], name
            assert page.evaluate("document.documentElement.scrollWidth") <= 320, name
            small = page.evaluate(
                "[...document.querySelectorAll('main button, main a, main input:not([type=hidden], [type=radio]), .bar"
                " button, dialog[open] button')].filter(e => e.checkVisibility()).map(e => [e.outerHTML.slice(0, 90),"
                " e.getBoundingClientRect()]).filter(([, box]) => box.height < 43.5 || box.width < 43.5)"
                ".map(([html]) => html)"
            )
            assert small == [], name
            low = page.evaluate(
                "[...document.querySelectorAll('form[data-asks] button, [data-pad] button, .choice, .person')]"
                ".filter(e => e.checkVisibility() && e.getBoundingClientRect().height < 63.5)"
                ".map(e => e.outerHTML.slice(0, 90))"
            )
            assert low == [], name


def test_every_screen_is_light(device: Till, staffed: World) -> None:
    for name in ("enrol", "sign_in", "home", "card", "sale"):
        one = SCREENS["sale" if name == "sale" else name]
        before = len(device.requests)
        one(device, staffed)
        device.page.wait_for_load_state("load")
        last = max(at for at, request in enumerate(device.requests) if request.is_navigation_request())
        sizes = [request.sizes()["responseBodySize"] for request in device.requests[max(before, last) :]]
        assert sum(sizes) < _BYTES_MAX, name


def test_the_keyboard_alone_sells_takes_and_undoes(device: Till, staffed: World) -> None:
    page, card = device.page, staffed.active("20.00")

    def tab_to(what: str) -> None:
        for _ in range(40):
            page.keyboard.press("Tab")
            said = str(
                page.evaluate(
                    "(() => { const e = document.activeElement; return (e.innerText || e.name || e.id).trim(); })()"
                )
            )
            if said == what:
                assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") in ("solid", "auto")
                return
        raise AssertionError(f"the keyboard does not reach {what}")

    page.goto(f"{device.base}/pos")
    tab_to("code")
    page.keyboard.type(a_code(staffed, "Keys"))
    page.keyboard.press("Enter")
    page.wait_for_selector("#pin")
    page.locator("body").focus()
    tab_to("who")
    page.keyboard.press("Space")
    while page.evaluate("document.activeElement.closest('.person').innerText.trim()") != "Bo":
        page.keyboard.press("ArrowDown")
    tab_to("pin")
    page.keyboard.type(PIN)
    page.keyboard.press("Enter")
    page.wait_for_selector("#number")
    page.keyboard.type(card.number)  # it has the focus
    page.keyboard.press("Enter")
    page.wait_for_selector("#amount")
    tab_to("amount")
    page.keyboard.type("7.50")
    page.keyboard.press("Enter")
    device.shows("Taken", "€7.50")
    expect(page.locator("[data-next]")).to_be_focused()
    tab_to("Undo the last one")
    page.keyboard.press("Enter")
    device.shows("Undone", "€7.50")
    assert balance_of(staffed, card) == "20.00"


def test_what_a_screen_reader_hears_of_an_outcome(device: Till, staffed: World) -> None:
    for name in ("sign_in", "home", "refused"):
        SCREENS[name](device, staffed)
    snapshot = device.page.locator("main").aria_snapshot()
    assert "alert" in snapshot
    assert 'heading "Not done" [level=1]' in snapshot
    assert "•" not in snapshot
    sounds = device.page.get_by_role("button", name="Sounds")
    expect(sounds).to_have_attribute("aria-pressed", "true")
    sounds.click()
    expect(sounds).to_have_attribute("aria-pressed", "false")
    device.page.reload()
    expect(device.page.get_by_role("button", name="Sounds")).to_have_attribute("aria-pressed", "false")
