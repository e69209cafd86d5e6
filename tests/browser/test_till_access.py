"""Everybody can work at the till: by axe, at 320 pixels, with fingers, with the keyboard alone, in five languages."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from tests.browser.counter import PIN, Till, a_cashier, a_code, a_till, balance_of
from tests.browser.till_screens import SCREENS
from tests.browser.usable import NARROW, TABLET, cut_off, in_the_way, lower_than
from tests.browser.world import World

_BYTES_MAX = 150_000
_IN_A_HURRY = "form[data-asks] button, [data-pad] button, .choice, .person"
_MAY_BE_SMALL = "[type=radio]"  # all around it can be pressed


@pytest.fixture(scope="module")
def staffed(shop: World) -> World:
    a_cashier(shop)
    return shop


@pytest.fixture
def device(browser: Browser, staffed: World) -> Iterator[Till]:
    with a_till(browser, staffed.server.base_url, service_workers="block") as made:
        yield made


def test_nothing_is_in_anybodys_way_on_any_screen(browser: Browser, staffed: World) -> None:
    more = {"viewport": {"width": 390, "height": 844}, "locale": "de-DE", "service_workers": "block"}
    with a_till(browser, staffed.server.base_url, **more) as till:
        for name, show in SCREENS.items():
            show(till, staffed)
            assert till.page.locator("html").get_attribute("lang") == "de", name
            assert in_the_way(till.page, bytes_max=_BYTES_MAX, small=_MAY_BE_SMALL, widths=(NARROW, TABLET)) == [], name
            till.page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
            assert lower_than(till.page, _IN_A_HURRY, 63.5) == [], name
            till.page.set_viewport_size({"width": 390, "height": 844})


def test_nothing_is_cut_off_in_any_language(device: Till, staffed: World) -> None:
    page, card = device.page, staffed.active("20.00")
    page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    device.enrol(staffed, "Languages")
    device.sign_in()
    page.wait_for_selector("#number")
    for language in ("fr", "es", "nl"):
        page.goto(f"{device.base}/pos?lang={language}")
        for path in ("", "/sell", "/pin", f"/cards/{card.id}", f"/cards/{card.id}?do=add"):
            page.goto(f"{device.base}/pos{path}")
            assert page.locator("html").get_attribute("lang") == language
            assert cut_off(page) == [], (path, language)
            assert lower_than(page, _IN_A_HURRY, 63.5) == [], (path, language)


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
