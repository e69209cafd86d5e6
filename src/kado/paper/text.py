"""Letters on paper: the fonts, how wide words are, and lines that fit."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from importlib.resources import as_file, files
from typing import Final, Literal

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from kado.paper.scripts import is_right_to_left, visual

PLAIN: Final = "KadoSans"
BOLD: Final = "KadoSansBold"
_FILES: Final = {PLAIN: "NotoSans-Regular.ttf", BOLD: "NotoSans-Bold.ttf"}

Side = Literal["left", "middle", "right"]

# Pictures among letters, and what colours and joins them: no font of one colour has them.
_PICTURES: Final = re.compile(
    "[\U0001f000-\U0001faff\U00002600-\U000027bf\U00002b00-\U00002bff\U0000fe00-\U0000fe0f\U000e0000-\U000e007f\u20e3]"
)
_SPACES: Final = re.compile(r"[ \t\u00a0]+")


@cache
def load_fonts() -> None:
    """Have the fonts ready; the first time takes a moment."""
    for name, file in _FILES.items():
        with as_file(files("kado.paper") / "fonts" / file) as path:
            pdfmetrics.registerFont(TTFont(name, str(path), shapable=False))


def clean(text: str) -> str:
    """What people wrote, without what cannot be printed: pictures among the letters and control characters."""
    shown = _PICTURES.sub("", unicodedata.normalize("NFC", text)).replace("\r\n", "\n")
    kept = "".join(one for one in shown if one in "\n\t" or unicodedata.category(one) not in ("Cc", "Cs", "Co", "Cn"))
    return "\n".join(_SPACES.sub(" ", line).strip() for line in kept.split("\n"))


def width(text: str, font: str, size: float) -> float:
    """How wide a line is, in points."""
    return _unit(text, font) * size


@lru_cache(maxsize=1024)
def _unit(text: str, font: str) -> float:
    """The width at a size of one point. Letters are as wide as they are wherever they stand: nothing is kerned."""
    return float(pdfmetrics.stringWidth(visual(text), font, 1000)) / 1000


def fitting(text: str, font: str, size: float, smallest: float, room: float) -> float:
    """The size, from `size` down to `smallest`, at which a line is no wider than the room."""
    wide = width(text, font, size)
    return size if wide <= room else max(smallest, size * room / wide)


def cut(text: str, font: str, size: float, room: float) -> str:
    """The line, or as much of it as there is room for, with three dots."""
    if width(text, font, size) <= room:
        return text
    return _beginning(text, font, size, room - width("…", font, size)).rstrip() + "…"


def _beginning(text: str, font: str, size: float, room: float) -> str:
    """As many of the first letters as there is room for; one at least."""
    taken = 0.0
    for at, letter in enumerate(text):
        taken += _unit(letter, font) * size
        if taken > room and at:
            return text[:at]
    return text


def lines(text: str, font: str, size: float, room: float) -> list[str]:
    """A text in lines that fit. A word that is wider than a line is broken."""
    out: list[str] = []
    space = width(" ", font, size)
    for paragraph in text.split("\n"):
        line: list[str] = []
        taken = 0.0
        for word in _words(paragraph, font, size, room):
            wide = width(word, font, size)
            if line and taken + space + wide > room:
                out.append(" ".join(line))
                line, taken = [], 0.0
            taken += wide + (space if line else 0)
            line.append(word)
        out.append(" ".join(line))
    return out


def _words(paragraph: str, font: str, size: float, room: float) -> Iterator[str]:
    for word in paragraph.split(" "):
        rest = word
        while rest and width(rest, font, size) > room and len(rest) > 1:
            part = _beginning(rest, font, size, room)
            if part == rest:
                break
            yield part
            rest = rest[len(part) :]
        yield rest


def block(
    text: str, font: str, largest: float, smallest: float, room: float, height: float, leading: float = 1.4
) -> tuple[float, list[str]]:
    """The largest size at which a text fits into a box, and its lines; cut with three dots where none does."""
    size = largest
    while True:
        found = lines(text, font, size, room)
        if len(found) * size * leading <= height:
            return size, found
        if size <= smallest:
            most = max(1, int(height / (size * leading)))
            return size, [*found[: most - 1], cut(found[most - 1] + " …", font, size, room)]
        size = max(smallest, size - 0.5)


def draw(
    canvas: Canvas, x: float, y: float, text: str, font: str, size: float, colour: str, side: Side = "left"
) -> None:
    """A line whose letters stand on `y`. Left, right or middle of it is at `x`."""
    canvas.setFillColor(colour)
    canvas.setFont(font, size)
    shown = visual(text)
    if side == "left":
        canvas.drawString(x, y, shown)
    elif side == "right":
        canvas.drawRightString(x, y, shown)
    else:
        canvas.drawCentredString(x, y, shown)


def draw_lines(
    canvas: Canvas,
    x: float,
    y: float,
    room: float,
    found: Sequence[str],
    font: str,
    size: float,
    colour: str,
    *,
    leading: float = 1.4,
    middle: bool = False,
) -> float:
    """Lines below each other from `y` down, each from the side that it is read from; where the next one would stand."""
    for line in found:
        if middle:
            draw(canvas, x + room / 2, y, line, font, size, colour, "middle")
        elif is_right_to_left(line):
            draw(canvas, x + room, y, line, font, size, colour, "right")
        else:
            draw(canvas, x, y, line, font, size, colour)
        y -= size * leading
    return y
