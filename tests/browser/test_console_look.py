"""The look is chosen in a browser, with a keyboard and on a small phone: what becomes of it is seen meanwhile."""

import io
from collections.abc import Iterator

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from tests.browser.console_screens import home, looked_at, sign_in
from tests.browser.world import World


@pytest.fixture
def page(browser: Browser, shop: World) -> Iterator[Page]:
    """The owner's browser, on a phone as narrow as they come."""
    complaints: list[str] = []
    with browser.new_context(
        locale="en-GB", reduced_motion="reduce", viewport={"width": 320, "height": 640}
    ) as context:
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        sign_in(page, shop)
        yield page
    assert not [said for said in complaints if "status of 4" not in said]


def test_colours_designs_and_passes(shop: World, page: Page) -> None:
    page.goto(f"{home(shop)}/look")
    page.get_by_role("link", name="Colours of pages").press("Enter")
    expect(page.locator("#preview")).to_contain_text("Quiet text on sheets: reads well")
    quiet = page.get_by_label("Quiet text", exact=True)
    quiet.fill("#f0f0f0")
    quiet.dispatch_event("change")
    expect(page.locator("#preview .bad").first).to_contain_text("cannot be read (1.")
    looked_at(page)
    page.get_by_role("button", name="Save").press("Enter")
    expect(quiet).to_have_attribute("aria-invalid", "true")
    quiet.fill("#44403c")
    page.get_by_label("Corners").select_option("Very round")
    page.get_by_role("button", name="Save").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("The colours are saved.")
    looked_at(page)
    page.goto(shop.cards["active"].address)
    assert "--quiet: #44403c" in page.content() or "--quiet:#44403c" in page.content()
    page.goto(f"{home(shop)}/look/theme")
    page.get_by_role("button", name="Use the shop’s colours").click()
    expect(page.get_by_text("The colours of your shop hold again.")).to_be_visible()

    page.get_by_role("link", name="Designs", exact=True).press("Enter")
    picture = io.BytesIO()
    Image.new("RGB", (856, 540), "#0f766e").save(picture, "PNG")
    page.get_by_label("Name").fill("Opening day")
    page.get_by_label("Picture").set_input_files(
        {"name": "art.svg", "mimeType": "image/svg+xml", "buffer": b"<svg xmlns='http://www.w3.org/2000/svg'/>"}
    )
    page.get_by_role("button", name="Keep the picture").press("Enter")
    expect(page.locator(".problem")).to_have_text("A picture is a PNG, JPEG, GIF or WebP file.")
    expect(page.get_by_label("Name")).to_have_value("Opening day")
    page.get_by_label("Picture").set_input_files(
        {"name": "art.png", "mimeType": "image/png", "buffer": picture.getvalue()}
    )
    page.get_by_role("button", name="Keep the picture").press("Enter")
    expect(page.get_by_text("opening-day", exact=True)).to_be_visible()
    looked_at(page)
    page.get_by_text("Remove: opening-day").press("Enter")
    page.get_by_role("button", name="Remove the picture").press("Enter")
    expect(page.get_by_text("No picture of your own yet.")).to_be_visible()

    page.get_by_role("link", name="Wallets", exact=True).press("Enter")
    page.get_by_label("Beside the logo").fill("Flowers")
    page.get_by_label("Beside the logo").dispatch_event("change")
    expect(page.locator("#preview")).to_contain_text("Flowers")
    looked_at(page)


def test_without_a_script_the_preview_is_a_button(shop: World, page: Page, browser: Browser) -> None:
    state = page.context.storage_state()
    with browser.new_context(java_script_enabled=False, storage_state=state, locale="en-GB") as context:
        bare = context.new_page()
        bare.goto(f"{home(shop)}/look/theme")
        bare.get_by_label("Background", exact=True).fill("#e0f2fe")
        bare.get_by_role("button", name="Preview").click()
        expect(bare.get_by_text("nothing is saved yet")).to_be_visible()
        assert 'fill="#e0f2fe"' in bare.content()
