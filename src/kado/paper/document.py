"""A PDF of cards. The same cards make the same bytes: nothing in it depends on when or where it was made."""

import io
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from reportlab.lib.pagesizes import A4, LETTER
from reportlab.pdfgen.canvas import Canvas

from kado.languages.choose import Language
from kado.languages.say import saying
from kado.paper import folded, labels, page, text
from kado.paper.card import Brand, PaperCard, Sheet

_SIZES: Final = {"a4": A4, "letter": LETTER}


def pdf(cards: Sequence[PaperCard], brand: Brand, sheet: Sheet) -> bytes:
    """All the cards, in order; ten to a page where they are labels. Takes some thirty milliseconds, and five a card."""
    text.load_fonts()
    out = io.BytesIO()
    size = _SIZES[sheet.paper]
    first = Language(cards[0].language)
    canvas = Canvas(out, pagesize=size, pageCompression=1, invariant=1, lang=first.value)
    brand = _clean(brand)
    _describe(canvas, brand, first)
    if sheet.format == "label":
        _labels(canvas, size, [_clean_card(card) for card in cards], brand, sheet)
    else:
        draw = folded.draw if sheet.format == "folded" else page.draw
        for card in map(_clean_card, cards):
            draw(canvas, size, card, brand, saying("paper", Language(card.language)))
            if card.is_sample:
                _over(canvas, size, card)
            canvas.showPage()
    canvas.save()
    return out.getvalue()


def _labels(canvas: Canvas, size: tuple[float, float], cards: Sequence[PaperCard], brand: Brand, sheet: Sheet) -> None:
    for start in range(0, len(cards), labels.ON_A_SHEET):
        labels.marks(canvas, size, sheet)
        for at, card in enumerate(cards[start : start + labels.ON_A_SHEET]):
            say = saying("paper", Language(card.language))
            labels.draw(canvas, labels.place(at, size, sheet), card, brand, say)
        canvas.showPage()


def _describe(canvas: Canvas, brand: Brand, language: Language) -> None:
    say = saying("paper", language)
    canvas.setTitle(say("title", shop=brand.shop))
    canvas.setAuthor(brand.shop)
    canvas.setSubject(say("gift_card"))
    canvas.setCreator("Kado")
    canvas.setProducer("Kado")
    canvas.setViewerPreference("DisplayDocTitle", "true")
    canvas.setViewerPreference("PrintScaling", "None")


def _over(canvas: Canvas, size: tuple[float, float], card: PaperCard) -> None:
    """What says that this is no card, across the page."""
    canvas.saveState()
    canvas.translate(size[0] / 2, size[1] / 2)
    canvas.rotate(45)
    canvas.setFillAlpha(0.35)
    word = saying("paper", Language(card.language))("sample")
    text.draw(canvas, 0, 0, word, text.BOLD, text.fitting(word, text.BOLD, 64, 20, size[0]), "#dc2626", "middle")
    canvas.restoreState()


def _clean(brand: Brand) -> Brand:
    shop, program = (text.clean(name).replace("\n", " ") for name in (brand.shop, brand.program))
    return replace(brand, shop=shop, program=program, terms=brand.terms and text.clean(brand.terms))


def _clean_card(card: PaperCard) -> PaperCard:
    """What people wrote, as far as it can be printed."""
    to, giver = (value and text.clean(value).replace("\n", " ") for value in (card.to, card.giver))
    return replace(card, to=to or None, giver=giver or None, words=(card.words and text.clean(card.words)) or None)
