"""Without a line a till takes what it was allowed to while it had one, and settles by itself when it is back."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from tests.browser.axe import TAGS, faults
from tests.browser.counter import Till, a_cashier, a_till, balance_of, takes_of
from tests.browser.line import Line, a_line
from tests.browser.world import Card, World
from tests.client.proxy import Mishap
from tests.serving.server import until

RULES = {"maxOfflineTake": "25.00", "maxOfflineTotal": "60.00"}


@pytest.fixture(scope="module")
def allowed(shop: World) -> Iterator[World]:
    """The program allows takes without a line as long as these tests run."""
    a_cashier(shop)
    rules = f"/v2/loyalty/programs/{shop.program}"
    assert shop.http.put(rules, json=RULES).status_code == 200
    yield shop
    assert shop.http.put(rules, json=dict.fromkeys(RULES)).status_code == 200


@pytest.fixture(scope="module")
def line(allowed: World) -> Iterator[Line]:
    with a_line(allowed.server.port) as made:
        made.to = "/pos/offline/settle"
        yield made


@pytest.fixture
def till(browser: Browser, allowed: World, line: Line) -> Iterator[Till]:
    line.cuts, line.is_down = [], False
    line.will()
    with a_till(browser, line.url) as made:
        made.enrol(allowed, "Stall")
        made.sign_in()
        until(lambda: made.page.evaluate("!!navigator.serviceWorker.controller"), 20, "the worker is not there")
        until(lambda: kept(made)["left"] == 6000, 20, "no allowance")
        yield made


def kept(till: Till) -> dict[str, Any]:
    found = till.page.evaluate("localStorage.getItem('kado-till-away')")
    return dict(json.loads(found)) if found else {"left": 0, "takes": []}


def lose(till: Till, line: Line) -> None:
    """The line goes; whoever loads the till sees that it can go on."""
    line.is_down = True
    till.page.goto(f"{till.base}/pos")
    expect(till.page.get_by_role("heading", name="Taking without a connection")).to_be_visible()


def take(till: Till, card: Card | str, amount: str) -> None:
    till.page.locator("body[data-away-open]").wait_for()
    till.page.locator("#number").fill(card if isinstance(card, str) else card.number)
    till.page.locator("#amount").fill(amount)
    till.page.get_by_role("button", name="Take without a connection").click()


@pytest.mark.parametrize("lost", [Mishap.RESET, Mishap.LOSE_ANSWER])
def test_two_are_taken_without_a_line_and_settled_once(till: Till, allowed: World, line: Line, lost: Mishap) -> None:
    full, poor, page = allowed.active("60.00"), allowed.active("5.00"), till.page
    lose(till, line)
    take(till, full, "12.50")
    expect(page.get_by_role("status").filter(has_text="€12.50")).to_be_visible()
    assert (kept(till)["left"], len(kept(till)["takes"])) == (4750, 1)
    page.reload()
    expect(page.locator("[data-away-list] li")).to_have_count(1)
    take(till, full.address, "7,00")
    take(till, poor, "20")
    expect(page.locator("[data-away-list] li")).to_have_count(3)
    take(till, full, "25.01")
    expect(page.get_by_role("alert").filter(has_text="At most: €20.50")).to_be_visible()
    # Nothing on the device tells a card that can be spent.
    on_device = page.evaluate("JSON.stringify({ ...localStorage, ...sessionStorage })")
    for secret in (full.number, poor.number, full.address.rpartition("/")[2]):
        assert secret not in on_device
    assert takes_of(allowed, full) == takes_of(allowed, poor) == []
    line.cuts = [lost] * 2
    line.is_down = False
    expect(page.get_by_role("heading", name="2 of 3 taken without a connection are settled")).to_be_visible(
        timeout=30_000
    )
    expect(page.locator(".settlement [data-state=refused]")).to_contain_text(poor.number[-4:])
    expect(page.locator(".settlement [data-state=refused]")).to_contain_text("There is not enough on the card.")
    assert takes_of(allowed, full) == ["-7.00", "-12.50"]
    assert (balance_of(allowed, full), balance_of(allowed, poor)) == ("40.50", "5.00")
    assert kept(till)["takes"] == []
    assert len(line.sent()) == 3
    # It is told until somebody has seen it; and the device has an allowance for the next time.
    page.wait_for_url(f"{till.base}/pos")
    page.reload()
    page.get_by_role("button", name="OK").click()
    page.reload()
    expect(page.locator(".settlement")).to_have_count(0)
    until(lambda: kept(till)["left"] == 6000, 20, "no allowance")


def test_two_windows_settle_what_both_have_once(till: Till, allowed: World, line: Line) -> None:
    card, other = allowed.active("60.00"), till.context.new_page()
    lose(till, line)
    other.goto(f"{till.base}/pos")
    take(till, card, "5.00")
    expect(other.locator("[data-away-list] li")).to_have_count(1)
    other.locator("#number").fill(card.number)
    other.locator("#amount").fill("6.00")
    other.get_by_role("button", name="Take without a connection").click()
    expect(till.page.locator("[data-away-list] li")).to_have_count(2)
    line.is_down = False
    for page in (till.page, other):
        expect(page.get_by_role("heading", name="2 of 2 taken without")).to_be_visible(timeout=30_000)
    assert sorted(takes_of(allowed, card)) == ["-5.00", "-6.00"]


def test_a_full_device_and_a_locked_till_take_nothing(till: Till, allowed: World, line: Line) -> None:
    card, page = allowed.active("60.00"), till.page
    lose(till, line)
    take(till, "4000 0000 0000 0001", "5.00")
    expect(page.get_by_role("alert").filter(has_text="looks mistyped")).to_be_visible()
    page.evaluate("void (Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); })")
    take(till, card, "5.00")
    expect(page.get_by_role("alert").filter(has_text="Nothing was taken.")).to_be_visible()
    page.reload()
    expect(page.locator("[data-away-list] li")).to_have_count(0)
    take(till, card, "5.00")
    page.get_by_role("button", name="Take it back €5.00").click()
    expect(page.locator("[data-away-list] li")).to_have_count(0)
    assert kept(till)["left"] == 6000
    line.is_down = False
    expect(page.get_by_label("Scan a card or type its number")).to_be_visible(timeout=30_000)
    page.wait_for_url(f"{till.base}/pos")
    page.locator("body[data-till]").wait_for()
    line.is_down = True
    page.evaluate("document.body.classList.add('no-line')")
    page.get_by_role("button", name="Lock").click()
    expect(page.get_by_role("heading", name="No connection")).to_be_visible()
    expect(page.get_by_role("button", name="Take without a connection")).to_have_count(0)
    line.is_down = False
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible(timeout=30_000)
    assert takes_of(allowed, card) == []


def test_by_keyboard_at_320_pixels_and_for_axe(browser: Browser, allowed: World, line: Line) -> None:
    card = allowed.active("60.00")
    line.cuts, line.is_down = [], False
    with a_till(browser, line.url, viewport={"width": 320, "height": 640}, locale="de-DE") as till:
        page = till.page
        page.goto(f"{till.base}/pos?lang=en")
        till.enrol(allowed, "Small")
        till.sign_in()
        until(lambda: page.evaluate("!!navigator.serviceWorker.controller"), 20, "the worker is not there")
        until(lambda: kept(till)["left"] == 6000, 20, "no allowance")
        lose(till, line)
        page.keyboard.type(card.number)  # a hand scanner, wherever the focus is
        page.keyboard.press("Enter")
        expect(page.locator("#amount")).to_be_focused()
        page.keyboard.type("7.50")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status").filter(has_text="€7.50")).to_be_visible()
        expect(page.locator("#number")).to_be_focused()
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert faults(page, "tag", *TAGS) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        line.is_down = False
        expect(page.get_by_role("heading", name="1 of 1 taken without")).to_be_visible(timeout=30_000)
        page.wait_for_url(f"{till.base}/pos")
        assert faults(page, "tag", *TAGS) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert takes_of(allowed, card) == ["-7.50"]
