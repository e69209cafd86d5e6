"""The drawings as shapes, for what is not a browser: pictures of pixels and paper.

This reads our own drawings and nothing else: rectangles, circles and paths of absolute M, L, C and Z.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal
from xml.etree import ElementTree as ET

from kado.designs import templates

Point = tuple[float, float]
Step = tuple[Literal["M", "L", "C", "Z"], tuple[Point, ...]]
"""Move, line, curve (two handles and an end) or close."""

_NAMESPACE: Final = "{http://www.w3.org/2000/svg}"
_PART: Final = re.compile(r"([MLCZ])([^MLCZ]*)")
# How long the handles of four curves are that look like a circle, in radii.
_ROUND: Final = 0.5523


@dataclass(frozen=True, slots=True)
class Shape:
    """Something to fill, or (where `width` is more than 0) a line to draw, in a colour."""

    steps: tuple[Step, ...]
    colour: str
    width: float = 0


@lru_cache(maxsize=64)
def shapes(slug: str, colour: str) -> tuple[Shape, ...]:
    """The drawing, from back to front, in units of `templates.WIDTH`; y grows downwards."""
    root = ET.fromstring(templates.svg(slug, colour))  # noqa: S314 - our own file
    return tuple(_shape(element) for element in root)


def _shape(element: ET.Element) -> Shape:
    said = element.attrib
    match element.tag.removeprefix(_NAMESPACE):
        case "rect":
            return Shape(_rectangle(*(float(said[name]) for name in ("x", "y", "width", "height"))), said["fill"])
        case "circle":
            return Shape(_circle(*(float(said[name]) for name in ("cx", "cy", "r"))), said["fill"])
        case "path":
            steps = tuple(_steps(said["d"]))
            is_line = said["fill"] == "none"
            return Shape(steps, said["stroke"], float(said["stroke-width"])) if is_line else Shape(steps, said["fill"])
        case other:
            raise ValueError(f"a drawing has no <{other}>")


def _rectangle(x: float, y: float, width: float, height: float) -> tuple[Step, ...]:
    right, bottom = x + width, y + height
    return (("M", ((x, y),)), ("L", ((right, y),)), ("L", ((right, bottom),)), ("L", ((x, bottom),)), ("Z", ()))


def _circle(x: float, y: float, r: float) -> tuple[Step, ...]:
    k = r * _ROUND
    return (
        ("M", ((x + r, y),)),
        ("C", ((x + r, y + k), (x + k, y + r), (x, y + r))),
        ("C", ((x - k, y + r), (x - r, y + k), (x - r, y))),
        ("C", ((x - r, y - k), (x - k, y - r), (x, y - r))),
        ("C", ((x + k, y - r), (x + r, y - k), (x + r, y))),
        ("Z", ()),
    )


def _steps(d: str) -> Iterator[Step]:
    for command, rest in _PART.findall(d):
        numbers = [float(one) for one in rest.split()]
        points = tuple(zip(numbers[::2], numbers[1::2], strict=True))
        match command:
            case "C":
                yield from (("C", points[at : at + 3]) for at in range(0, len(points), 3))
            case "Z":
                yield ("Z", ())
            case _:
                yield (command, points)


def flat(steps: Sequence[Step], pieces: int = 16) -> Iterator[list[Point]]:
    """The outlines with straight lines alone, `pieces` for a curve."""
    outline: list[Point] = []
    for command, points in steps:
        match command:
            case "M":
                if outline:
                    yield outline
                outline = list(points)
            case "L":
                outline.extend(points)
            case "C":
                a, (b, c, d) = outline[-1], points
                outline.extend(_on_curve(a, b, c, d, at / pieces) for at in range(1, pieces + 1))
            case _:
                outline.append(outline[0])
    yield outline


def _on_curve(a: Point, b: Point, c: Point, d: Point, t: float) -> Point:
    """The point of a cubic Bézier curve at `t`, from 0 to 1."""
    s = 1 - t
    x, y = (s**3 * a[i] + 3 * s * s * t * b[i] + 3 * s * t * t * c[i] + t**3 * d[i] for i in (0, 1))
    return x, y
