"""A card on a page of its own: to print at home and hand over, A4 or US letter."""

from typing import Final

from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from kado.languages.say import Say
from kado.paper import codes, text
from kado.paper.art import Box, art, logo
from kado.paper.card import Brand, PaperCard
from kado.paper.text import BOLD, PLAIN

_MARGIN: Final = 16 * mm
_ART_SHARE: Final = 0.36
"""Of the page's height."""


def draw(canvas: Canvas, size: tuple[float, float], card: PaperCard, brand: Brand, say: Say) -> None:
    """The whole page."""
    wide, high = size[0] - 2 * _MARGIN, size[1]
    y = high - _MARGIN
    _head(canvas, y, wide, brand, say)
    y -= 16 * mm
    tall = high * _ART_SHARE
    art(canvas, Box(_MARGIN, y - tall, wide, tall), card, brand, radius=12)
    y -= tall
    floor = _MARGIN + 16 * mm
    panel = 56 * mm
    _how(canvas, floor - 6 * mm, wide, brand, say)
    bottom = floor + 16 * mm
    _panel(canvas, Box(_MARGIN, bottom, wide, panel), card, brand, say)
    _gift(canvas, Box(_MARGIN, bottom + panel + 6 * mm, wide, y - bottom - panel - 14 * mm), card, brand, say)


def _head(canvas: Canvas, y: float, wide: float, brand: Brand, say: Say) -> None:
    if brand.logo is not None:
        logo(canvas, Box(_MARGIN, y - 12 * mm, wide / 2, 12 * mm), brand.logo)
    else:
        size = text.fitting(brand.shop, BOLD, 18, 9, wide * 0.6)
        text.draw(canvas, _MARGIN, y - 8.5 * mm, text.cut(brand.shop, BOLD, size, wide * 0.6), BOLD, size, brand.text)
    text.draw(canvas, _MARGIN + wide, y - 8.5 * mm, say("gift_card"), PLAIN, 12, brand.muted, "right")


def _gift(canvas: Canvas, box: Box, card: PaperCard, brand: Brand, say: Say) -> None:
    """Value and name on the left, the giver's words on the right, or all of it in the middle where there are none."""
    has_words = bool(card.words or card.giver)
    room = box.width * 0.40 if has_words else box.width
    top = box.y + box.height
    label = say("balance" if card.is_balance else "value")
    text.draw(canvas, box.x, top - 9, label, PLAIN, 9.5, brand.muted)
    size = text.fitting(card.value, BOLD, 40, 16, room)
    text.draw(canvas, box.x, top - 18 - size * 0.82, card.value, BOLD, size, brand.accent)
    y = top - 46 - size * 0.82
    if card.to:
        name = say("to", name=card.to)
        small, found = text.block(name, PLAIN, 15, 9, room, 42, 1.3)
        text.draw_lines(canvas, box.x, y, room, found, PLAIN, small, brand.text, leading=1.3)
    if not has_words:
        return
    left = box.x + room + 8 * mm
    _words(canvas, Box(left, box.y, box.x + box.width - left, box.height), card, brand, say)


def _words(canvas: Canvas, box: Box, card: PaperCard, brand: Brand, say: Say) -> None:
    canvas.setFillColor(brand.accent)
    canvas.rect(box.x, box.y, 2, box.height, stroke=0, fill=1)
    x, room, y = box.x + 12, box.width - 12, box.y + box.height
    below = 20 if card.giver else 0
    if card.words:
        size, found = text.block(card.words, PLAIN, 14, 6.5, room, box.height - below)
        y = text.draw_lines(canvas, x, y - size, room, found, PLAIN, size, brand.text) + size
    if card.giver:
        line = say("giver", name=card.giver)
        small = text.fitting(line, BOLD, 11, 7, room)
        text.draw(canvas, x, y - 16, text.cut(line, BOLD, small, room), BOLD, small, brand.text)


def _panel(canvas: Canvas, box: Box, card: PaperCard, brand: Brand, say: Say) -> None:
    """What is shown at the till: QR code, number, barcode, code and end."""
    canvas.setFillColor("#ffffff")
    canvas.setStrokeColor(brand.border)
    canvas.setLineWidth(1)
    canvas.roundRect(*box, 12, stroke=1, fill=1)
    side = box.height - 13 * mm
    codes.qr(canvas, box.x + 4 * mm, box.y + 9.5 * mm, side, card.url)
    line = say("scan")
    small = text.fitting(line, PLAIN, 8, 5.5, side)
    text.draw(canvas, box.x + 4 * mm + side / 2, box.y + 5 * mm, line, PLAIN, small, brand.muted, "middle")
    x = box.x + side + 12 * mm
    room = box.x + box.width - x - 6 * mm
    y = box.y + box.height - 8 * mm
    text.draw(canvas, x, y, say("number"), PLAIN, 8.5, brand.muted)
    if card.code is not None:
        text.draw(canvas, x + room, y, say("code"), PLAIN, 8.5, brand.muted, "right")
        text.draw(canvas, x + room, y - 18, card.code, BOLD, 16, brand.text, "right")
    number = card.shown_number
    size = text.fitting(number, BOLD, 16, 8, room - (70 if card.code is not None else 0))
    text.draw(canvas, x, y - 18, number, BOLD, size, brand.text)
    if card.number is not None:
        codes.code128(canvas, x - 4 * mm, box.y + 14 * mm, room + 8 * mm, 17 * mm, card.number)
    else:
        small, found = text.block(say("number_online"), PLAIN, 10, 7, room, 17 * mm, 1.35)
        text.draw_lines(canvas, x, box.y + 28 * mm, room, found, PLAIN, small, brand.muted, leading=1.35)
    end = say("never_ends") if card.expires is None else say("valid_until", day=card.expires)
    text.draw(canvas, x, box.y + 6 * mm, end, PLAIN, text.fitting(end, PLAIN, 9.5, 7, room), brand.text)


def _how(canvas: Canvas, y: float, wide: float, brand: Brand, say: Say) -> None:
    """How it is used, in columns, and who sold it."""
    text.draw(canvas, _MARGIN, y + 14 * mm, say("how_title"), BOLD, 9, brand.text)
    gap = 6 * mm
    room = (wide - 3 * gap) / 4
    for at in range(4):
        line = say(f"how_{at + 1}")
        size, found = text.block(line, PLAIN, 8, 6, room, 13 * mm, 1.3)
        text.draw_lines(
            canvas, _MARGIN + at * (room + gap), y + 9.5 * mm, room, found, PLAIN, size, brand.muted, leading=1.3
        )
    foot = " · ".join(one for one in (brand.shop, brand.website) if one)
    if brand.terms:
        foot = f"{foot} · {' '.join(brand.terms.split())}"
    size, found = text.block(foot, PLAIN, 7, 5.5, wide, 9 * mm, 1.25)
    text.draw_lines(canvas, _MARGIN, y - 7 * mm, wide, found, PLAIN, size, brand.muted, leading=1.25)
