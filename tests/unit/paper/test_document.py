"""What is on paper can be seen and scanned: every format is rendered as a printer would, and its codes are decoded."""

from dataclasses import replace
from typing import Any

import pytest
import zxingcpp
from tests.api.pictures import a_picture
from tests.paper_seen import meta_of, pages_of

from kado.designs import templates
from kado.languages.choose import Language
from kado.languages.say import saying
from kado.paper import labels
from kado.paper.card import FORMATS, Brand, PaperCard, Sheet
from kado.paper.document import pdf

BRAND = Brand(
    shop="Blumen Bauer",
    program="Gutscheine",
    card="#15803d",
    on_card="#ffffff",
    text="#111827",
    muted="#6b7280",
    border="#e5e7eb",
    accent="#15803d",
    website="https://blumen-bauer.example",
    terms="Einlösbar in allen Filialen.",
)
URL = "https://cards.flowers.example/cards/" + "6b0d15c0cd79130daffbc6eb" + "0123456789abcdef" * 2
NUMBER = "4000123412341238"


def a_card(**members: Any) -> PaperCard:
    said: dict[str, Any] = {
        "language": "de",
        "value": "25,00 €",
        "is_balance": False,
        "expires": "30. November 2027",
        "number": NUMBER,
        "last_four": NUMBER[-4:],
        "url": URL,
        "to": "Ada Lovelace",
        "giver": "Charles Babbage",
        "words": "Liebe Ada,\nalles Gute zum Geburtstag!",
        "design": "birthday",
    }
    return PaperCard(**{**said, **members})


@pytest.mark.parametrize("shape", FORMATS)
@pytest.mark.parametrize("code", [None, "493027"])
def test_every_format_has_codes_that_scan_and_says_what_the_card_is(shape: Any, code: str | None) -> None:
    made = pdf([a_card(code=code)], BRAND, Sheet(shape))
    (page,) = pages_of(made)
    assert page.codes == {"QR Code": [URL], "Code 128": [NUMBER]}
    assert page.size == ((612, 792) if shape == "letter" else (595, 842))
    for words in ("25,00 €", "4000 1234 1234 1238", "Gültig bis 30. November 2027", "Ada Lovelace", "Blumen Bauer"):
        assert words in page.words
    assert ("493027" in page.words) is (code is not None)
    if shape != "label":
        assert "alles Gute zum" in page.words
        assert "von Charles Babbage" in page.words
    assert meta_of(made)["Title"] == "Gutschein · Blumen Bauer"
    assert b"/Lang (de)" in made
    assert len(made) < 80_000


@pytest.mark.parametrize("shape", FORMATS)
def test_without_the_number_there_is_its_end_and_no_barcode(shape: Any) -> None:
    (page,) = pages_of(pdf([a_card(number=None)], BRAND, Sheet(shape)))
    assert page.codes == {"QR Code": [URL]}
    assert "•••• 1238" in page.words
    assert "4000" not in page.words


@pytest.mark.parametrize("shape", FORMATS)
def test_the_same_card_makes_the_same_bytes(shape: Any) -> None:
    assert pdf([a_card()], BRAND, Sheet(shape)) == pdf([a_card()], BRAND, Sheet(shape))


@pytest.mark.parametrize("language", list(Language))
def test_every_language_has_its_words(language: Language) -> None:
    say = saying("paper", language)
    for shape in ("a4", "folded"):
        (page,) = pages_of(pdf([a_card(language=language.value, code="493027")], BRAND, Sheet(shape)))
        seen = page.words.replace("\r\n", " ")
        assert say("code") in seen
        assert say("how_title") in seen
        assert say("valid_until", day="30. November 2027") in seen
    (label,) = pages_of(pdf([a_card(language=language.value, expires=None)], BRAND, Sheet("label")))
    assert say("never_ends") in label.words


def test_a_sheet_has_ten_labels_each_with_its_own_codes_and_a_rest_has_fewer() -> None:
    cards = [a_card(number=f"40001234000000{at:02}", url=URL[:-2] + f"{at:02}", to=None) for at in range(13)]
    first, second = pages_of(pdf(cards, BRAND, Sheet("label")))
    assert sorted(first.codes["Code 128"]) == [card.number for card in cards[:10]]
    assert sorted(first.codes["QR Code"]) == [card.url for card in cards[:10]]
    assert sorted(second.codes["Code 128"]) == [card.number for card in cards[10:]]
    (letter,) = pages_of(pdf(cards[:10], BRAND, Sheet("label", "letter")))
    assert letter.size == (612, 792)
    assert len(letter.codes["Code 128"]) == len(letter.codes["QR Code"]) == 10


def test_labels_can_be_moved_to_where_the_printer_puts_them() -> None:
    def left_and_top(sheet: Sheet) -> tuple[int, int]:
        (page,) = pages_of(pdf([a_card()], BRAND, sheet))
        band = page.image.convert("RGB").crop((0, 0, 400, 300))
        green = [(x, y) for y in range(300) for x in range(400) if band.getpixel((x, y)) == (21, 128, 61)]
        return green[0]

    x, y = left_and_top(Sheet("label"))
    moved_x, moved_y = left_and_top(Sheet("label", "a4", 30, -20))
    tenth = 15 / 25.4  # dots in a tenth of a millimetre
    assert abs(moved_x - x - 30 * tenth) <= 1
    assert abs(moved_y - y + 20 * tenth) <= 1


@pytest.mark.parametrize("size", [(595.28, 841.89), (612.0, 792.0)])
def test_labels_keep_clear_of_the_edges_that_printers_leave_white(size: tuple[float, float]) -> None:
    first, last = labels.place(0, size, Sheet("label")), labels.place(9, size, Sheet("label"))
    edge = 4.2 / 25.4 * 72
    assert first.x > edge
    assert last.y > edge
    assert last.x + last.width < size[0] - edge
    assert first.y + first.height < size[1] - edge


@pytest.mark.parametrize("shape", FORMATS)
@pytest.mark.parametrize(
    "members",
    [
        {"to": None, "giver": None, "words": None, "expires": None},
        {"to": "X" * 255, "giver": "W" * 255, "words": "wide " * 100, "code": "ZZZZZZ"},
        {"to": "מרים כהן", "giver": "عبد الله", "words": "יום הולדת שמח!\nكل عام وأنت بخير 25 €"},
        {"to": "Ελένη", "giver": "Наталья", "words": "Ẁ ǅ ỹ ﬁ ☃ 🎂👩‍👩‍👧 王芳 ä̈"},
        {"to": " \u202e ", "giver": "\x00\x07", "words": "\n" * 400},
        {"to": "\ud800".encode("utf-8", "replace").decode(), "words": "x" * 500},
        {"value": "1.000.000.000.000,00 USD", "number": "ABC-4000-1234-XYZ-99"},
        {"value": "¥5,000", "number": "1"},
    ],
)
def test_nothing_that_people_write_breaks_it(shape: Any, members: dict[str, Any]) -> None:
    card = a_card(**members)
    (page,) = pages_of(pdf([card], replace(BRAND, shop="Ünïcode & <b>Söhne</b> " * 8), Sheet(shape)))
    assert page.codes == {"QR Code": [URL], "Code 128": [card.number]}


@pytest.mark.parametrize("shape", FORMATS)
def test_a_long_address_can_still_be_scanned(shape: Any) -> None:
    long = "https://" + "a-very-long-name." * 7 + "example/cards/" + URL[-56:]
    (page,) = pages_of(pdf([a_card(url=long)], BRAND, Sheet(shape)))
    assert page.codes["QR Code"] == [long]


def test_words_from_the_right_stand_on_the_right() -> None:
    (page,) = pages_of(pdf([a_card(words="שלום שלום", giver=None, to=None)], BRAND, Sheet("a4")))
    left, right = page.image.width * 0.45, page.image.width * 0.9
    grey = page.image.convert("L").crop((int(left) + 30, 880, int(right), 940))
    dark = [x for x in range(grey.width) if grey.crop((x, 0, x + 1, grey.height)).getextrema()[0] < 90]  # type: ignore[operator]
    assert dark, "the words are there"
    assert min(dark) > grey.width / 2


@pytest.mark.parametrize("slug", templates.SLUGS)
def test_every_design_can_be_printed(slug: str) -> None:
    (page,) = pages_of(pdf([a_card(design=slug)], replace(BRAND, card="#7c3aed"), Sheet("a4")))
    shades = {tuple(int(one[at : at + 2], 16) for at in (1, 3, 5)) for one in templates.shades("#7c3aed")}
    banner = page.image.convert("RGB").crop((200, 250, 1000, 700))
    seen = {colour for _, colour in banner.getcolors(1_000_000) or ()}
    assert len(shades & seen) >= 2


def test_the_merchant_s_own_pictures_are_on_it_once_however_many_cards_there_are() -> None:
    art, logo = a_picture("JPEG", (856, 540)), a_picture("PNG", (320, 100), "RGBA")
    brand = replace(BRAND, logo=logo)
    one, ten = (pdf([a_card(art=art)] * count, brand, Sheet("a4")) for count in (1, 10))
    assert len(ten) < len(one) + 9 * 12_000
    (page,) = pages_of(one)
    noise = page.image.convert("L").crop((200, 250, 1000, 700)).getextrema()
    assert noise[1] - noise[0] > 60  # type: ignore[operator]
    assert page.codes["Code 128"] == [NUMBER]


def test_a_sample_says_that_it_is_none() -> None:
    (page,) = pages_of(pdf([a_card(is_sample=True)], BRAND, Sheet("a4")))
    assert "Muster" in page.words


def test_a_folded_card_has_its_inside_on_its_head() -> None:
    """So that after two folds to the back everything can be read."""
    (page,) = pages_of(pdf([a_card()], BRAND, Sheet("folded")))
    middle = page.image.height // 2
    inside = zxingcpp.read_barcodes(page.image.crop((0, 0, page.image.width, middle)))
    assert {str(one.format) for one in inside} == {"QR Code", "Code 128"}
    (qr,) = (one for one in inside if str(one.format) == "QR Code")
    assert abs(qr.orientation) == 180
    assert zxingcpp.read_barcodes(page.image.crop((0, middle, page.image.width, page.image.height))) == []
