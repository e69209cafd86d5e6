"""Barcodes on paper, as black rectangles: sharp at any size, and never recoloured."""

from functools import lru_cache
from itertools import groupby
from typing import Final

import segno
import zxingcpp
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

_QUIET: Final = 4
"""Modules of white around a QR code (ISO/IEC 18004)."""
_QUIET_BESIDE: Final = 10
"""Modules of white beside Code 128 (ISO/IEC 15417)."""


def qr(canvas: Canvas, x: float, y: float, side: float, text: str) -> None:
    """A QR code with the white around it in a square; `x` and `y` are its lower left corner."""
    rows = _qr(text)
    module = side / (len(rows) + 2 * _QUIET)
    canvas.setFillColor("#ffffff")
    canvas.rect(x, y, side, side, stroke=0, fill=1)
    top = y + side - _QUIET * module
    path = canvas.beginPath()
    for down, row in enumerate(rows):
        at = 0
        for is_dark, run in groupby(row):
            length = len(list(run))
            if is_dark:
                path.rect(x + (_QUIET + at) * module, top - (down + 1) * module, length * module, module)
            at += length
    canvas.setFillColor("#000000")
    canvas.drawPath(path, stroke=0, fill=1)


def code128(canvas: Canvas, x: float, y: float, wide: float, high: float, text: str) -> None:
    """Code 128 with the white beside it in a rectangle, whose lower left corner is at `x` and `y`."""
    bars = _code128(text)
    module = wide / (len(bars) + 2 * _QUIET_BESIDE)
    canvas.setFillColor("#ffffff")
    canvas.rect(x, y, wide, high, stroke=0, fill=1)
    path = canvas.beginPath()
    at = _QUIET_BESIDE
    for is_dark, run in groupby(bars):
        length = len(list(run))
        if is_dark:
            path.rect(x + at * module, y, length * module, high)
        at += length
    canvas.setFillColor("#000000")
    canvas.drawPath(path, stroke=0, fill=1)


@lru_cache(maxsize=16)
def _qr(text: str) -> tuple[bytes, ...]:
    # Not `make`: it may choose Micro QR, which phones do not read.
    return tuple(bytes(row) for row in segno.make_qr(text, error="m").matrix)


@lru_cache(maxsize=16)
def _code128(text: str) -> tuple[bool, ...]:
    """Its modules from left to right: true for dark ones."""
    image = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.Code128).to_image(scale=1, add_quiet_zones=False)
    first = Image.fromarray(image).convert("L").crop((0, 0, image.shape[1], 1))
    return tuple(value < 128 for value in first.tobytes())
