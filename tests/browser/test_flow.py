"""The gift in someone's hand: from the sale to the till and back to the page, in a browser, with mails by SMTP."""

import io
import json
import zipfile
from decimal import Decimal
from typing import Any

import zxingcpp
from PIL import Image
from playwright.sync_api import expect
from tests.api.pictures import MULTIPART, a_body, a_picture
from tests.browser.conftest import Visits
from tests.browser.world import World
from tests.serving.server import until

# The pages are asked for by their words, as people and screen readers find them.


def test_from_the_mail_to_the_till_and_back(shop: World, visit: Visits) -> None:
    card = shop.card("60.00")
    page = visit().page
    page.goto(card.link)
    expect(page.get_by_role("heading", level=1)).to_have_text("Ada, this is for you")
    expect(page.get_by_text("Alles Gute zum Geburtstag, liebe Ada!")).to_be_visible()
    expect(page.get_by_text("From Ben & Kim")).to_be_visible()
    expect(page.get_by_text("€60.00")).to_be_visible()
    expect(page.get_by_role("img", name="QR code")).to_have_count(0)
    page.get_by_label("Security code").fill(card.code)
    page.get_by_role("button", name="Activate gift card").click()

    page.wait_for_url(card.address)
    expect(page.get_by_text("Ready to use")).to_be_visible()
    expect(page.get_by_role("img", name="QR code of this gift card")).to_be_visible()
    with page.expect_download() as taken:
        page.get_by_role("link", name="Add to Apple Wallet").click()
    in_wallet = pass_in(taken.value.path().read_bytes())
    assert in_wallet["storeCard"]["primaryFields"][0]["value"] == Decimal("60.00")
    sold = shop.act(card, "redeem", amount="12.50")
    assert sold["remainingBalance"] == "47.50"
    page.reload()
    expect(page.get_by_text("€47.50")).to_be_visible()
    first = page.get_by_role("listitem").filter(has_text="Paid").first
    expect(first).to_contain_text("-€12.50")
    expect(first).to_contain_text("Blumen & Bücher")

    again = shop.http.get(
        f"{in_wallet['webServiceURL']}/v1/passes/{in_wallet['passTypeIdentifier']}/{in_wallet['serialNumber']}",
        headers={"Authorization": f"ApplePass {in_wallet['authenticationToken']}"},
    )
    assert pass_in(again.content)["storeCard"]["primaryFields"][0]["value"] == Decimal("47.50")

    page.goto(shop.balance_page)
    page.get_by_label("Card number").fill(card.grouped)
    page.get_by_label("Security code").fill(card.code)
    page.get_by_role("button", name="Check balance").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your balance")
    expect(page.get_by_text("€47.50")).to_be_visible()
    assert page.url == shop.balance_page


def test_what_google_was_given_follows_the_card(shop: World, visit: Visits) -> None:
    card = shop.active("60.00")
    page = visit().page
    page.goto(card.address)
    link = page.get_by_role("link", name="Add to Google Wallet").get_attribute("href")
    answer = shop.http.get(f"{shop.server.base_url}{link}", headers={"Authorization": ""})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("https://pay.google.com/gp/v/save/")

    def balance() -> str:
        return str(shop.google.kept[f"3388.{shop.program}-{card.id}"]["balance"]["micros"])

    assert balance() == "60000000"
    shop.act(card, "redeem", amount="12.50")
    until(lambda: balance() == "47500000", 15, "Google is not told")


def test_a_card_shows_the_design_that_was_chosen_for_it(shop: World, visit: Visits) -> None:
    page = visit().page
    page.goto(shop.cards["design"].address)
    art = page.locator(".card img")
    assert "/birthday-" in str(art.get_attribute("src"))
    assert art.evaluate("image => image.complete && image.naturalWidth > 0")
    page.goto(shop.cards["active"].address)
    expect(page.locator(".card img")).to_have_count(0)
    path = f"/v2/loyalty/programs/{shop.program}/card/designs/roses"
    sent = shop.http.post(path, content=a_body(a_picture(size=(856, 540))), headers=MULTIPART)
    assert sent.status_code == 200, sent.text
    page.goto(shop.active(designTemplate="Roses").address)
    assert str(art.get_attribute("src")) in sent.json()["url"]
    assert art.evaluate("image => image.naturalWidth") == 856


def pass_in(content: bytes) -> Any:
    """What the pass in this file says."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return json.loads(archive.read("pass.json"), parse_float=Decimal)


def test_a_double_click_activates_once(shop: World, visit: Visits) -> None:
    card = shop.card("10.00")
    page = visit().page
    page.goto(card.address)
    page.get_by_label("Security code").fill(card.code)
    page.get_by_role("button", name="Activate gift card").dblclick()
    page.wait_for_url(card.address)
    expect(page.get_by_text("Ready to use")).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="Activated")).to_have_count(1)


def test_the_number_is_behind_the_code_and_gone_on_the_next_page(shop: World, visit: Visits) -> None:
    card = shop.active()
    page = visit().page
    page.goto(card.address)
    assert card.grouped not in page.content()
    page.get_by_text("Show the card number").click()
    page.get_by_label("Security code").fill("WRONG1")
    page.get_by_role("button", name="Show number").click()
    expect(page.get_by_role("alert")).to_contain_text("This code does not fit.")
    page.get_by_label("Security code").fill(card.code)
    page.get_by_role("button", name="Show number").click()
    expect(page.get_by_text(card.grouped)).to_be_visible()
    expect(page.get_by_role("img", name="Barcode of the card number")).to_be_visible()
    assert card.number not in page.url
    page.get_by_role("link", name="Hide the number").click()
    page.wait_for_url(card.address)
    assert card.grouped not in page.content()


def test_everything_works_without_javascript(shop: World, visit: Visits) -> None:
    card = shop.card("30.00")
    page = visit(java_script_enabled=False, locale="de-DE").page
    page.goto(card.address)
    page.get_by_label("Sicherheitscode").fill(card.code)
    page.get_by_role("button", name="Gutschein aktivieren").click()
    expect(page.get_by_text("Einlösbar")).to_be_visible()
    page.get_by_text("Kartennummer anzeigen").click()
    page.get_by_label("Sicherheitscode").fill(card.code)
    page.get_by_role("button", name="Nummer anzeigen").click()
    expect(page.get_by_text(card.grouped)).to_be_visible()
    page.get_by_text("Deutsch").first.click()
    page.get_by_role("link", name="Nederlands").click()
    expect(page.get_by_text("Klaar voor gebruik")).to_be_visible()
    page.goto(f"{shop.balance_page}?lang=de")
    expect(page.get_by_text("Ihr Browser führt hier kein JavaScript aus.")).to_be_visible()
    page.get_by_label("Kartennummer").fill(card.number)
    page.get_by_label("Sicherheitscode").fill(card.code)
    page.get_by_role("button", name="Guthaben prüfen").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Ihr Guthaben")


def test_the_proof_of_work_runs_by_itself_and_is_sent(shop: World, visit: Visits) -> None:
    usual, strict = shop.program, shop.open_program(balancePageWithoutScript=False)
    shop.program = strict
    try:
        card = shop.active()
        one = visit()
        one.page.goto(shop.balance_page)
        expect(one.page.get_by_text("This page needs JavaScript")).to_be_hidden()
        assert not [request for request in one.requests if "challenge" in request.url], "nobody has typed anything"
        one.page.get_by_label("Card number").fill(card.number)
        expect(one.page.get_by_role("status")).to_have_text("Security check done.")
        one.page.get_by_label("Security code").fill("000000" if card.code != "000000" else "1")
        one.page.get_by_role("button", name="Check balance").click()
        expect(one.page.get_by_role("alert")).to_contain_text("We found no gift card with this number and code.")
        one.page.get_by_label("Card number").fill(card.number)
        one.page.get_by_label("Security code").fill(card.code)
        one.page.get_by_role("button", name="Check balance").click()
        expect(one.page.get_by_text("€50.00")).to_be_visible()

        bare = visit(java_script_enabled=False).page
        bare.goto(shop.balance_page)
        expect(bare.get_by_text("This page needs JavaScript")).to_be_visible()
        bare.get_by_label("Card number").fill(card.number)
        bare.get_by_label("Security code").fill(card.code)
        bare.get_by_role("button", name="Check balance").click()
        expect(bare.get_by_role("alert")).to_contain_text("The security check is missing.")
    finally:
        shop.program = usual


def test_what_a_camera_sees_is_what_a_till_looks_a_card_up_by(shop: World, visit: Visits) -> None:
    page = visit(device_scale_factor=2).page
    card = shop.cards["active"]
    page.goto(card.address)
    picture = page.get_by_role("img", name="QR code of this gift card").screenshot()
    assert decoded(picture) == [("QR Code", card.address.rpartition("/")[2])]
    page.get_by_text("Show the card number").click()
    page.get_by_label("Security code").fill(card.code)
    page.get_by_role("button", name="Show number").click()
    assert decoded(page.get_by_role("img", name="Barcode of the card number").screenshot()) == [
        ("Code 128", card.number)
    ]


def decoded(picture: bytes) -> list[tuple[str, str]]:
    """Every barcode in a picture: its kind and what it says."""
    return [(str(one.format), one.text) for one in zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)).convert("L"))]
