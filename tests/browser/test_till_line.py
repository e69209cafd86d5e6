"""Never unsure: the line breaks before and after the commit, tabs are loaded anew, fingers tap twice; nothing is done
twice, and what the till shows is what happened."""

from collections.abc import Iterator
from urllib.parse import parse_qsl

import pytest
from playwright.sync_api import Browser, expect
from tests.browser.counter import Till, a_cashier, a_till, balance_of, takes_of
from tests.browser.line import Line, a_line
from tests.browser.world import World
from tests.client.proxy import Answers, Mishap
from tests.serving.server import until

LOST: dict[str, list[Mishap | Answers]] = {
    "before the commit": [Mishap.RESET] * 2,
    "after the commit": [Mishap.LOSE_ANSWER] * 2,
    "before and after the commit": [Mishap.RESET, Mishap.LOSE_ANSWER],
    "in the middle of the answer": [Mishap.CUT],
    "by a proxy that has enough": [Answers(502), Answers(503, "Retry-After: 1\r\n"), Mishap.LOSE_ANSWER],
}
_WATCH = """() => {
    const dialog = document.querySelector('#unknown');
    const watch = new MutationObserver(() => { if (dialog.open) window.wasUnsure = true; });
    watch.observe(dialog, { attributes: true });
}"""
"""What is over in half a second, a test does not see in time."""


@pytest.fixture(scope="module")
def line(shop: World) -> Iterator[Line]:
    a_cashier(shop)
    with a_line(shop.server.port) as made:
        yield made


@pytest.fixture
def till(browser: Browser, shop: World, line: Line) -> Iterator[Till]:
    line.cuts, line.is_down = [], False
    line.will()
    with a_till(browser, line.url) as made:
        made.enrol(shop)
        made.sign_in()
        yield made


@pytest.mark.parametrize("moment", LOST)
def test_the_line_is_lost(till: Till, shop: World, line: Line, moment: str) -> None:
    card = shop.active("60.00")
    till.open(card)
    line.cuts = list(LOST[moment])
    till.page.evaluate(_WATCH)
    till.key_in("1250")
    till.tap("Take this amount")
    till.shows("Taken", "€12.50", "€47.50")
    assert till.page.evaluate("window.wasUnsure")
    assert takes_of(shop, card) == ["-12.50"]
    assert balance_of(shop, card) == "47.50"
    # Each time the same question, with the same key.
    sent = line.sent()
    assert len({body.replace("&again=1", "") for body in sent}) == 1
    assert len(sent) == len(LOST[moment]) + 1
    if Mishap.RESET not in LOST[moment][-1:]:
        expect(till.page.get_by_text("It had been done already")).to_be_visible()
    till.tap("Undo the last one")
    till.shows("Undone", "€60.00")


def test_it_asks_again_by_a_tap_as_well(till: Till, shop: World, line: Line) -> None:
    card = shop.active("60.00")
    till.open(card)
    line.is_down = True
    till.tap("Take all: €60.00")
    expect(till.page.get_by_text("Take · 60.00 EUR")).to_be_visible()
    tries = till.page.locator("#unknown-status")
    expect(tries).to_have_attribute("data-tries", "4", timeout=20_000)
    expect(till.page.locator("#offline")).to_be_visible()
    till.page.keyboard.press("Escape")
    expect(till.page.get_by_role("heading", name="Not known yet")).to_be_visible()
    line.is_down = False
    till.page.get_by_role("button", name="Ask again now").click()
    till.shows("Taken", "€60.00", "€0.00")
    assert takes_of(shop, card) == ["-60.00"]


@pytest.mark.parametrize("lost", [Mishap.RESET, Mishap.LOSE_ANSWER])
def test_whoever_loads_the_page_anew_comes_back_to_the_question(
    till: Till, shop: World, line: Line, lost: Mishap
) -> None:
    card = shop.active("60.00")
    till.open(card)
    line.cuts = [lost] * 5
    till.key_in("700")
    till.tap("Take this amount")
    expect(till.page.get_by_role("heading", name="Not known yet")).to_be_visible()
    till.page.reload()
    till.shows("Taken", "€7.00", "€53.00")
    assert takes_of(shop, card) == ["-7.00"]
    till.page.reload()
    expect(till.page.get_by_role("heading", name="Not known yet")).to_have_count(0)
    assert takes_of(shop, card) == ["-7.00"]


@pytest.mark.parametrize("lost", [Mishap.RESET, Mishap.LOSE_ANSWER])
def test_a_question_outlives_a_sign_in(till: Till, shop: World, line: Line, lost: Mishap) -> None:
    """The device was locked meanwhile: whoever signs in next hears how it went, and does not do it for another."""
    card = shop.active("60.00")
    till.open(card)
    line.cuts = [lost] * 7
    till.tap("Take all: €60.00")
    expect(till.page.get_by_role("heading", name="Not known yet")).to_be_visible()
    a_cashier(shop)  # another PIN ends the sign-in
    line.cuts = [lost]
    expect(till.page.get_by_role("heading", name="Sign in")).to_be_visible(timeout=20_000)
    till.sign_in()
    if lost is Mishap.LOSE_ANSWER:
        till.shows("Taken", "€60.00", "€0.00")
        assert takes_of(shop, card) == ["-60.00"]
        return
    till.shows("Not done", "Nothing was done")
    # What was under way all the time arrives now, and its reference is spent.
    (first, *_) = line.sent()
    key = dict(parse_qsl(first))["form"].rpartition(".")[0]
    late = shop.http.post(
        f"/v2/giftcards/programs/{shop.program}/cards/{card.id}/redeem",
        json={"amount": "60.00", "posTransactionId": f"till:{key}"},
    )
    assert (late.status_code, late.json()["code"]) == (400, "already_reversed")
    assert takes_of(shop, card) == []
    assert balance_of(shop, card) == "60.00"


def test_two_taps_do_it_once(till: Till, shop: World, line: Line) -> None:
    card = shop.active("60.00")
    till.open(card)
    till.page.evaluate(
        "() => { const form = document.querySelector('[data-asks]'); form.amount.value = '5.00';"
        " for (let at = 0; at < 5; at += 1) form.requestSubmit(); }"
    )
    till.shows("Taken", "€5.00")
    assert takes_of(shop, card) == ["-5.00"]
    assert len(line.sent()) == 1
    # And a form that is sent twice behind the script's back does it once too.
    till.open(card)
    form = till.page.locator('form[action$="/redeem"]').first
    body = {"form": form.locator('[name="form"]').input_value(), "amount": "6.00"}
    address = form.get_attribute("action") or ""
    for _ in range(2):
        answer = till.post(address, body)
        assert (answer.status, answer.headers["kado-outcome"]) == (200, "settled")
    assert takes_of(shop, card) == ["-6.00", "-5.00"]
    other = till.post(address, body | {"amount": "7.00"})
    assert "used for something else already" in other.text()
    assert balance_of(shop, card) == "49.00"


def test_without_a_line_no_money_moves_and_the_till_says_so(till: Till, shop: World, line: Line) -> None:
    card = shop.active("60.00")
    till.open(card)
    until(lambda: till.page.evaluate("!!navigator.serviceWorker.controller"), 20, "the worker is not there")
    till.context.set_offline(True)
    expect(till.page.locator("#offline")).to_contain_text("No money is moved until it is back.")
    till.tap("Take all: €60.00")
    expect(till.page.get_by_role("heading", name="Not known yet")).to_have_count(0)
    till.page.goto(f"{till.base}/pos")
    expect(till.page.get_by_role("heading", name="No connection")).to_be_visible()
    expect(till.page.get_by_role("link", name="Try again")).to_be_visible()
    expect(till.page.get_by_role("button", name="Take without a connection")).to_have_count(0)
    till.context.set_offline(False)  # it comes back by itself
    till.page.locator("body[data-till]").wait_for()
    expect(till.page.get_by_label("Scan a card or type its number")).to_be_visible()
    assert balance_of(shop, card) == "60.00"
    assert line.sent() == []


def test_it_can_be_installed(till: Till) -> None:
    manifest = till.context.request.get(f"{till.base}/pos/manifest.webmanifest").json()
    assert (manifest["scope"], manifest["start_url"], manifest["display"]) == ("/pos", "/pos", "standalone")
    for icon in manifest["icons"]:
        picture = till.context.request.get(f"{till.base}{icon['src']}")
        assert picture.body().startswith(b"\x89PNG")
    scope = till.page.evaluate("navigator.serviceWorker.ready.then((one) => one.scope)")
    assert scope == f"{till.base}/pos"
