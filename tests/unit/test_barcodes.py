"""Barcodes say what they were made of: read back by a decoder, as PNG."""

import io

import pytest
import zxingcpp
from PIL import Image

from kado import barcodes

SID = "0123456789abcdef01234567" + "89abcdef" * 4
TEXTS = ["4000123412341234", SID, "https://cards.example/cards/" + SID]


def _read(png: bytes) -> list[tuple[str, str]]:
    return [(one.text, str(one.format)) for one in zxingcpp.read_barcodes(Image.open(io.BytesIO(png)))]


@pytest.mark.parametrize("text", TEXTS)
def test_a_qr_code_says_what_it_was_made_of(text: str) -> None:
    assert _read(barcodes.qr_png(text)) == [(text, "QR Code")]


def test_bars_say_the_number() -> None:
    assert _read(barcodes.code128_png("4000123412341234")) == [("4000123412341234", "Code 128")]


@pytest.mark.parametrize("svg", [barcodes.qr_svg(SID), barcodes.code128_svg("4000123412341234")])
def test_a_drawing_scales_and_brings_its_own_ground(svg: str) -> None:
    assert svg.startswith("<svg ")
    assert "viewBox=" in svg
    assert 'fill="#fff"' in svg
    assert " width=" not in svg.partition(">")[0]


def test_short_texts_make_no_micro_qr() -> None:
    assert _read(barcodes.qr_png("1")) == [("1", "QR Code")]
