"""Barcodes: a QR code for phones and cameras, Code 128 for the scanners of tills. As SVG for pages, PNG for mails."""

import io
import re
from typing import Final

import segno
import zxingcpp
from PIL import Image

_QUIET_MODULES: Final = 4
"""What ISO/IEC 18004 wants around a QR code; scanners of tills are content with less around a bar."""


_DRAWN: Final = re.compile(r'<svg width="(\d+)" height="(\d+)".*?(<g .*</g>)', re.DOTALL)


def qr_svg(text: str) -> str:
    """The QR code as an SVG element in black on white, without a size of its own: the page gives it one."""
    out = io.BytesIO()
    # Not `make`: it may choose Micro QR, which phones do not read.
    segno.make_qr(text, error="m").save(
        out, kind="svg", border=_QUIET_MODULES, light="#fff", xmldecl=False, svgns=True, omitsize=True, nl=False
    )
    return out.getvalue().decode("utf-8")


def qr_png(text: str, scale: int = 8) -> bytes:
    """The QR code as PNG, `scale` pixels for a module.

    Not by the library that draws the SVG: it takes a hundredth of a second, for which a worker sends nothing else.
    """
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    return _png(code.to_image(scale=scale, add_quiet_zones=True))


def code128_svg(text: str) -> str:
    """Code 128 (ISO/IEC 15417) as an SVG element in black on white, like `qr_svg`. The text is ASCII."""
    drawn = str(_code128(text).to_svg(add_quiet_zones=True))
    found = _DRAWN.search(drawn)
    assert found is not None, "that is how zxing-cpp draws"
    width, height, bars = found.groups()
    ground = f'<path fill="#fff" d="M0 0h{width}v{height}H0z"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">{ground}{bars}</svg>'


def code128_png(text: str, scale: int = 4) -> bytes:
    """Code 128 as PNG, `scale` pixels for the narrowest bar."""
    return _png(_code128(text).to_image(scale=scale, add_quiet_zones=True))


def _png(image: zxingcpp.Image) -> bytes:
    out = io.BytesIO()
    Image.fromarray(image).convert("1").save(out, "PNG")
    return out.getvalue()


def _code128(text: str) -> zxingcpp.Barcode:
    return zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.Code128)
