"""A report as PDF: a table on as many pages as it takes, each with its head and its number."""

import io
from collections.abc import Sequence
from typing import Final

from reportlab.lib.pagesizes import A4, landscape
from reportlab.pdfgen.canvas import Canvas

from kado.paper import text
from kado.reports.sheets import Sheet

_SIZE: Final = landscape(A4)
_MARGIN: Final = 36.0
_LEADING: Final = 14.0
_FIRST: Final = 76.0
"""How wide the first column is, in points."""

_INK: Final = "#1f2937"
_QUIET: Final = "#6b7280"


def pdf(report: Sheet) -> bytes:
    """The file."""
    text.load_fonts()
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=_SIZE, pageCompression=1, invariant=1, lang=report.program.language.value)
    title = report.say("title", program=text.clean(report.program.name).replace("\n", " "))
    canvas.setTitle(title)
    canvas.setAuthor(text.clean(report.program.merchant_name).replace("\n", " "))
    canvas.setCreator("Kado")
    canvas.setProducer("Kado")
    _Pages(canvas, report, title).draw()
    canvas.save()
    return out.getvalue()


class _Pages:
    """Where the next line goes."""

    def __init__(self, canvas: Canvas, report: Sheet, title: str) -> None:
        self._canvas = canvas
        self._report = report
        self._title = title
        self._number = 0
        self._y = 0.0
        columns = len(report.titles()) - 1
        self._column = (_SIZE[0] - 2 * _MARGIN - _FIRST) / max(1, columns)
        self._text_size = 8.0 if self._column > 44 else 6.0

    def draw(self) -> None:
        """All of it."""
        report = self._report
        self._begin()
        for name, value in report.facts():
            self._line(f"{name}: {text.clean(value)}", text.PLAIN, _QUIET)
        self._y -= _LEADING
        self._head()
        for line in report.lines:
            self._row(line.label, report.cells(line), text.PLAIN)
        self._row(report.say("total"), report.cells(report.whole), text.BOLD)
        if report.has_notice:
            self._y -= _LEADING
            self._line(f"{report.say('privacy_title')}: {report.say('privacy')}", text.PLAIN, _QUIET)
        self._canvas.showPage()

    def _begin(self) -> None:
        self._number += 1
        self._y = _SIZE[1] - _MARGIN - 6
        number = self._report.say("page", number=self._number)
        text.draw(self._canvas, _SIZE[0] - _MARGIN, self._y, number, text.PLAIN, 8, _QUIET, "right")
        room = _SIZE[0] - 2 * _MARGIN - 80
        size = text.fitting(self._title, text.BOLD, 14, 9, room)
        shown = text.cut(self._title, text.BOLD, size, room)
        text.draw(self._canvas, _MARGIN, self._y, shown, text.BOLD, size, _INK)
        self._y -= 1.6 * _LEADING

    def _line(self, words: str, font: str, colour: str) -> None:
        shown = text.cut(words, font, 9, _SIZE[0] - 2 * _MARGIN)
        text.draw(self._canvas, _MARGIN, self._y, shown, font, 9, colour)
        self._y -= _LEADING

    def _head(self) -> None:
        first, *titles = self._report.titles()
        broken = [text.lines(title, text.BOLD, self._text_size, self._column - 6) for title in titles]
        height = max((len(one) for one in broken), default=1)
        for at, found in enumerate(broken):
            for down, words in enumerate(found):
                y = self._y - (height - len(found) + down) * (self._text_size + 2)
                text.draw(self._canvas, self._right(at), y, words, text.BOLD, self._text_size, _INK, "right")
        self._y -= (height - 1) * (self._text_size + 2)
        text.draw(self._canvas, _MARGIN, self._y, first, text.BOLD, self._text_size, _INK)
        self._rule()

    def _row(self, label: str, numbers: Sequence[int], font: str) -> None:
        if self._y < _MARGIN + _LEADING:
            self._canvas.showPage()
            self._begin()
            self._head()
        text.draw(self._canvas, _MARGIN, self._y, label, font, self._text_size, _INK)
        money = self._report.program.currency.text
        for at, number in enumerate(numbers):
            words = money(number) if self._report.is_amount(at) else str(number)
            size = text.fitting(words, font, self._text_size, 4, self._column - 6)
            text.draw(self._canvas, self._right(at), self._y, words, font, size, _INK, "right")
        self._y -= _LEADING

    def _right(self, column: int) -> float:
        return _MARGIN + _FIRST + (column + 1) * self._column

    def _rule(self) -> None:
        self._canvas.setStrokeColor(_QUIET)
        self._canvas.setLineWidth(0.5)
        self._canvas.line(_MARGIN, self._y - 4, _SIZE[0] - _MARGIN, self._y - 4)
        self._y -= _LEADING
