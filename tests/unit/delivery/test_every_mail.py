"""Each kind of message in each language: it can be read, it fetches nothing, and nothing in it is a second code."""

import io
import re
from dataclasses import asdict, replace
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest
import zxingcpp
from PIL import Image
from tests.markup import tags

from kado.delivery import compose, render, samples, short
from kado.delivery.compose import Receipt
from kado.delivery.manner import PLAIN, Manner, Shown
from kado.designs import palette
from kado.languages.choose import Language
from kado.money import currency
from kado.shops.theme.theme import Theme

EVERY = [(kind, language) for kind in samples.KINDS for language in Language]
each = pytest.mark.parametrize(("kind", "language"), EVERY, ids=str)
NOA = "נועה"
_VOID = {"meta", "img", "br"}


def free_groups(text: str) -> set[str]:
    return set(re.findall(r"(?<![0-9])[0-9]{6}(?![0-9])", text))


class _Balanced(HTMLParser):
    """Fails where an element ends that has not begun, and keeps those that have not ended."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        assert tag in _VOID

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@each
def test_a_mail_is_whole_and_fetches_nothing(kind: str, language: Language) -> None:
    manner = samples.manner(language)
    html = render.html(samples.letter(kind, manner), manner)
    parser = _Balanced()
    parser.feed(html)
    assert parser.open == []
    assert f'<html lang="{language}"' in html
    assert "prefers-color-scheme: dark" in html
    assert not re.search(r"url\(|@import|<link|http-equiv=.?refresh", html)
    found = [(name, value) for _, _, attributes in tags(html) for name, value in attributes]
    assert {value for name, value in found if name == "src"} <= {"cid:scan@kado", "cid:card@kado"}
    assert all(value.startswith("https://cards.example.com/cards/") for name, value in found if name == "href")
    assert {name for name, _ in found}.isdisjoint({"background", "srcset", "poster", "data"})


@each
def test_a_mail_says_everything_in_one_language(kind: str, language: Language) -> None:
    manner = samples.manner(language)
    text, html = samples.text(kind, manner), samples.html(kind, manner)
    page = re.sub(r"<style.*?</style>", "", html, flags=re.DOTALL)
    assert not re.search(r"[{}]|None", text + page + samples.subject(kind, manner))
    code = {"481516"} if kind in ("code", "sign-in") else set()
    assert free_groups(text) == free_groups(re.sub(r"base64,[^\"]*", "", html)) == code
    if (message := samples.text_message(kind, manner)) is not None:
        assert len(message) <= short.LENGTH_MAX
        assert free_groups(message) == code
        assert not re.search("[\u00a0\u202f\u2019{}]", message)


def test_languages_differ() -> None:
    for kind in samples.KINDS:
        assert len({samples.text(kind, samples.manner(language)) for language in Language}) == len(Language)


def test_money_and_days_are_written_as_the_reader_writes_them() -> None:
    german = samples.text("spent", replace(samples.manner(Language.GERMAN), zone=PLAIN.zone))
    assert "Bezahlt:        12,50\u00a0€\n" in german
    assert "12. März 2027, 14:30" in german


# ── right to left ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_name_from_right_to_left_turns_nothing_around() -> None:
    letter = compose.code_letter(replace(samples.CARD, sender_name=NOA, customer_name=NOA), PLAIN)
    alone = f"\u2068{NOA}\u2069"
    assert letter.subject.text.startswith(f"{alone} sent you")
    assert f"Hello {alone}," in render.plain(letter)
    html = render.html(letter, PLAIN)
    assert f"<bdi>{NOA}</bdi> has sent you" in html
    assert re.search(r'<blockquote dir="auto">', html)


def test_other_names_have_nothing_unseen_about_them() -> None:
    assert not re.search("[\u2066-\u2069]", render.plain(compose.code_letter(samples.CARD, PLAIN)))


# ── pictures and colours ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_code_for_cameras_leads_to_the_card() -> None:
    mail = compose.code_mail(samples.CARD, "anna@example.com")
    (picture,) = [part for part in mail.walk() if part.get_content_maintype() == "image"]
    assert (picture["Content-ID"], picture.get_content_disposition()) == ("<scan@kado>", "inline")
    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture.get_content())))
    assert found.text == samples.CARD.url


def test_logo_and_card_go_with_the_mail() -> None:
    logo, art = Shown(b"\x89PNG\r\n1", 'Shop "<One>"', 180), Shown(b"\x89PNG\r\n2", "", 300)
    mail = compose.code_mail(samples.CARD, "anna@example.com", replace(PLAIN, logo=logo, art=art))
    assert [part["Content-ID"] for part in mail.walk() if part.get_content_maintype() == "image"] == [
        "<logo@kado>",
        "<card@kado>",
        "<scan@kado>",
    ]
    html = mail.get_body(("html",))
    assert html is not None
    shown = {dict(attributes)["alt"] for _, name, attributes in tags(html.get_content()) if name == "img"}
    assert 'Shop "<One>"' in shown


def test_the_colours_are_the_shops_by_day_and_by_night() -> None:
    theme = Theme(primary="#7c3aed", background="#fdf4ff")
    manner = replace(PLAIN, light=palette.light(theme), dark=palette.dark(theme))
    html = render.html(samples.letter("code", manner), manner)
    for colour in ("#7c3aed", "#fdf4ff", manner.dark.surface, manner.dark.text):
        assert colour in html
    assert html.index(manner.dark.surface) > html.index("prefers-color-scheme: dark")


def test_no_colour_is_six_digits() -> None:
    for colours in (PLAIN.light, PLAIN.dark):
        assert not [colour for colour in asdict(colours).values() if colour[1:].isdecimal()]


# ── what the giver is told ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["receipt", "receipt-planned"])
@pytest.mark.parametrize("language", list(Language))
def test_a_receipt_tells_neither_number_nor_code_nor_a_way_to_them(kind: str, language: Language) -> None:
    manner = samples.manner(language)
    for said in (samples.text(kind, manner), samples.html(kind, manner)):
        assert "a***@e***.com" in said
        assert "Anna Beispiel" in said
        for secret in ("anna@", samples.CARD.card_number[-4:], samples.CARD.code, "cards.example.com", "cid:"):
            assert secret not in said


def test_a_receipt_for_nobody_in_particular_names_nobody() -> None:
    receipt = Receipt("Café", "Gift cards", None, "+4930901820", 2500, currency("EUR"), None)
    letter = compose.receipt_letter(receipt, PLAIN)
    assert letter.subject.text == "The gift card of Café that you gave"
    assert "+49*****820" in render.plain(letter)


def _says(manner: Manner) -> str:
    return samples.text("receipt-planned", manner)


def test_a_planned_delivery_is_told_by_the_readers_clock() -> None:
    berlin = replace(samples.manner(Language.GERMAN), zone=ZoneInfo("Europe/Berlin"))
    assert "25. Dezember 2027, 00:00" in _says(berlin)
    assert "24 December 2027, 23:00 UTC" in _says(samples.manner(Language.ENGLISH))
