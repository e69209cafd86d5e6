"""The drawings as PNG, for mails and wallets, which show no SVG. Drawn when they are wanted, in the shop's colours."""

import io
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from PIL import Image, ImageDraw

from kado.designs.shapes import Point, flat, shapes
from kado.designs.templates import HEIGHT, WIDTH

_FINER: Final = 3
"""Drawn so much larger and made smaller then: Pillow draws without smooth edges."""
_COLOURS: Final = 96
"""What a drawing has, with its edges: a third of the bytes, and no difference that is seen."""


@lru_cache(maxsize=32)
def png(slug: str, colour: str, width: int) -> bytes:
    """The drawing, `width` pixels wide, as high as its form wants. About a tenth of a second for 600 pixels."""
    drawn = drawing(slug, colour, width, round(width * HEIGHT / WIDTH))
    out = io.BytesIO()
    drawn.quantize(_COLOURS, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


def drawing(slug: str, colour: str, width: int, height: int) -> Image.Image:
    """The drawing on a picture of any form, which it fills: what does not fit is cut off on both sides alike."""
    scale = max(width * _FINER / WIDTH, height * _FINER / HEIGHT)
    left, top = (width * _FINER - WIDTH * scale) / 2, (height * _FINER - HEIGHT * scale) / 2
    image = Image.new("RGB", (width * _FINER, height * _FINER), "#ffffff")
    pen = ImageDraw.Draw(image)
    for shape in shapes(slug, colour):
        for outline in flat(shape.steps):
            points = [(left + x * scale, top + y * scale) for x, y in outline]
            if shape.width:
                _line(pen, points, shape.colour, shape.width * scale)
            else:
                pen.polygon(points, fill=shape.colour)
    return image.resize((width, height), Image.Resampling.BOX)


def _line(pen: ImageDraw.ImageDraw, points: Sequence[Point], colour: str, width: float) -> None:
    pen.line(points, fill=colour, width=max(1, round(width)), joint="curve")


def as_png(media_type: str, content: bytes, box: tuple[int, int]) -> bytes:
    """A picture that Kado encoded, no larger than the box (pixels), as PNG: for mails and wallets."""
    with Image.open(io.BytesIO(content), formats=[media_type.removeprefix("image/").upper()]) as image:
        image.thumbnail(box, Image.Resampling.LANCZOS)
        out = io.BytesIO()
        image.save(out, "PNG", optimize=True)
        return out.getvalue()
