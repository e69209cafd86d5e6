"""The pictures of a pass: an icon, a logo, and a strip behind the balance; the program's own, or drawn by us.

Ours are in the card's colours and hold no letters, so that one set does for every language and every script.
"""

import io
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from PIL import Image, ImageDraw, ImageOps

from kado.designs.look import Look
from kado.designs.pictures import OwnPicture

_SUFFIXES: Final = {1: "", 2: "@2x", 3: "@3x"}
_ICON: Final = 29
_LOGO: Final = 40
_LOGO_BOX: Final = (160, 50)
"""What Apple gives to a logo at most, in points."""
_STRIP: Final = (375, 144)
_FINE: Final = 4
"""How many times larger it is drawn than shown, so that edges are smooth."""

_FAINT, _CLEAR, _KNOT = 20, 38, 56
"""How much of the ink stands in ribbon, bow and knot, of 255: text on them must stay as readable as beside them."""

Colour = tuple[int, int, int, int]


def pictures(look: Look, own: Mapping[str, OwnPicture]) -> Mapping[str, bytes]:
    """The files of a pass, by their names, as PNG; `own` are the program's pictures, by kind."""
    files = dict(_drawn(look.card, look.on_card))
    for kind, one in own.items():
        files |= _own(kind, one, look.card)
    return files


@lru_cache(maxsize=32)
def _own(kind: str, one: OwnPicture, ground: str) -> Mapping[str, bytes]:
    """The program's picture in every size. An icon is square and is filled up with the card's colour."""
    form = one.picture.media_type.removeprefix("image/").upper()
    with Image.open(io.BytesIO(one.content), formats=[form]) as opened:
        image = opened.convert("RGBA")
    return {f"{kind}{suffix}.png": _png(_sized(kind, image, scale, ground)) for scale, suffix in _SUFFIXES.items()}


def _sized(kind: str, image: Image.Image, scale: int, ground: str) -> Image.Image:
    if kind == "logo":
        return ImageOps.contain(image, (_LOGO_BOX[0] * scale, _LOGO_BOX[1] * scale), Image.Resampling.LANCZOS)
    if kind == "strip":
        return ImageOps.fit(image, (_STRIP[0] * scale, _STRIP[1] * scale), Image.Resampling.LANCZOS)
    side = _ICON * scale
    made = Image.new("RGBA", (side, side), _rgba(ground))
    inner = ImageOps.contain(image, (side, side), Image.Resampling.LANCZOS)
    made.alpha_composite(inner, ((side - inner.width) // 2, (side - inner.height) // 2))
    return made


@lru_cache(maxsize=256)
def _drawn(ground: str, ink: str) -> Mapping[str, bytes]:
    made = {}
    for scale, suffix in _SUFFIXES.items():
        made[f"icon{suffix}.png"] = _png(_icon(_ICON * scale, _rgba(ground), _rgba(ink)))
        made[f"logo{suffix}.png"] = _png(_gift(_LOGO * scale, _rgba(ink)))
        made[f"strip{suffix}.png"] = _png(_strip(_STRIP[0] * scale, _STRIP[1] * scale, _rgba(ground), _rgba(ink)))
    return made


def _icon(size: int, ground: Colour, ink: Colour) -> Image.Image:
    """The mark on a ground of its own: lock screens show it on any picture, and round its corners."""
    made = Image.new("RGBA", (size, size), ground)
    inner = size * 7 // 10
    mark = _gift(inner, ink)
    made.alpha_composite(mark, ((size - inner) // 2, (size - inner) // 2))
    return made


def _gift(size: int, ink: Colour) -> Image.Image:
    """A present with a bow, as lines that are thick enough at 29 pixels."""
    side = size * _FINE
    made = Image.new("RGBA", (side, side), (*ink[:3], 0))
    draw, line = ImageDraw.Draw(made), max(1, side // 11)

    def at(*shares: int) -> tuple[int, ...]:
        return tuple(side * share // 100 for share in shares)

    draw.rounded_rectangle(at(5, 30, 95, 52), radius=side * 5 // 100, outline=ink, width=line)
    draw.rounded_rectangle(at(12, 52 - 8, 88, 96), radius=side * 5 // 100, outline=ink, width=line)
    draw.rectangle(at(46, 32, 54, 94), fill=ink)
    draw.ellipse(at(19, 3, 52, 36), outline=ink, width=line)
    draw.ellipse(at(48, 3, 81, 36), outline=ink, width=line)
    return made.resize((size, size), Image.Resampling.LANCZOS)


def _strip(width: int, height: int, ground: Colour, ink: Colour) -> Image.Image:
    """The shop's colour with a ribbon and a bow at the right: quiet where the balance stands."""
    fine = 2
    wide, high = width * fine, height * fine
    veil = Image.new("L", (wide, high), 0)
    draw = ImageDraw.Draw(veil)
    across, down, band = wide * 79 // 100, high * 60 // 100, high * 5 // 100
    draw.rectangle((across - band, 0, across + band, high), fill=_FAINT)
    draw.rectangle((0, down - band, wide, down + band), fill=_FAINT)
    loop = _loop(high * 52 // 100)
    left = (across - loop.width, down - loop.height * 82 // 100)
    veil.paste(_CLEAR, left, loop)
    veil.paste(_CLEAR, (across, left[1]), loop.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    knot = band * 17 // 10
    draw.ellipse((across - knot, down - knot, across + knot, down + knot), fill=_KNOT)
    made = Image.new("RGBA", (wide, high), ground)
    made.paste(ink, (0, 0), veil)
    return made.resize((width, height), Image.Resampling.LANCZOS)


def _loop(size: int) -> Image.Image:
    """The left loop of a bow, as a mask: a ring that narrows towards the knot at its right lower corner."""
    mask = Image.new("L", (size, size), 0)
    draw = ImageDraw.Draw(mask)
    draw.ellipse((0, size * 28 // 100, size, size * 72 // 100), fill=255)
    draw.ellipse((size * 16 // 100, size * 40 // 100, size * 78 // 100, size * 60 // 100), fill=0)
    return mask.rotate(-28, Image.Resampling.BICUBIC)


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def _rgba(colour: str) -> Colour:
    value = int(colour.removeprefix("#"), 16)
    return value >> 16, value >> 8 & 255, value & 255, 255
