"""What can be seen on a PDF: its pages as pictures, the codes on them and their words."""

from typing import NamedTuple

import pypdfium2
import zxingcpp
from PIL import Image


class Page(NamedTuple):
    """A page at 150 dots to the inch. `codes` are what a scanner reads, by the kind of code, from top to bottom."""

    image: Image.Image
    words: str
    size: tuple[int, int]
    codes: dict[str, list[str]]


def pages_of(pdf: bytes, *, first: int | None = None) -> list[Page]:
    """The pages of a PDF, or the first few."""
    found = []
    document = pypdfium2.PdfDocument(pdf)
    for at in range(len(document) if first is None else min(first, len(document))):
        page = document[at]
        image = page.render(scale=150 / 72).to_pil()
        text = page.get_textpage()
        codes: dict[str, list[str]] = {}
        for one in zxingcpp.read_barcodes(image):
            codes.setdefault(str(one.format), []).append(one.text)
        width, height = page.get_size()
        found.append(Page(image, text.get_text_range(), (round(width), round(height)), codes))
        text.close()
        page.close()
    document.close()
    return found


def meta_of(pdf: bytes) -> dict[str, str]:
    document = pypdfium2.PdfDocument(pdf)
    try:
        return dict(document.get_metadata_dict())
    finally:
        document.close()
