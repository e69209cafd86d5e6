"""A till on the shop's server: a device that was enrolled, somebody who stands at it, and what is seen there."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from playwright.sync_api import APIResponse, Browser, BrowserContext, Page, Request, expect
from tests.browser.world import SHOP, Card, World

OWNER: Final = "owner@blumen.example"
PASSWORD: Final = "correct horse battery"
BO: Final = "bo@blumen.example"
PIN: Final = "2580"


def a_cashier(shop: World, email: str = BO, role: str = "cashier", pin: str = PIN) -> None:
    """Somebody with a PIN, if they are not there yet."""
    words = ("staff", "add", email, "--merchant", SHOP, "--role", role, "--password-stdin")
    added = shop.server.command(*words, "--name", email.partition("@")[0].title(), said=f"{PASSWORD}\n")
    assert added.code == 0 or "exists already" in added.err, added.err
    done = shop.server.command("terminal", "set-pin", email, "--pin-stdin", said=f"{pin}\n")
    assert done.code == 0, done.err


def a_code(shop: World, name: str = "Till 1") -> str:
    words = ("--merchant", SHOP, "--program", shop.program, "--location", "Marktstraße", "--name", name)
    return str(shop.server.made("terminal", "code", *words)["code"])


@dataclass
class Till:
    """A window on a device, and all that it asked for or complained about."""

    page: Page
    context: BrowserContext
    base: str
    requests: list[Request] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    taps: int = 0

    def enrol(self, shop: World, name: str = "Till 1") -> None:
        self.page.goto(f"{self.base}/pos")
        self.page.get_by_label("Code", exact=True).fill(a_code(shop, name))
        self.page.get_by_role("button", name="Continue").last.click()
        expect(self.page.get_by_role("heading", name="Sign in")).to_be_visible()

    def sign_in(self, who: str = "Bo", pin: str = PIN) -> None:
        self.page.goto(f"{self.base}/pos")
        self.page.get_by_text(who, exact=True).click()
        self.page.get_by_label("PIN", exact=True).fill(pin)
        self.page.get_by_role("button", name="Sign in").click()

    def sign_in_as(self, who: str, pin: str) -> None:
        """In the place of whoever stands there."""
        self.page.goto(f"{self.base}/pos")
        self.page.get_by_role("button", name="Lock").click()
        self.sign_in(who, pin)
        expect(self.page.get_by_label("Scan a card or type its number")).to_be_visible()

    def scan(self, text: str) -> None:
        """As a hand scanner does: it types, and ends with Enter."""
        self.page.wait_for_selector("body[data-till]")
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")

    def open(self, card: Card) -> None:
        """Scan it, and wait until it is there."""
        self.scan(card.number)
        self.page.wait_for_url(f"**/pos/cards/{card.id}")

    def tap(self, name: str, *, role: Any = "button") -> None:
        self.taps += 1
        self.page.get_by_role(role, name=name).first.click()

    def key_in(self, digits: str) -> None:
        """On the pad of the screen."""
        for digit in digits:
            self.taps += 1
            self.page.locator(".pad").get_by_role("button", name=digit, exact=True).click()

    def post(self, path: str, fields: dict[str, str]) -> APIResponse:
        """A form behind the script's back, with the device's cookies."""
        return self.context.request.post(f"{self.base}{path}", form=dict(fields))

    def shows(self, title: str, *texts: str) -> None:
        """The outcome: its title, and what else it says."""
        expect(self.page.get_by_role("heading", level=1, name=title)).to_be_visible(timeout=15_000)
        for text in texts:
            expect(self.page.locator("main")).to_contain_text(text)


@contextmanager
def a_till(browser: Browser, base: str, **options: Any) -> Iterator[Till]:
    """Whatever it asks of anybody but the server, and whatever the browser complains of, fails."""
    usual = {"locale": "en-GB", "viewport": {"width": 1024, "height": 768}, "reduced_motion": "reduce"}
    context = browser.new_context(**(usual | options))
    till = Till(context.new_page(), context, base)
    till.page.on("request", lambda request: till.requests.append(request))  # noqa: PLW0108 - Playwright writes on it
    till.page.on("pageerror", lambda error: till.complaints.append(str(error)))
    till.page.on("console", lambda said: till.complaints.append(said.text) if said.type == "error" else None)
    yield till
    asked = {request.url for request in till.requests}
    context.close()
    assert not [url for url in asked if not url.startswith(f"{base}/")], "a third party"
    assert not [said for said in till.complaints if "Failed to load resource" not in said]


def balance_of(shop: World, card: Card | str) -> str:
    """What the API says is on the card."""
    card_id = card if isinstance(card, str) else card.id
    found = shop.http.get(f"/v2/giftcards/programs/{shop.program}/cards/{card_id}")
    return str(found.json()["balance"])


def entries_of(shop: World, card: Card | str) -> list[dict[str, Any]]:
    """What the API says happened to it, newest first."""
    card_id = card if isinstance(card, str) else card.id
    found = shop.http.get(f"/v2/giftcards/programs/{shop.program}/cards/{card_id}/transactions")
    return list(found.json())


def takes_of(shop: World, card: Card | str) -> list[str]:
    """The amounts that were taken from it, newest first."""
    return [one["amount"] for one in entries_of(shop, card) if one["transactionType"] == "REDEMPTION"]


def somebody() -> str:
    """An email address of its own."""
    return f"zoe.{secrets.token_hex(4)}@mail.example"


def till_named(shop: World, name: str) -> dict[str, Any]:
    """What the command line says of the newest till of this name."""
    listed: list[dict[str, Any]] = shop.server.command("terminal", "list", "--merchant", SHOP, "--json").json
    return [one for one in listed if one["name"] == name][-1]
