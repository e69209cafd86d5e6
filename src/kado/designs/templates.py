"""The designs that come along: drawings of our own, found by the name that a card's `designTemplate` gives.

Each is an SVG file in the colours of Kado's usual theme, so that it can be looked at as it is. The shop's colour takes
their place: five shades that follow from one colour. Whatever else is in a drawing (gold, rose, white) stays.
"""

from functools import cache, lru_cache
from importlib.resources import files
from typing import Final

from kado.shops.theme.colours import mixed
from kado.shops.theme.theme import Theme

WIDTH: Final = 856
HEIGHT: Final = 540
"""In the drawings' own units: tenths of the millimetres of a plastic card (ID-1)."""

PLAIN: Final = "plain"
SLUGS: Final = (PLAIN, "birthday", "thanks", "celebration", "winter", "love", "summer")
"""Every design, by its name. The contract calls it a slug."""

# What people call the same occasions.
_ALSO: Final = {
    "anniversary": "love",
    "christmas": "winter",
    "congratulations": "celebration",
    "holiday": "winter",
    "new-year": "celebration",
    "thank-you": "thanks",
    "valentine": "love",
    "wedding": "love",
    "xmas": "winter",
}

_SHADES: Final = (("black", 0), ("black", 9), ("white", 5), ("white", 11), ("white", 16))
"""How much of what is mixed into the shop's colour, in twentieths: the colour itself, and darker to paler."""
_MIXED_IN: Final = {"black": "#000000", "white": "#ffffff"}


def named(design_template: str | None) -> str:
    """The design that a card's `designTemplate` means, by its whole name or its first word; else the plain one."""
    wanted = plain_name(design_template)
    for name in (wanted, wanted.partition("-")[0]):
        if (found := _ALSO.get(name, name)) in SLUGS:
            return found
    return PLAIN


def plain_name(design_template: str | None) -> str:
    """The name as designs are found by: however it is spaced and whether or not it has capitals."""
    return (design_template or "").strip().lower().replace("_", "-").replace(" ", "-")


def shades(colour: str) -> tuple[str, ...]:
    """The five shades of a colour (`#rrggbb`) that the drawings are made of, as `#rrggbb`."""
    return tuple(mixed(colour, _MIXED_IN[other], part, 20) for other, part in _SHADES)


@lru_cache(maxsize=256)
def svg(slug: str, colour: str) -> str:
    """The drawing in shades of a colour. Raises `KeyError` for a name that is none of `SLUGS`."""
    drawn = _drawing(slug)
    # All at once: a shade of the new colour may be one of the old ones.
    for at, usual in enumerate(shades(Theme().primary)):
        drawn = drawn.replace(usual, f"\0{at}\0")
    for at, shade in enumerate(shades(colour)):
        drawn = drawn.replace(f"\0{at}\0", shade)
    return drawn


@cache
def _drawing(slug: str) -> str:
    if slug not in SLUGS:
        raise KeyError(slug)
    return (files("kado.designs") / "templates" / f"{slug}.svg").read_text(encoding="utf-8")
