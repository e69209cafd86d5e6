"""The till as whoever stands behind the counter has it: every flow, with a scanner that types, taps and keys."""

import re
from collections.abc import Iterator
from urllib.parse import unquote

import pytest
from playwright.sync_api import Browser, expect
from tests.browser.counter import Till, a_cashier, a_till, balance_of, entries_of, somebody
from tests.browser.world import World


@pytest.fixture(scope="module")
def staffed(shop: World) -> World:
    a_cashier(shop)
    return shop


@pytest.fixture
def till(browser: Browser, staffed: World) -> Iterator[Till]:
    """Bo stands at an enrolled device."""
    with a_till(browser, staffed.server.base_url) as made:
        made.enrol(staffed)
        made.sign_in()
        yield made


def test_a_card_is_scanned_and_a_part_of_it_taken(till: Till, staffed: World) -> None:
    card = staffed.active("60.00")
    till.scan(card.number)
    expect(till.page.locator(".card .balance")).to_contain_text("€60.00")
    assert card.number not in till.page.url
    till.key_in("1250")
    till.tap("Take this amount")
    till.shows("Taken", "€12.50", "€47.50", card.number[-4:])
    assert till.page.locator("body").get_attribute("data-sounded") == "good"
    assert balance_of(staffed, card) == "47.50"
    (entry, *_) = entries_of(staffed, card)
    assert entry["amount"] == "-12.50"
    assert entry["cashierId"]
    assert entry["terminalId"]


def test_with_a_scan_four_taps_take_a_card(till: Till, staffed: World) -> None:
    """As many as for an amount that is typed; all of it takes one."""
    card = staffed.active("60.00")
    till.scan(card.address)  # the QR code of its page
    expect(till.page.locator(".card .balance")).to_contain_text("€60.00")
    till.key_in("20")
    till.page.locator(".pad").get_by_role("button", name="00", exact=True).click()
    till.tap("Take this amount")
    till.shows("Taken", "€20.00", "€40.00")
    assert till.taps + 1 == 4
    till.taps = 0
    till.scan(card.number)  # the next one, without a tap
    till.tap("Take all: €40.00")
    till.shows("Taken", "€40.00", "€0.00")
    assert till.taps == 1
    assert balance_of(staffed, card) == "0.00"


def test_six_taps_sell_a_card_at_the_counter(till: Till, staffed: World) -> None:
    till.tap("Sell a gift card", role="link")
    till.taps += 1
    till.page.get_by_text("€25.00", exact=True).click()
    till.tap("Sell")
    till.shows("Sold", "€25.00")
    assert till.taps <= 6
    paper = till.page.get_by_role("link", name="Print the card").get_attribute("href") or ""
    made = till.context.request.get(f"{till.base}{paper}")
    assert made.body().startswith(b"%PDF-")
    card_id = paper.split("/")[3]
    assert balance_of(staffed, card_id) == "25.00"
    found = staffed.http.get(f"/v2/giftcards/programs/{staffed.program}/cards/{card_id}").json()
    assert (found["status"], found["isPhysical"]) == ("active", True)
    till.tap("Undo the last one")
    till.shows("Undone", "€25.00", "€0.00", "The card has ended")
    assert balance_of(staffed, card_id) == "0.00"
    till.tap("Next customer", role="link")
    expect(till.page.get_by_role("button", name="Undo the last one")).to_have_count(0)


def test_a_card_that_hangs_in_the_shop_is_sold_by_its_scan(till: Till, staffed: World) -> None:
    card = staffed.card("30.00")
    till.scan(card.number)
    expect(till.page.locator(".card")).to_contain_text("Not sold yet")
    till.tap("Sell for €30.00")
    till.shows("Sold", "€30.00")
    assert till.taps == 1
    assert balance_of(staffed, card) == "30.00"
    staffed.act(card, "redeem", amount="0.01")
    till.tap("Undo the last one")
    till.shows("Not done", "Something else has happened to the card since.")
    assert balance_of(staffed, card) == "29.99"


def test_from_the_sale_by_mail_to_the_till_and_back_again(till: Till, staffed: World) -> None:
    receiver = somebody()
    till.tap("Sell a gift card", role="link")
    till.page.get_by_label("Another amount").fill("42,50")
    till.page.get_by_text("By email", exact=True).click()
    till.page.get_by_label("Email of whoever receives it").fill(receiver)
    till.page.get_by_label("Name of whoever receives it").fill("Ada")
    till.page.get_by_label("A few words").fill("Alles Gute!\nBo")
    till.tap("Sell")
    till.shows("Sold", "€42.50")

    mail = staffed.mail_to(receiver)
    assert "Alles Gute!" in mail
    (link,) = re.findall(r"http://\S+/cards/\S+", mail)
    till.scan(link)
    till.key_in("1000")
    till.tap("Take this amount")
    till.shows("Taken", "€10.00", "€32.50")
    till.tap("Undo the last one")
    till.shows("Undone", "€10.00", "€42.50")
    expect(till.page.get_by_role("button", name="Undo the last one")).to_have_count(0)
    sid = unquote(link).rpartition("/")[2]
    found = staffed.http.get(f"/v2/giftcards/programs/{staffed.program}/cards", params={"q": receiver}).json()
    (card,) = [one for one in found if one["card"]["serialNumber"] == sid]
    assert card["balance"] == "42.50"
    assert [one["transactionType"] for one in entries_of(staffed, card["id"])][:2] == ["REFUND", "REDEMPTION"]


def test_money_is_added_and_that_is_undone_from_the_first_screen(till: Till, staffed: World) -> None:
    card = staffed.active("20.00")
    till.scan(card.number)
    till.tap("Add money", role="link")
    till.key_in("1500")
    till.tap("Add this amount")
    till.shows("Added", "€15.00", "€35.00")
    till.tap("Next customer", role="link")
    till.tap("Undo the last one")
    till.shows("Undone", "€15.00", "€20.00")
    assert balance_of(staffed, card) == "20.00"


def test_a_part_of_what_was_taken_is_given_back(till: Till, staffed: World) -> None:
    card = staffed.active("50.00")
    staffed.act(card, "redeem", amount="30.00")
    till.scan(card.number)
    till.tap("Give back", role="link")
    till.page.get_by_label("Or only a part").fill("12.00")
    till.tap("Give back this much")
    till.shows("Given back", "€12.00", "€32.00")
    till.scan(card.number)
    till.page.get_by_role("link", name="Give back").last.click()
    till.tap("Give back all that is left of it")
    till.shows("Given back", "€18.00", "€50.00")
    assert balance_of(staffed, card) == "50.00"


def test_a_receipt_is_printed_and_mailed_without_a_way_to_the_card(till: Till, staffed: World) -> None:
    card, receiver = staffed.active("50.00"), somebody()
    till.scan(card.number)
    till.tap("Take all: €50.00")
    till.shows("Taken")
    till.tap("Receipt", role="link")
    till.page.emulate_media(media="print")
    paper = till.page.locator("body").inner_text()
    assert "€50.00" in paper
    assert card.number[-4:] in paper
    assert "Print" not in paper
    till.page.emulate_media(media="screen")
    till.page.get_by_label("Email address").fill(receiver)
    till.page.get_by_role("button", name="Send by email").dblclick()
    expect(till.page.get_by_text("The receipt is on its way.")).to_be_visible()
    mail = staffed.mail_to(receiver)
    assert "€50.00" in mail
    assert card.number[-4:] in mail
    for secret in (card.number, card.grouped, card.code, "/cards/"):
        assert secret not in mail
        assert secret not in paper
    assert sum(receiver in str(one["To"]) for one in staffed.mail.received) == 1


def test_what_cannot_be_done_says_why_in_words(till: Till, staffed: World) -> None:
    card = staffed.active("5.00")
    till.scan(card.number)
    till.page.get_by_label("Amount").fill("7.50")
    till.tap("Take this amount")
    till.shows("Not done", "There is not enough on the card. At most:", "€5.00", "Nothing was taken")
    assert till.page.locator("body").get_attribute("data-sounded") == "bad"
    till.tap("Back to the card", role="link")
    till.page.get_by_label("Amount").fill("1.234.5")
    till.tap("Take this amount")
    till.shows("Not done", "Type an amount above zero")
    for name, says in (("suspended", "Paused"), ("expired", "Expired"), ("voided", "Ended"), ("depleted", "Spent")):
        till.scan(staffed.cards[name].number)
        expect(till.page.locator(".card .state")).to_contain_text(says)
        expect(till.page.get_by_role("button", name="Take this amount")).to_have_count(0)
    till.scan("4000 0000 0000 0000")
    expect(till.page.get_by_role("alert")).to_contain_text("No card of this shop has this number.")
    assert balance_of(staffed, card) == "5.00"


def test_a_hand_scanner_may_type_anywhere(till: Till, staffed: World) -> None:
    """Into the amount too, where its digits would be a fortune."""
    first, second = staffed.active("10.00"), staffed.active("11.00")
    till.scan(first.number)
    till.page.get_by_label("Amount").focus()
    till.scan(second.number)
    expect(till.page.locator(".card .balance")).to_contain_text("€11.00")
    till.page.locator("h2").first.click()
    till.scan(first.number)
    expect(till.page.locator(".card .balance")).to_contain_text("€10.00")
    assert balance_of(staffed, first) == "10.00"


def test_two_tills_and_one_card(till: Till, staffed: World, browser: Browser) -> None:
    a_cashier(staffed, "cleo@blumen.example", pin="7391")
    card = staffed.active("40.00")
    with a_till(browser, staffed.server.base_url) as other:
        other.enrol(staffed, "Till 2")
        other.sign_in("Cleo", "7391")
        for one in (till, other):
            one.scan(card.number)
            expect(one.page.locator(".card .balance")).to_contain_text("€40.00")
        till.tap("Take all: €40.00")
        till.shows("Taken", "€40.00")
        other.tap("Take all: €40.00")
        other.shows("Not done")
        other.scan(card.number)
        expect(other.page.locator(".card .state")).to_contain_text("Spent")
        till.tap("Undo the last one")
        till.shows("Undone")
    takes = [one for one in entries_of(staffed, card) if one["transactionType"] == "REDEMPTION"]
    assert len(takes) == 1
    assert balance_of(staffed, card) == "40.00"


_A_CAMERA = """(() => {
    window.BarcodeDetector = class {
        static async getSupportedFormats() { return ["qr_code", "code_128"]; }
        async detect() { return [{ rawValue: "NUMBER" }]; }
    };
    navigator.mediaDevices.getUserMedia = async () => {
        const picture = document.createElement("canvas");
        picture.getContext("2d").fillRect(0, 0, 8, 8);
        return picture.captureStream();
    };
})()"""
"""What browsers on tablets have and this one has not."""


def test_the_camera_reads_a_card_where_the_browser_can(till: Till, staffed: World) -> None:
    card = staffed.active("15.00")
    expect(till.page.get_by_text("This browser cannot read codes with its camera.")).to_be_visible()
    till.page.add_init_script(_A_CAMERA.replace("NUMBER", card.address))
    till.page.goto(f"{till.base}/pos")
    till.tap("Scan with the camera")
    expect(till.page.locator(".card .balance")).to_contain_text("€15.00")
    assert till.page.locator("video").count() == 0
