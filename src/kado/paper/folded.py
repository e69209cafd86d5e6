"""A card to fold: one side of one sheet, folded twice, becomes four pages a quarter as large.

Art is outside, words and card are inside. Folded to the back along the middle, top to bottom, and then again along the
other middle; so what is inside stands on its head on the sheet.
"""

from typing import Final

from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from kado.languages.say import Say
from kado.paper import codes, text
from kado.paper.art import Box, art, logo
from kado.paper.card import Brand, PaperCard
from kado.paper.text import BOLD, PLAIN

_EDGE: Final = 9 * mm
"""What many printers leave white, and a little more."""


def draw(canvas: Canvas, size: tuple[float, float], card: PaperCard, brand: Brand, say: Say) -> None:
    """The whole sheet."""
    wide, high = size[0] / 2, size[1] / 2
    _front(canvas, Box(wide, 0, wide, high), card, brand, say)
    _back(canvas, Box(0, 0, wide, high), brand, say)
    canvas.saveState()
    canvas.translate(size[0], size[1])
    canvas.rotate(180)
    # Seen like this, the upper right quarter of the sheet is the lower left one: the left page inside.
    _words(canvas, Box(0, 0, wide, high), card, brand, say)
    _card(canvas, Box(wide, 0, wide, high), card, brand, say)
    canvas.restoreState()
    _marks(canvas, size, brand, say)


def _front(canvas: Canvas, page: Box, card: PaperCard, brand: Brand, say: Say) -> None:
    x, room = page.x + _EDGE, page.width - 2 * _EDGE
    tall = page.height * 0.62
    art(canvas, Box(x, page.y + page.height - _EDGE - tall, room, tall), card, brand, radius=10)
    middle, below = page.x + page.width / 2, page.y + page.height - _EDGE - tall
    line = say("for_you")
    text.draw(
        canvas, middle, below - 15 * mm, line, BOLD, text.fitting(line, BOLD, 23, 12, room), brand.accent, "middle"
    )
    if card.to:
        size = text.fitting(card.to, PLAIN, 14, 8, room)
        name = text.cut(card.to, PLAIN, size, room)
        text.draw(canvas, middle, below - 23 * mm, name, PLAIN, size, brand.text, "middle")
    if brand.logo is not None:
        logo(canvas, Box(x + room / 4, page.y + _EDGE, room / 2, 9 * mm), brand.logo, middle=True)
    else:
        size = text.fitting(brand.shop, BOLD, 11, 7, room)
        shop = text.cut(brand.shop, BOLD, size, room)
        text.draw(canvas, middle, page.y + _EDGE + 2 * mm, shop, BOLD, size, brand.muted, "middle")


def _back(canvas: Canvas, page: Box, brand: Brand, say: Say) -> None:
    x, room = page.x + _EDGE + 3 * mm, page.width - 2 * _EDGE - 6 * mm
    y = page.y + page.height * 0.52
    text.draw(canvas, x, y, say("how_title"), BOLD, 10.5, brand.text)
    y -= 7 * mm
    for at in range(4):
        size, found = text.block(say(f"how_{at + 1}"), PLAIN, 9, 6.5, room, 16 * mm, 1.35)
        y = text.draw_lines(canvas, x, y, room, found, PLAIN, size, brand.muted, leading=1.35) - 2 * mm
    foot = "\n".join(one for one in (brand.shop, brand.website) if one)
    size, found = text.block(foot, PLAIN, 8, 6, room, 10 * mm)
    text.draw_lines(canvas, x, page.y + _EDGE + 5 * mm, room, found, PLAIN, size, brand.muted)


def _words(canvas: Canvas, page: Box, card: PaperCard, brand: Brand, say: Say) -> None:
    x, room = page.x + _EDGE + 3 * mm, page.width - 2 * _EDGE - 6 * mm
    height = page.height - 2 * _EDGE - 28 * mm
    words = card.words or say("for_you")
    size, found = text.block(words, PLAIN, 19, 7, room, height, 1.45)
    tall = len(found) * size * 1.45 + (26 if card.giver else 0)
    top = page.y + page.height / 2 + tall / 2
    text.draw_lines(canvas, x, top - size, room, found, PLAIN, size, brand.text, leading=1.45, middle=True)
    if card.giver:
        line = say("giver", name=card.giver)
        small = text.fitting(line, BOLD, 12, 7, room)
        below = top - len(found) * size * 1.45 - 20
        shown = text.cut(line, BOLD, small, room)
        text.draw(canvas, x + room / 2, below, shown, BOLD, small, brand.accent, "middle")


def _card(canvas: Canvas, page: Box, card: PaperCard, brand: Brand, say: Say) -> None:
    x, room = page.x + _EDGE + 3 * mm, page.width - 2 * _EDGE - 6 * mm
    middle, y = page.x + page.width / 2, page.y + page.height - _EDGE - 6 * mm
    label = say("balance" if card.is_balance else "value")
    text.draw(canvas, middle, y, label, PLAIN, 9, brand.muted, "middle")
    size = text.fitting(card.value, BOLD, 32, 14, room)
    y -= 4 * mm + size * 0.72
    text.draw(canvas, middle, y, card.value, BOLD, size, brand.accent, "middle")
    side = 46 * mm
    y -= 5 * mm + side
    codes.qr(canvas, middle - side / 2, y, side, card.url)
    line = say("scan")
    text.draw(canvas, middle, y - 2 * mm, line, PLAIN, text.fitting(line, PLAIN, 8, 6, room), brand.muted, "middle")
    y -= 11 * mm
    number = card.shown_number
    small = text.fitting(number, BOLD, 14, 8, room)
    text.draw(canvas, middle, y, number, BOLD, small, brand.text, "middle")
    y -= 4 * mm + 14 * mm
    if card.number is not None:
        codes.code128(canvas, x, y, room, 14 * mm, card.number)
    else:
        size, found = text.block(say("number_online"), PLAIN, 9, 6.5, room, 14 * mm, 1.35)
        text.draw_lines(canvas, x, y + 10 * mm, room, found, PLAIN, size, brand.muted, leading=1.35, middle=True)
    y -= 6 * mm
    if card.code is not None:
        text.draw(canvas, middle, y, f"{say('code')}  {card.code}", BOLD, 10.5, brand.text, "middle")
        y -= 5.5 * mm
    end = say("never_ends") if card.expires is None else say("valid_until", day=card.expires)
    text.draw(canvas, middle, y, end, PLAIN, text.fitting(end, PLAIN, 9, 6.5, room), brand.text, "middle")


def _marks(canvas: Canvas, size: tuple[float, float], brand: Brand, say: Say) -> None:
    """Where to fold, at the edges alone, and in which order."""
    wide, high = size
    tick = 7 * mm
    canvas.setStrokeColor(brand.muted)
    canvas.setLineWidth(0.5)
    canvas.setDash(2, 2)
    for x1, y1, x2, y2 in (
        (0, high / 2, tick, high / 2),
        (wide - tick, high / 2, wide, high / 2),
        (wide / 2, 0, wide / 2, tick),
        (wide / 2, high - tick, wide / 2, high),
    ):
        canvas.line(x1, y1, x2, y2)
    canvas.setDash()
    text.draw(canvas, tick + 4, high / 2 - 1.5, say("fold_first"), PLAIN, 5, brand.muted)
    canvas.saveState()
    canvas.translate(wide / 2 + 1.5, tick + 4)
    canvas.rotate(90)
    text.draw(canvas, 0, 0, say("fold_then"), PLAIN, 5, brand.muted)
    canvas.restoreState()
