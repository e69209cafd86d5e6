"""A device becomes a till, people sign in with their PINs, and a cashier cannot reach what a cashier may not."""

import base64
import time
from collections.abc import Iterator

import httpx2
import pytest
from playwright.sync_api import Browser, expect
from tests.browser.counter import (
    BO,
    OWNER,
    PASSWORD,
    PIN,
    Till,
    a_cashier,
    a_till,
    balance_of,
    entries_of,
    somebody,
    till_named,
)
from tests.browser.world import SHOP, World

from kado.access import totp


@pytest.fixture(scope="module")
def staffed(shop: World) -> World:
    a_cashier(shop)
    return shop


@pytest.fixture
def device(browser: Browser, staffed: World) -> Iterator[Till]:
    with a_till(browser, staffed.server.base_url) as made:
        yield made


def test_an_owner_makes_a_device_a_till_and_chooses_a_pin_there(device: Till, staffed: World) -> None:
    page = device.page
    page.goto(f"{device.base}/pos")
    page.get_by_label("Email").fill(OWNER)
    page.get_by_label("Password").fill("not the password at all")
    page.get_by_role("button", name="Continue").first.click()
    expect(page.get_by_role("alert")).to_contain_text("The email or the password is wrong.")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").first.click()
    page.get_by_label("Place").fill("Hafen")
    page.get_by_label("Name of the device").fill("Kasse am Kai")
    page.get_by_role("button", name="Make it a till").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_role("link", name="Set or change a PIN").click()
    page.get_by_label("Email").fill(OWNER)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("New PIN").fill("1234")
    page.get_by_role("button", name="Keep this PIN").click()
    expect(page.get_by_role("alert")).to_contain_text("one of the first that anybody would try")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("New PIN").fill("481516")
    page.get_by_role("button", name="Keep this PIN").click()
    device.sign_in("owner", "481516")
    expect(page.locator(".where")).to_contain_text("Hafen · Kasse am Kai")
    cookies = {one["name"]: one for one in device.context.cookies()}
    for name in ("kado_terminal", "kado_till"):
        assert (cookies[name]["httpOnly"], cookies[name]["sameSite"], cookies[name]["path"]) == (True, "Strict", "/pos")
    kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert "kado_" not in kept
    assert till_named(staffed, "Kasse am Kai")["enrolledBy"].startswith("staff:")


def test_whoever_has_a_second_factor_shows_it(device: Till, staffed: World) -> None:
    a_cashier(staffed, "mia@blumen.example", role="manager", pin="8520")
    form = {"username": "mia@blumen.example", "password": PASSWORD}
    opened = httpx2.post(f"{device.base}/v2/token", data=form, trust_env=False)
    bearer = opened.json()["accessToken"]
    signed = {"Authorization": f"Bearer {bearer}"}
    begun = staffed.http.post("/v2/token/mfa/setup", headers=signed).json()
    secret = begun["secret"].replace(" ", "")
    seed = base64.b32decode(secret + "=" * (-len(secret) % 8))

    def code(later: int) -> str:
        return totp.code_of(seed, int(time.time()) // 30 + later)

    confirmed = staffed.http.post("/v2/token/mfa/confirm", json={"code": code(0), "password": PASSWORD}, headers=signed)
    assert confirmed.status_code == 200, confirmed.text
    page = device.page
    page.goto(f"{device.base}/pos")
    page.get_by_label("Email").fill("mia@blumen.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").first.click()
    expect(page.get_by_role("alert")).to_contain_text("Enter a code of your second factor as well.")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Code of your second factor").fill(code(1))
    page.get_by_role("button", name="Continue").first.click()
    expect(page.get_by_role("heading", name="What is this till?")).to_be_visible()


def test_a_cashier_makes_no_till(device: Till, staffed: World) -> None:
    page = device.page
    page.goto(f"{device.base}/pos")
    page.get_by_label("Email").fill(BO)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").first.click()
    expect(page.get_by_role("alert")).to_contain_text("You may not do this at a till.")
    page.get_by_label("Code", exact=True).fill("AAAAA-BBBBB-CCCCC-DDDDD")
    page.get_by_role("button", name="Continue").last.click()
    expect(page.get_by_role("alert")).to_contain_text("The code is wrong")
    assert not [one for one in device.context.cookies() if one["name"] == "kado_terminal"]


def test_wrong_pins_are_counted_and_strangers_get_the_same_answer(device: Till, staffed: World) -> None:
    a_cashier(staffed, "max@blumen.example", pin="6174")
    device.enrol(staffed, "For guesses")
    for _ in range(5):
        device.sign_in("Max", "9999")
        expect(device.page.get_by_role("alert")).to_contain_text("This PIN is not right.")
    device.sign_in("Max", "6174")  # the right one, and too late
    expect(device.page.get_by_role("alert")).to_contain_text("Too many wrong tries.")
    device.sign_in("Bo")  # somebody else is let in
    expect(device.page.get_by_label("Scan a card or type its number")).to_be_visible()
    device.page.get_by_role("button", name="Lock").click()
    form = device.page.locator('[name="form"]').first.input_value()
    for who in ("0" * 24, "nobody", ""):
        answer = device.post("/pos/sign-in", {"form": form, "who": who, "pin": PIN})
        assert answer.status == 401
        assert "This PIN is not right." in answer.text()


def test_lock_idle_and_a_closed_account_end_a_sign_in(device: Till, staffed: World) -> None:
    device.enrol(staffed, "For ends")
    device.sign_in()
    device.tap("Lock")
    expect(device.page.get_by_role("heading", name="Sign in")).to_be_visible()
    device.page.goto(f"{device.base}/pos/sell")
    expect(device.page.get_by_role("heading", name="Sign in")).to_be_visible()
    a_cashier(staffed, "kim@blumen.example", pin="3690")
    device.sign_in("Kim", "3690")
    expect(device.page.get_by_label("Scan a card or type its number")).to_be_visible()
    assert staffed.server.command("staff", "close", "kim@blumen.example").code == 0
    device.page.reload()
    expect(device.page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(device.page.get_by_text("Kim", exact=True)).to_have_count(0)
    device.sign_in()
    mine = till_named(staffed, "For ends")["id"]
    assert staffed.server.command("terminal", "revoke", mine, "--merchant", SHOP).code == 0
    device.page.reload()
    expect(device.page.get_by_role("heading", name="Make this device a till")).to_be_visible()


def test_a_cashier_cannot_reach_what_a_cashier_may_not(device: Till, staffed: World) -> None:
    """Neither above the limit, nor as an owner, nor with another's address, nor with the till's cookies elsewhere."""
    device.enrol(staffed, "For rights")
    a_cashier(staffed, "ola@blumen.example", role="owner", pin="7770")
    device.sign_in("Ola", "7770")
    device.page.goto(f"{device.base}/pos/sell")
    device.page.get_by_label("Another amount").fill("500.01")
    device.tap("Sell")
    device.shows("Not done", "A card is not sold for this amount here.")
    dear = staffed.card("600.00")
    device.open(dear)
    device.tap("Sell for €600.00")
    device.shows("Not done", "A manager can sell it in the console.")
    assert balance_of(staffed, dear) == "0.00"
    for path in (
        f"/v2/programs/{staffed.program}",
        f"/v2/giftcards/programs/{staffed.program}/cards",
        "/v2/staff",
    ):
        assert device.context.request.get(f"{device.base}{path}").status in (401, 404), path
    assert device.context.request.get(f"{device.base}/console").url == f"{device.base}/console/sign-in"
    of_it = [f"/pos/cards/{dear.id}/{one}/{what}" for one in ("refund", "receipt") for what in ("0" * 24, "%00", "x")]
    for path in ("/pos/cards/nothing", f"/pos/cards/{'0' * 24}", *of_it):
        assert device.context.request.get(f"{device.base}{path}").status == 404, path


def test_who_may_only_look_only_looks(device: Till, staffed: World) -> None:
    a_cashier(staffed, "rea@blumen.example", role="read-only", pin="1597")
    card = staffed.active("20.00")
    device.enrol(staffed, "For eyes")
    device.sign_in()
    device.open(card)
    form = device.page.locator('form[action$="/redeem"] [name="form"]').first.input_value()
    device.sign_in_as("Rea", "1597")
    expect(device.page.get_by_role("link", name="Sell a gift card")).to_have_count(0)
    device.open(card)
    expect(device.page.locator(".card .balance")).to_contain_text("€20.00")
    expect(device.page.get_by_role("button", name="Take this amount")).to_have_count(0)
    # A form that a colleague's page had is no way around it.
    answer = device.post(f"/pos/cards/{card.id}/redeem", {"form": form, "amount": "1.00"})
    assert (answer.status, answer.headers["kado-outcome"]) == (403, "settled")
    assert device.context.request.get(f"{device.base}/pos/sell").status == 403
    assert balance_of(staffed, card) == "20.00"


def test_what_is_undone_is_ones_own_last_one(device: Till, staffed: World) -> None:
    card = staffed.active("20.00")
    device.enrol(staffed, "For undoing")
    device.sign_in()
    device.open(card)
    device.tap("Take all: €20.00")
    device.shows("Taken")
    undo = {
        name: device.page.locator(f'form[action="/pos/undo"] [name="{name}"]').input_value()
        for name in ("form", "card", "deed", "reference")
    }
    device.sign_in_as("Bo", PIN)
    expect(device.page.get_by_role("button", name="Undo the last one")).to_have_count(0)
    answer = device.post("/pos/undo", undo)
    assert answer.status == 400
    assert "Nothing was done" in answer.text()
    assert [one["transactionType"] for one in entries_of(staffed, card)] == ["REDEMPTION", "ACTIVATION", "PURCHASE"]


def test_a_sale_of_an_earlier_sign_in_is_not_made_and_not_undone(device: Till, staffed: World) -> None:
    receiver = somebody()
    device.enrol(staffed, "For sales")
    device.sign_in()
    device.page.goto(f"{device.base}/pos/sell")
    sale = {"form": device.page.locator("main [name=form]").input_value(), "how": "mail", "amount": "25"}
    other = {**sale, "email": receiver}
    device.page.reload()
    device.page.get_by_text("€25.00", exact=True).click()
    device.tap("Sell")
    device.shows("Sold")
    undo = {
        name: device.page.locator(f'form[action="/pos/undo"] [name="{name}"]').input_value()
        for name in ("form", "card", "deed", "reference")
    }
    device.sign_in_as("Bo", PIN)
    for path, body in (("/pos/undo", undo), ("/pos/sell", other)):
        for _ in range(2):
            answer = device.post(path, body)
            assert (answer.status in (400, 409), answer.headers["kado-outcome"]) == (True, "settled")
            assert "Nothing was done" in answer.text()
    assert balance_of(staffed, undo["card"]) == "25.00"
    listed = staffed.http.get(f"/v2/giftcards/programs/{staffed.program}/cards", params={"q": receiver})
    assert listed.json() == []


def test_without_javascript_the_forms_tell_the_outcome(browser: Browser, staffed: World) -> None:
    card = staffed.active("30.00")
    with a_till(browser, staffed.server.base_url, java_script_enabled=False) as plain:
        plain.enrol(staffed, "Plain")
        plain.sign_in()
        plain.page.get_by_label("Scan a card or type its number").fill(card.grouped)
        plain.tap("Find")
        plain.page.get_by_label("Amount").fill("12,50")
        plain.tap("Take this amount")
        plain.shows("Taken", "€12.50", "€17.50")
        plain.page.reload()  # the browser sends the form again
        plain.shows("Taken", "€12.50", "It had been done already")
        plain.tap("Undo the last one")
        plain.shows("Undone", "€12.50", "€30.00")
    assert balance_of(staffed, card) == "30.00"
