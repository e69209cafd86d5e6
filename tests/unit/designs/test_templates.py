"""The designs that come along: found by name, in any colour, as SVG, as shapes and as pixels."""

import io
import re
from pathlib import Path

import pytest
from PIL import Image

from kado import designs
from kado.designs import raster, templates
from kado.designs.shapes import shapes
from kado.shops.theme.theme import Theme


@pytest.mark.parametrize(
    ("said", "slug"),
    [
        ("birthday", "birthday"),
        ("Birthday", "birthday"),
        ("birthday-2", "birthday"),
        ("birthday_blue", "birthday"),
        ("Christmas 2026", "winter"),
        ("thank-you", "thanks"),
        ("New Year", "celebration"),
        ("no such thing", "plain"),
        ("", "plain"),
        (None, "plain"),
        ("../winter", "plain"),
    ],
)
def test_a_design_is_found_by_what_people_call_it(said: str | None, slug: str) -> None:
    assert templates.named(said) == slug


def test_every_file_is_a_design_and_every_design_a_file() -> None:
    folder = Path(designs.__file__).parent / "templates"
    assert {file.stem for file in folder.iterdir()} == set(templates.SLUGS)


@pytest.mark.parametrize("slug", templates.SLUGS)
def test_a_drawing_has_shapes_alone_and_nothing_that_runs_or_loads(slug: str) -> None:
    drawn = templates.svg(slug, "#7c3aed")
    assert set(re.findall(r"<(/?\w+)", drawn)) <= {"svg", "/svg", "rect", "circle", "path"}
    assert set(re.findall(r"([\w:-]+)=", drawn)) <= set(
        "xmlns viewBox x y width height cx cy r d fill stroke stroke-width".split()
    )
    assert len(drawn) < 16_000


@pytest.mark.parametrize("slug", templates.SLUGS)
def test_the_shop_s_colour_takes_the_place_of_the_usual_one(slug: str) -> None:
    usual, colour = templates.shades(Theme().primary), "#7c3aed"
    drawn = templates.svg(slug, colour)
    assert not [shade for shade in usual if shade in drawn]
    assert templates.svg(slug, Theme().primary).count("<") == drawn.count("<")
    seen = {shape.colour for shape in shapes(slug, colour)}
    assert len(seen & set(templates.shades(colour))) >= 3


@pytest.mark.parametrize("slug", templates.SLUGS)
def test_the_picture_shows_what_the_drawing_says(slug: str) -> None:
    image = Image.open(io.BytesIO(raster.png(slug, "#7c3aed", 300)))
    assert image.size == (300, 189)
    shown = {"#{:02x}{:02x}{:02x}".format(*pixel) for _, pixel in image.convert("RGB").getcolors(100_000) or ()}  # type: ignore[misc]
    first = shapes(slug, "#7c3aed")[0].colour
    assert first in shown


def test_a_drawing_fills_a_picture_of_any_form() -> None:
    for width, height in ((300, 60), (60, 300)):
        image = raster.drawing("plain", "#7c3aed", width, height)
        assert image.size == (width, height)
        assert image.getpixel((0, 0)) != (255, 255, 255)
