"""A card's art and a shop's logo on paper."""

import io
from functools import lru_cache
from typing import NamedTuple

from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from kado.designs.shapes import Shape, shapes
from kado.designs.templates import HEIGHT, WIDTH
from kado.paper.card import Brand, PaperCard


class Box(NamedTuple):
    """A place on a page, in points from its lower left corner."""

    x: float
    y: float
    width: float
    height: float


def art(canvas: Canvas, box: Box, card: PaperCard, brand: Brand, radius: float = 0) -> None:
    """The card's art fills the box; what does not fit is cut off on both sides alike."""
    canvas.saveState()
    path = canvas.beginPath()
    path.roundRect(*box, radius)
    canvas.clipPath(path, stroke=0, fill=0)
    if card.art is not None:
        image = _image(card.art)
        wide, high = image.getSize()
        scale = max(box.width / wide, box.height / high)
        left, bottom = box.x + (box.width - wide * scale) / 2, box.y + (box.height - high * scale) / 2
        canvas.drawImage(image, left, bottom, wide * scale, high * scale, mask="auto")
    else:
        scale = max(box.width / WIDTH, box.height / HEIGHT)
        canvas.translate(box.x + (box.width - WIDTH * scale) / 2, box.y + (box.height - HEIGHT * scale) / 2)
        canvas.scale(scale, scale)
        canvas.doForm(_drawing(canvas, card.design, brand.card))
    canvas.restoreState()


def logo(canvas: Canvas, box: Box, content: bytes, *, middle: bool = False) -> float:
    """The logo as large as the box lets it be, from its left or in its middle; how wide it became."""
    image = _image(content)
    wide, high = image.getSize()
    scale = min(box.width / wide, box.height / high)
    left = box.x + ((box.width - wide * scale) / 2 if middle else 0)
    bottom = box.y + (box.height - high * scale) / 2
    canvas.drawImage(image, left, bottom, wide * scale, high * scale, mask="auto")
    return float(wide * scale)


@lru_cache(maxsize=8)
def _image(content: bytes) -> ImageReader:
    """The picture, decoded once however many cards show it."""
    return ImageReader(io.BytesIO(content))


def _drawing(canvas: Canvas, slug: str, colour: str) -> str:
    """The name under which the drawing is in the document, once for all its pages."""
    name = f"{slug}-{colour[1:]}"
    if not canvas.hasForm(name):
        canvas.beginForm(name, 0, 0, WIDTH, HEIGHT)
        for shape in shapes(slug, colour):
            _draw(canvas, shape)
        canvas.endForm()
    return name


def _draw(canvas: Canvas, shape: Shape) -> None:
    path = canvas.beginPath()
    for command, points in shape.steps:
        flipped = [one for x, y in points for one in (x, HEIGHT - y)]
        match command:
            case "M":
                path.moveTo(*flipped)
            case "L":
                path.lineTo(*flipped)
            case "C":
                path.curveTo(*flipped)
            case _:
                path.close()
    if shape.width:
        canvas.setStrokeColor(shape.colour)
        canvas.setLineWidth(shape.width)
        canvas.drawPath(path, stroke=1, fill=0)
    else:
        canvas.setFillColor(shape.colour)
        canvas.drawPath(path, stroke=0, fill=1)
