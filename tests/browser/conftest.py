"""A browser for the whole session, and one server for the folder."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request
from tests.browser.chromium import chromium
from tests.browser.world import World, world


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="package")
def shop() -> Iterator[World]:
    with world(KADO_WEBHOOK_ALLOW="127.0.0.0/8") as made:
        made.in_every_state()
        yield made
        made.server.books_are_right()


@dataclass
class Visit:
    """A window of its own, and all that it asked for or complained about."""

    page: Page
    requests: list[Request] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


Visits = Callable[..., Visit]


@pytest.fixture
def visit(browser: Browser, shop: World) -> Iterator[Visits]:
    """Opens windows. Whatever they ask of anybody but the server, and whatever the browser complains of, fails."""
    opened: list[tuple[BrowserContext, Visit]] = []

    def opening(**options: Any) -> Visit:
        usual = {"locale": "en-GB", "viewport": {"width": 390, "height": 844}, "reduced_motion": "reduce"}
        context = browser.new_context(**(usual | options))
        one = Visit(context.new_page())
        one.page.on("request", lambda request: one.requests.append(request))  # noqa: PLW0108 - Playwright writes on it
        one.page.on("pageerror", lambda error: one.complaints.append(str(error)))
        one.page.on("console", lambda said: one.complaints.append(said.text) if said.type == "error" else None)
        opened.append((context, one))
        return one

    yield opening
    for context, one in opened:
        asked = {request.url for request in one.requests}
        kept = context.cookies()
        context.close()
        assert not [url for url in asked if not url.startswith(f"{shop.server.base_url}/")], "a third party"
        # A page with another status than 200 is told of like a fault.
        assert not [said for said in one.complaints if "status of 4" not in said]
        assert not kept
