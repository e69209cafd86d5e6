"""Cards from a list, in a browser: an example, what is wrong named by its line, what will happen, the cards."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.browser.console_screens import home, looked_at, sign_in
from tests.browser.world import World


@pytest.fixture
def page(browser: Browser, shop: World) -> Iterator[Page]:
    """The owner's browser, on a phone as narrow as they come."""
    with browser.new_context(
        locale="en-GB", reduced_motion="reduce", viewport={"width": 320, "height": 640}
    ) as context:
        page = context.new_page()
        sign_in(page, shop)
        yield page


def test_a_list_becomes_cards(shop: World, page: Page) -> None:
    page.goto(f"{home(shop)}/bulk")
    page.get_by_role("link", name="From a list (CSV)").press("Enter")
    with page.expect_download() as loading:
        page.get_by_role("link", name="Get an example to fill in").click()
    example = loading.value.path().read_text(encoding="utf-8-sig")
    assert example.startswith("Value,Email,Name,Phone,From,Message,Language,Deliver at")
    lines = ["Value,Email,Name", "25,ada@mail.example,Ada", "soon,grace@mail.example,Grace"]

    def choose() -> None:
        content = "\n".join(lines).encode()
        page.get_by_label("The list").set_input_files({"name": "l.csv", "mimeType": "text/csv", "buffer": content})
        page.get_by_role("button", name="Read the list").press("Enter")

    choose()
    expect(page.get_by_role("alert")).to_contain_text("One line is wrong. Nothing was issued")
    expect(page.get_by_role("row")).to_contain_text(["Line 3"])
    expect(page.get_by_role("row").last).to_contain_text("This is not an amount of money.")
    looked_at(page)
    lines[2] = "40,grace@mail.example,Grace"
    choose()
    expect(page.get_by_role("heading", name="Is this right?")).to_be_visible()
    expect(page.get_by_text("€65.00")).to_be_visible()
    looked_at(page)
    page.keyboard.press("Enter")  # what confirms has the focus
    expect(page).to_have_url(re.compile("/bulk/[0-9a-f]{24}$"))
    expect(page.get_by_role("heading", name="2 cards of a list, €65.00 together")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("2 of 2 are made.")
    looked_at(page)
