"""Everybody can use the pages: by axe, by keyboard, at 320 pixels, at 200 %, in the dark, by ear, on paper."""

from playwright.sync_api import Page, expect
from tests.browser.conftest import Visits
from tests.browser.screens import SCREENS, wrong_code
from tests.browser.usable import NARROW, in_the_way
from tests.browser.world import World

_BYTES_MAX = 100_000


def test_nothing_is_in_anybodys_way_on_any_screen(shop: World, visit: Visits) -> None:
    """Twice as large on a desktop is half as wide; at 320 pixels nothing has to be moved sideways to be read."""
    page = visit(locale="de-DE").page
    for name, show in SCREENS.items():
        show(page, shop)
        assert in_the_way(page, bytes_max=_BYTES_MAX, widths=(NARROW, (640, 512))) == [], name


def test_the_keyboard_alone_activates_and_reveals(shop: World, visit: Visits) -> None:
    card = shop.card("10.00")
    page = visit().page
    page.goto(card.address)

    def focused() -> str:
        return str(page.evaluate("(document.activeElement.innerText || document.activeElement.name || '').trim()"))

    def tab_to(what: str) -> None:
        for _ in range(20):
            page.keyboard.press("Tab")
            if focused() == what:
                outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                assert outline == "solid", f"nobody sees that {what} has the focus"
                return
        raise AssertionError(f"the keyboard does not reach {what}")

    tab_to("English")
    page.keyboard.press("Enter")
    tab_to("Français")
    page.keyboard.press("Enter")
    page.wait_for_url("**?lang=fr")
    tab_to("code")
    page.keyboard.type(card.code)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Prête à l’emploi")).to_be_visible()
    tab_to("Afficher le numéro de la carte")
    page.keyboard.press("Enter")
    tab_to("code")
    page.keyboard.type(card.code)
    tab_to("Afficher le numéro")
    page.keyboard.press("Enter")
    expect(page.get_by_text(card.grouped)).to_be_visible()


def test_what_a_screen_reader_says_makes_sense(shop: World, visit: Visits) -> None:
    page = visit().page
    wrong_code(page, shop)
    field = page.get_by_label("Security code")
    expect(field).to_have_accessible_description(
        "Six characters, in the email or text message that brought you here. This code does not fit. Please look at it"
        " again; upper and lower case make no difference."
    )
    expect(field).to_have_attribute("aria-invalid", "true")
    snapshot = page.locator("body").aria_snapshot()
    assert 'heading "Ada, this is for you" [level=1]' in snapshot
    assert "navigation" in snapshot
    assert "contentinfo" in snapshot
    assert "••••" not in snapshot
    assert "Number ends in" in snapshot


def test_nothing_moves_for_who_wants_no_motion(shop: World, visit: Visits) -> None:
    def moving(page: Page) -> int:
        page.goto(shop.cards["pending"].address)
        return int(page.evaluate("document.getAnimations().length"))

    assert moving(visit(reduced_motion="reduce").page) == 0
    assert moving(visit(reduced_motion="no-preference").page) > 0


def test_paper_has_the_card_and_its_code_and_nothing_to_press(shop: World, visit: Visits) -> None:
    page = visit().page
    page.goto(shop.cards["active"].address)
    page.emulate_media(media="print")
    expect(page.get_by_role("img", name="QR code of this gift card")).to_be_visible()
    expect(page.get_by_text("Alles Gute zum Geburtstag")).to_be_visible()
    for gone in (".languages", ".reveal", "form", ".pager"):
        assert not [one for one in page.locator(gone).all() if one.is_visible()], gone


def test_a_page_is_a_page_and_at_most_one_file(shop: World, visit: Visits) -> None:
    one = visit()
    for name in ("active", "balance"):
        SCREENS[name](one.page, shop)
        one.page.wait_for_load_state("load")
        last = max(at for at, request in enumerate(one.requests) if request.is_navigation_request())
        assert len(one.requests[last:]) <= 2, name
