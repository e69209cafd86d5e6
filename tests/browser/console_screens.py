"""Every screen of the console: by its name, how its owner gets there. For the tests, and for the pictures."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import httpx2
from playwright.sync_api import Page
from tests.browser.usable import in_the_way
from tests.browser.world import World

OWNER = "owner@blumen.example"
PASSWORD = "correct horse battery"

PLACES: Final = {"Attic": ("Office",), "Market Street": ("Till 1", "Till 2")}

Screen = Callable[[Page, World], None]

BYTES_MAX = 150_000
MAY_BE_SMALL = ".skip, .design input, .tick input, .choice input"
"""All around it can be pressed as well."""


def sign_in(page: Page, shop: World) -> None:
    """Where nobody is signed in yet."""
    page.goto(f"{shop.server.base_url}/console/sign-in")
    if page.locator("#password").count():
        page.fill("#email", OWNER)
        page.fill("#password", PASSWORD)
        page.click("main form button")
        page.wait_for_url("**/console/*")


def looked_at(page: Page) -> None:
    """The page as it is now can be used by everybody."""
    assert in_the_way(page, bytes_max=BYTES_MAX, small=MAY_BE_SMALL) == [], page.url


def home(shop: World) -> str:
    return f"{shop.server.base_url}/console/{shop.program}"


def card(shop: World, name: str = "active") -> str:
    return f"{home(shop)}/cards/{shop.cards[name].id}"


def at(path: str) -> Screen:
    """A page by its address, below the program."""

    def show(page: Page, shop: World) -> None:
        page.goto(f"{home(shop)}{path}")

    return show


def beside(path: str) -> Screen:
    """A page beside programs."""

    def show(page: Page, shop: World) -> None:
        page.goto(f"{shop.server.base_url}/console{path}")

    return show


def of_card(name: str, path: str = "") -> Screen:
    def show(page: Page, shop: World) -> None:
        page.goto(f"{card(shop, name)}{path}")

    return show


def found(page: Page, shop: World) -> None:
    page.goto(f"{home(shop)}/cards")
    page.fill("#q", "ada")
    page.wait_for_url("**q=ada**")


def nothing_found(page: Page, shop: World) -> None:
    page.goto(f"{home(shop)}/cards?q=nobody+at+all")


def confirming(page: Page, shop: World) -> None:
    page.goto(f"{card(shop)}/redeem")
    page.fill("#amount", "12,50")
    page.locator("main form button").first.click()
    page.wait_for_selector("main .lead")


def refused(page: Page, shop: World) -> None:
    page.goto(f"{card(shop)}/redeem")
    page.fill("#amount", "x")
    page.locator("main form button").first.click()
    page.wait_for_selector(".problem")


def number(page: Page, shop: World) -> None:
    page.goto(card(shop))
    page.locator("form[action$='/number'] button").click()
    page.wait_for_url("**/number")


def issuing(page: Page, shop: World) -> None:
    page.goto(f"{home(shop)}/issue")
    page.fill("#initialValue", "50")
    page.fill("#customerEmail", "grace@mail.example")
    page.locator("main form .actions button").click()
    page.wait_for_selector("main .lead")


def many(page: Page, shop: World) -> None:
    page.goto(f"{home(shop)}/bulk")
    page.fill("#initialValue", "25")
    page.fill("#count", "3")
    page.locator("main form .actions button").click()
    page.wait_for_selector("main .lead")
    page.locator("main form button").click()
    page.wait_for_selector("#progress")


def a_list(page: Page, shop: World, content: bytes) -> None:
    page.goto(f"{home(shop)}/bulk/list")
    page.locator("#file").set_input_files({"name": "list.csv", "mimeType": "text/csv", "buffer": content})
    page.locator("main form .actions button").click()


def list_wrong(page: Page, shop: World) -> None:
    a_list(page, shop, b"Value;Email;Language\n25;ada;xx\n1;bob@mail.example;\n")
    page.wait_for_selector("main .notice.bad")


def list_right(page: Page, shop: World) -> None:
    soon = f"{datetime.now(UTC) + timedelta(days=20):%Y-%m-%d} 08:00"
    a_list(
        page,
        shop,
        b"Value;Email;Name;From;Message;Language;Deliver at\n"
        b"25;ada@mail.example;Ada Lovelace;Charles;Happy birthday!;en;\n"
        + f"50;ada@mail.example;Ada Lovelace;;;de;{soon}\n".encode(),
    )
    page.wait_for_selector("main .lead")


def person(page: Page, shop: World) -> None:
    page.goto(f"{shop.server.base_url}/console/people")
    page.fill("#customerEmail", "ada4@mail.example")
    page.locator("main form button").click()
    page.wait_for_selector("main .pair")


def theme_refused(page: Page, shop: World) -> None:
    page.goto(f"{home(shop)}/look/theme")
    page.fill("#muted", "#f0f0f0")
    page.locator("main form .actions button").first.click()
    page.wait_for_selector(".problem")


def books(page: Page, shop: World) -> None:
    page.goto(f"{home(shop)}/books")
    page.locator("main form button").click()
    page.wait_for_selector("#last-title")


def sound(page: Page, shop: World) -> None:
    page.goto(f"{home(shop)}/reports/soundness")
    page.locator("main form button").click()
    page.wait_for_selector(".checked")


def scheduled(page: Page, shop: World) -> None:
    page.goto(f"{home(shop)}/reports/schedules")
    if not page.locator("form[action$='/end']").count():
        page.fill("#name", "Books")
        page.fill("#recipients", "books@blumen.example")
        page.locator("form[action$='/schedules'] .actions button").click()
        page.wait_for_selector("form[action$='/end']", state="attached")


def place_code(page: Page, shop: World, name: str = "Till 1", place: str = "Market Street") -> None:
    page.goto(f"{shop.server.base_url}/console/places")
    page.fill("#location", place)
    page.fill("#name", name)
    page.locator("form[action$='/places/code'] button").click()
    page.wait_for_selector(".secret")


def places(page: Page, shop: World) -> None:
    """Tills that stand in three places."""
    page.goto(f"{shop.server.base_url}/console/places")
    if not page.locator(".placed").count():
        for place, names in PLACES.items():
            for name in names:
                place_code(page, shop, name, place)
                enrol(shop, page.locator(".secret").inner_text().strip())
        page.goto(f"{shop.server.base_url}/console/places")


def enrol(shop: World, code: str) -> None:
    """What a device does with a code."""
    with httpx2.Client(base_url=shop.server.base_url, trust_env=False) as device:
        token = re.findall(r'name="form" value="([^"]+)"', device.get("/pos/enrol").text)[-1]
        answer = device.post("/pos/enrol", data={"form": token, "code": code})
        assert answer.status_code == 303, answer.text


def place(page: Page, shop: World) -> None:
    places(page, shop)
    page.locator(".placed + .rows a").first.click()
    page.wait_for_selector("form[action*='/places/']")


def place_revoke(page: Page, shop: World) -> None:
    place(page, shop)
    page.locator("a.grave").click()
    page.wait_for_selector("main button.grave")


def fraud_rule(page: Page, shop: World) -> None:
    page.goto(f"{home(shop)}/fraud/rules")
    page.locator("main section h2 a").first.click()
    page.wait_for_selector("#maxCount, #windowMinutes")


def fraud_rule_delete(page: Page, shop: World) -> None:
    fraud_rule(page, shop)
    page.locator("a.grave").click()
    page.wait_for_selector("main button.grave")


def colleague(page: Page, shop: World) -> None:
    page.goto(f"{shop.server.base_url}/console/staff")
    page.locator("main tbody a").first.click()
    page.wait_for_selector("#signed-title")


def menu(page: Page, shop: World) -> None:
    page.goto(home(shop))
    if page.locator(".menu-button").is_visible():
        page.locator(".menu-button").click()


CONSOLE: dict[str, Screen] = {
    "overview": at(""),
    "menu": menu,
    "cards": at("/cards"),
    "found": found,
    "nothing_found": nothing_found,
    "card": of_card("active"),
    "card_pending": of_card("pending"),
    "card_expired": of_card("expired"),
    "number": number,
    "redeem": of_card("active", "/redeem"),
    "confirming": confirming,
    "refused": refused,
    "transfer": of_card("active", "/transfer"),
    "void": of_card("active", "/void"),
    "process": of_card("expired", "/process-expired"),
    "issue": at("/issue"),
    "issuing": issuing,
    "first_card": at("/first-card"),
    "look": at("/look"),
    "look_first": at("/look?first=1"),
    "look_theme": at("/look/theme"),
    "look_theme_refused": theme_refused,
    "look_designs": at("/look/designs"),
    "look_wallet": at("/look/wallet"),
    "bulk": at("/bulk"),
    "many": many,
    "list": at("/bulk/list"),
    "list_wrong": list_wrong,
    "list_right": list_right,
    "people": beside("/people"),
    "person": person,
    "account": beside("/account"),
    "second_factor": beside("/account/second-factor"),
    "find": at("/find"),
    "reports": at("/reports"),
    "reports_of_days": at("/reports?period=90d&granularity=daily"),
    "reports_refused": at("/reports?period=custom"),
    "entries": at("/entries?measure=liability"),
    "expiring": at("/reports/expiring"),
    "dormant": at("/reports/dormant?days=1"),
    "laundering": at("/reports/laundering"),
    "offline": at("/reports/offline"),
    "soundness": sound,
    "schedules": scheduled,
    "places": places,
    "place_code": place_code,
    "place": place,
    "place_revoke": place_revoke,
    "pin": beside("/account/pin"),
    "fraud": at("/fraud"),
    "fraud_rules": at("/fraud/rules"),
    "fraud_kinds": at("/fraud/rules/new"),
    "fraud_rule": fraud_rule,
    "fraud_rule_new": at("/fraud/rules/new?kind=hours"),
    "fraud_rule_together": at("/fraud/rules/new?kind=together"),
    "fraud_rule_delete": fraud_rule_delete,
    "staff": beside("/staff"),
    "colleague": colleague,
    "keys": beside("/keys"),
    "webhooks": beside("/webhooks"),
    "messages": at("/messages"),
    "previews": at("/messages/preview"),
    "rules": at("/rules"),
    "programs": beside("/programs"),
    "program_new": beside("/programs/new"),
    "anomalies": at("/anomalies"),
    "audit": beside("/audit"),
    "books": books,
    "server": beside("/server"),
    "nowhere": beside("/nowhere/at/all"),
}
"""Of somebody who is signed in."""

PICTURED = (
    *("overview", "cards", "card", "confirming", "issue", "look_first", "first_card", "many", "person", "reports"),
    *("places", "fraud_rules", "look_theme"),
)
"""Those that the documentation shows."""

SIGNED_OUT: dict[str, Screen] = {"sign_in": beside("/sign-in")}
