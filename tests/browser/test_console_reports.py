"""Reports in a browser: pages with something on them, and the way from a number to the entries behind it and back."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page, expect
from tests.browser.axe import TAGS, faults
from tests.browser.console_screens import home
from tests.browser.test_console import context, page
from tests.browser.world import Card, World

from kado.ids import new_id

__all__ = ["context", "page"]


async def flagged(shop: World, card: Card) -> None:
    """As the worker does once the entries are final, which takes a minute or two."""
    superuser = await shop.server.superuser()
    await superuser.execute(
        "INSERT INTO aml_alert (program_id, id, flag, severity, card_id, subject, entry_ids, minor, detected_at)"
        " VALUES ($1, $2, 'RAPID_REDEMPTION', 'high', $3, 'browser', ARRAY[]::text[], 19900, now())",
        shop.program,
        new_id(),
        card.id,
    )
    await superuser.close()


def test_alerts_and_cards_that_end_soon_are_whole_on_a_phone(shop: World, page: Page) -> None:
    soon = datetime.now(UTC) + timedelta(days=20)
    card = shop.active("200.00", expiresAt=soon.isoformat())
    shop.act(card, "redeem", amount="199.00")
    with ThreadPoolExecutor(1) as beside:  # the browser has an event loop of its own
        beside.submit(asyncio.run, flagged(shop, card)).result()
    page.set_viewport_size({"width": 320, "height": 640})
    for name, what in (("expiring", card.id), ("laundering", "Loaded and spent at once")):
        page.goto(f"{home(shop)}/reports/{name}")
        assert what in page.content()
        page.evaluate("document.querySelectorAll('main details').forEach(one => { one.open = true })")
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, name
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            assert faults(page, "tag", *TAGS) == [], (name, scheme)
    page.get_by_label("Notes").fill("A regular customer")
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_text("It is noted that you know of it.")).to_be_visible()
    expect(page.get_by_text("A regular customer")).to_be_visible()


def test_a_number_leads_to_its_entries_and_a_report_to_a_file(shop: World, page: Page) -> None:
    page.goto(home(shop))
    owed = page.locator(".figure.big")
    said = owed.inner_text()
    owed.click()
    expect(page.get_by_role("heading", name="What is owed")).to_be_visible()
    expect(page.locator(".big")).to_have_text(said)
    page.get_by_role("link", name="Reports").last.click()
    page.get_by_label("Period").select_option("90d")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_label("Period")).to_have_value("90d")
    with page.expect_download() as fetched:
        page.get_by_role("button", name="PDF").click()
    assert fetched.value.suggested_filename.endswith(".pdf")
