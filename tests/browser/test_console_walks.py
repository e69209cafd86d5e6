"""A shop is run in the console, on a phone, one walk for each thing that people do there.

Each walk looks at what `test_console.py` cannot come by: axe in light and dark, nothing cut off, everything large
enough to press. What is sent is sent by the keyboard.
"""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.browser.console_screens import PASSWORD, enrol, home, looked_at, sign_in
from tests.browser.world import SHOP, World
from tests.serving.receiver import Receiver, receiving
from tests.serving.server import until


@pytest.fixture(scope="module")
def page(browser: Browser, shop: World) -> Iterator[Page]:
    """The owner's phone, signed in once for all walks. What it complains of fails."""
    complaints: list[str] = []
    with browser.new_context(
        locale="en-GB", reduced_motion="reduce", viewport={"width": 390, "height": 844}
    ) as context:
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        made = context.new_page()
        sign_in(made, shop)
        yield made
    assert complaints == []


def at(shop: World, path: str) -> str:
    return f"{shop.server.base_url}/console{path}"


def press(page: Page, name: str, *, kind: str = "button", at: int = 0) -> None:
    """Press what is called this, by the keyboard."""
    one = page.locator("main").get_by_role("link" if kind == "link" else "button", name=name).nth(at)
    one.focus()
    assert one.evaluate("e => e === document.activeElement")
    page.keyboard.press("Enter")


def test_somebody_is_hired_becomes_a_manager_and_leaves(shop: World, page: Page) -> None:
    page.goto(at(shop, "/staff"))
    page.get_by_label("Email address").fill("lou@blumen.example")
    page.get_by_label("Name (optional)").fill("Lou")
    page.get_by_label("First password").fill("a first password")
    page.get_by_role("radio", name=re.compile("^Cashier")).check()
    press(page, "Add")
    expect(page.get_by_text("The account is open.")).to_be_visible()
    page.get_by_role("radio", name=re.compile("^Manager")).check()
    press(page, "Save")
    expect(page.locator("#confirmation-problem")).to_be_visible()
    looked_at(page)
    page.get_by_role("radio", name=re.compile("^Manager")).check()
    page.get_by_label("Your own code or password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(page.locator(".facts")).to_contain_text("Manager")
    page.get_by_label("Status").select_option("no")
    press(page, "Save")
    expect(page.locator(".facts")).to_contain_text("Closed")


def test_a_key_is_shown_once_and_revoked(shop: World, page: Page) -> None:
    page.goto(at(shop, "/keys"))
    page.get_by_label("Name").fill("Door")
    page.get_by_label("Good for days").fill("30")
    page.keyboard.press("Enter")
    expect(page.locator(".secret")).to_contain_text("kado_live_")
    looked_at(page)
    page.reload()  # the browser sends the form again
    expect(page.get_by_text("This key was made when the form was sent first")).to_be_visible()
    expect(page.locator(".secret")).to_have_count(0)
    expect(page.locator("tbody tr", has_text="Door")).to_have_count(1)
    press(page, "Revoke Door")
    expect(page.get_by_text("The key is revoked")).to_be_visible()


@contextmanager
def endpoint(*answers: str) -> Iterator[Receiver]:
    """An endpoint beside the test, which answers the next events as told."""
    made: list[Receiver] = []
    is_there, is_over = Event(), Event()

    async def serve() -> None:
        async with receiving(answers=list(answers)) as receiver:
            made.append(receiver)
            is_there.set()
            while not is_over.is_set():
                await asyncio.sleep(0.02)

    thread = Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert is_there.wait(10)
    try:
        yield made[0]
    finally:
        is_over.set()
        thread.join(10)


def test_an_endpoint_is_enabled_fails_and_hears_it_again(shop: World, page: Page) -> None:
    with endpoint("500 Internal Server Error") as hook:
        page.goto(at(shop, "/webhooks"))
        page.get_by_label("Address").fill(hook.url)
        page.keyboard.press("Enter")
        expect(page.get_by_text("Copy this secret now")).to_be_visible()
        looked_at(page)
        press(page, "Enable")
        expect(page.get_by_text("Events are sent from now on.")).to_be_visible()
        where = page.url.partition("?")[0]
        shop.card("5.00")
        until(lambda: hook.received, 15, "no event came")
        page.goto(where)
        until(lambda: page.reload() and page.get_by_text("HTTP 500").count(), 15, "the failure is not shown")
        looked_at(page)
        press(page, "Send again")
        expect(page.get_by_text("It is sent again in a moment.")).to_be_visible()
        until(lambda: len(hook.received) > 1, 15, "it was not sent again")
        until(lambda: page.reload() and page.locator("td .status.active").count(), 15, "that it arrived is not shown")
        press(page, "Delete")
        expect(page.get_by_text("The endpoint is deleted.")).to_be_visible()


def test_a_message_is_seen_beforehand_fails_and_is_sent_again(shop: World, page: Page) -> None:
    page.goto(f"{home(shop)}/messages/preview")
    page.goto(f"{home(shop)}/messages/preview?in=fr")
    page.locator("main summary").first.press("Enter")
    page.get_by_role("link", name="See the mail").first.press("Enter")
    page.wait_for_url("**/preview/*")
    assert page.locator("body").inner_text()
    page.goto(f"{home(shop)}/messages/preview")
    press(page, "Send a test mail")
    expect(page.get_by_text("The mail server took the mail")).to_be_visible()
    shop.mail.refuse_recipient = "550 5.1.1 {} is not here"
    body = {"initialValue": "5.00", "merchantId": shop.merchant_id, "customerEmail": "gone@mail.example"}
    shop.post(f"/v2/giftcards/programs/{shop.program}/cards", body)
    page.goto(f"{home(shop)}/messages?state=failed")
    until(lambda: page.reload() and page.get_by_role("button", name="Send again").count(), 15, "it does not fail")
    looked_at(page)
    shop.mail.refuse_recipient = None
    press(page, "Send again")
    expect(page.get_by_text("It is sent again in a moment.")).to_be_visible()
    assert "5.00" in shop.mail_to("gone@mail.example")


def test_a_rule_of_the_program_says_what_it_means_while_one_types(shop: World, page: Page) -> None:
    page.goto(f"{home(shop)}/rules")
    amount = page.locator("#maxReload")
    before = amount.input_value()
    amount.fill("77")
    expect(page.locator("#means-amounts")).to_contain_text("At most €77.00 can be added at once.")
    amount.press("Enter")
    expect(page.get_by_text("Saved. This holds from now on.")).to_be_visible()
    page.locator("#maxReload").fill(before)
    page.locator("#maxReload").press("Enter")
    expect(page.locator("#means-amounts")).not_to_contain_text("€77.00")


def test_a_rule_against_fraud_is_made_speaks_and_its_alert_is_acknowledged(shop: World, page: Page) -> None:
    page.goto(f"{home(shop)}/fraud")
    press(page, "See and change rules", kind="link")
    press(page, "New rule", kind="link")
    press(page, "An unusual amount", kind="link")
    page.get_by_label("More than (EUR)").fill("66")
    expect(page.locator("#means-rule")).to_contain_text("more than €66.00 at once.")
    press(page, "Make the rule")
    assert page.evaluate("document.querySelector('#name').matches(':invalid')"), "it has no name yet"
    page.get_by_label("Name", exact=True).fill("More than 66")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The rule holds from now on.")).to_be_visible()
    looked_at(page)
    card = shop.active("70.00")
    shop.act(card, "redeem", amount="67.00")

    def alert_is_there() -> int:
        page.goto(f"{home(shop)}/fraud")
        return page.get_by_role("heading", name="More than 66").count()

    until(alert_is_there, 30, "no alert comes")
    looked_at(page)
    alert = page.locator("section", has=page.get_by_role("heading", name="More than 66"))
    alert.get_by_label("A false alarm").check()
    alert.get_by_label("Notes").fill("A regular customer")
    alert.get_by_role("button", name="Save").press("Enter")
    expect(page.get_by_text("Noted.")).to_be_visible()
    page.goto(f"{home(shop)}/fraud?all=yes")
    expect(page.get_by_text("A regular customer")).to_be_visible()
    page.goto(f"{home(shop)}/fraud/rules")
    page.get_by_role("link", name="More than 66").click()
    press(page, "Delete the rule", kind="link")
    expect(page.get_by_role("heading", name="Delete this rule?")).to_be_visible()
    press(page, "Delete the rule")
    expect(page.get_by_text("The rule is deleted.")).to_be_visible()


def test_the_audit_log_is_searched_and_taken_as_a_file(shop: World, page: Page) -> None:
    page.goto(at(shop, "/audit"))
    page.get_by_label("Action").fill("merchant:created")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("1 entries")
    press(page, "Make the file")
    page.wait_for_url("**/audit/export/*")
    ready = page.get_by_role("link", name="Download")
    until(lambda: ready.count() or (page.reload() and ready.count()), 15, "the file does not come")
    looked_at(page)
    with page.expect_download() as fetched:
        ready.click()
    assert "merchant:created" in fetched.value.path().read_text()


def test_the_books_are_checked_and_the_server_is_shown(shop: World, page: Page) -> None:
    page.goto(f"{home(shop)}/books")
    page.locator("main form button").press("Enter")
    expect(page.locator("main .notice.good")).to_be_visible()
    looked_at(page)
    page.goto(at(shop, "/server"))
    page.get_by_text("All settings").press("Enter")
    expect(page.get_by_text("KADO_MAIL_URL", exact=True)).to_be_visible()


def test_a_device_becomes_a_till_moves_and_is_lost(shop: World, page: Page) -> None:
    page.goto(at(shop, "/places"))
    page.get_by_label("Place", exact=True).fill("Harbour")
    page.get_by_label("Name", exact=True).fill("Kiosk")
    page.keyboard.press("Enter")
    code = page.locator(".secret").inner_text().strip()
    page.reload()  # the browser sends the form again
    expect(page.get_by_text("This code was made when the form was sent first")).to_be_visible()
    enrol(shop, code)
    page.goto(at(shop, "/places?q=harbour"))
    press(page, "Kiosk", kind="link")
    page.get_by_label("Place", exact=True).fill("Pier")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(page.locator(".facts")).to_contain_text("Pier")
    press(page, "Revoke this till", kind="link")
    expect(page.get_by_role("heading", name="Revoke this till?")).to_be_visible()
    press(page, "Revoke this till")
    expect(page.get_by_text("The device is a till no more.")).to_be_visible()


def test_ones_own_pin_is_set_and_given_up(shop: World, page: Page) -> None:
    page.goto(at(shop, "/account"))
    page.get_by_role("link", name="PIN for tills").press("Enter")
    page.get_by_label("New PIN").fill("2580")
    page.get_by_label("The same PIN again").fill("2580")
    page.get_by_label("Your own code or password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Your PIN is set.")).to_be_visible()
    looked_at(page)
    press(page, "Give up my PIN")
    expect(page.get_by_text("You have no PIN any more.")).to_be_visible()


def test_a_network_administrator_sees_all_shops(shop: World, browser: Browser) -> None:
    words = ("staff", "add", "net@blumen.example", "--merchant", SHOP, "--role", "network-administrator")
    assert shop.server.command(*words, "--password-stdin", said=f"{PASSWORD}\n").code == 0
    with browser.new_context(locale="en-GB", viewport={"width": 390, "height": 844}) as context:
        page = context.new_page()
        page.goto(at(shop, "/sign-in"))
        page.fill("#email", "net@blumen.example")
        page.fill("#password", PASSWORD)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="All shops")).to_be_visible()
        expect(page.get_by_role("rowheader", name=SHOP)).to_be_visible()
        looked_at(page)
