"""Cards of the size of plastic ones (ID-1, 85.6 x 54 mm), ten on a sheet, with marks to cut along."""

from typing import Final

from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from kado.languages.say import Say
from kado.paper import codes, text
from kado.paper.art import Box
from kado.paper.card import Brand, PaperCard, Sheet
from kado.paper.text import BOLD, PLAIN

WIDTH: Final = 85.6 * mm
HEIGHT: Final = 54 * mm
COLUMNS: Final = 2
ROWS: Final = 5
ON_A_SHEET: Final = COLUMNS * ROWS

_BAND: Final = 10.5 * mm
_EDGE: Final = 3 * mm
_MARK: Final = 4 * mm


def place(at: int, size: tuple[float, float], sheet: Sheet) -> Box:
    """Where the label with this number (from 0, row by row) is on the sheet."""
    row, column = divmod(at, COLUMNS)
    left = (size[0] - COLUMNS * WIDTH) / 2 + sheet.shift_right * mm / 10
    top = (size[1] + ROWS * HEIGHT) / 2 - sheet.shift_down * mm / 10
    return Box(left + column * WIDTH, top - (row + 1) * HEIGHT, WIDTH, HEIGHT)


def marks(canvas: Canvas, size: tuple[float, float], sheet: Sheet) -> None:
    """Lines outside the labels, along which they are cut."""
    first, last = place(0, size, sheet), place(ON_A_SHEET - 1, size, sheet)
    left, right, top, bottom = first.x, last.x + WIDTH, first.y + HEIGHT, last.y
    canvas.setStrokeColor("#000000")
    canvas.setLineWidth(0.3)
    for at in range(COLUMNS + 1):
        x = left + at * WIDTH
        canvas.line(x, top + 1, x, top + 1 + _MARK)
        canvas.line(x, bottom - 1, x, bottom - 1 - _MARK)
    for at in range(ROWS + 1):
        y = bottom + at * HEIGHT
        canvas.line(left - 1, y, left - 1 - _MARK, y)
        canvas.line(right + 1, y, right + 1 + _MARK, y)


def draw(canvas: Canvas, box: Box, card: PaperCard, brand: Brand, say: Say) -> None:
    """One label."""
    _band(canvas, box, card, brand)
    bars = 11 * mm
    if card.number is not None:
        codes.code128(canvas, box.x + 1.5 * mm, box.y + 2.5 * mm, box.width - 3 * mm, bars, card.number)
    top, floor = box.y + box.height - _BAND, box.y + 2.5 * mm + bars
    side = top - floor - 1 * mm
    codes.qr(canvas, box.x + 0.5 * mm, floor + 0.5 * mm, side, card.url)
    x = box.x + side + 1.5 * mm
    _facts(canvas, x, top, box.x + box.width - _EDGE - x, card, brand, say)


def _band(canvas: Canvas, box: Box, card: PaperCard, brand: Brand) -> None:
    """Shop and value on the card's colour."""
    bottom = box.y + box.height - _BAND
    canvas.setFillColor(brand.card)
    canvas.rect(box.x, bottom, box.width, _BAND, stroke=0, fill=1)
    room = box.width - 2 * _EDGE
    size = text.fitting(card.value, BOLD, 14, 8, room * 0.45)
    right = box.x + box.width - _EDGE
    text.draw(canvas, right, bottom + 3.6 * mm, card.value, BOLD, size, brand.on_card, "right")
    left = room - text.width(card.value, BOLD, size) - 8
    small = text.fitting(brand.shop, BOLD, 10.5, 6.5, left)
    shop = text.cut(brand.shop, BOLD, small, left)
    text.draw(canvas, box.x + _EDGE, bottom + 3.8 * mm, shop, BOLD, small, brand.on_card)


def _facts(canvas: Canvas, x: float, top: float, room: float, card: PaperCard, brand: Brand, say: Say) -> None:
    y = top - 4.6 * mm
    name = say("to", name=card.to) if card.to else say("gift_card")
    size = text.fitting(name, PLAIN, 8.5, 6, room)
    text.draw(canvas, x, y, text.cut(name, PLAIN, size, room), PLAIN, size, brand.text)
    y -= 4.3 * mm
    text.draw(canvas, x, y, say("number"), PLAIN, 5.5, brand.muted)
    y -= 4.1 * mm
    number = card.shown_number
    text.draw(canvas, x, y, number, BOLD, text.fitting(number, BOLD, 11, 6, room), brand.text)
    y -= 4.2 * mm
    if card.code is not None:
        text.draw(canvas, x, y, say("code"), PLAIN, 5.5, brand.muted)
        y -= 4.1 * mm
        text.draw(canvas, x, y, card.code, BOLD, 11, brand.text)
        y -= 4.4 * mm
    end = say("never_ends") if card.expires is None else say("valid_until", day=card.expires)
    text.draw(canvas, x, y, end, PLAIN, text.fitting(end, PLAIN, 6.5, 5, room), brand.muted)
