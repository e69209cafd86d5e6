"""The style of a page: our own sheet under the colours of a shop."""

from functools import lru_cache
from importlib.resources import files
from typing import Final

from kado.designs.look import Look
from kado.designs.palette import Palette
from kado.designs.palette import dark as dark_palette
from kado.designs.palette import light as light_palette
from kado.shops.theme.colours import contrast, mixed
from kado.shops.theme.theme import Radius, Theme

_SHEET: Final = (files("kado.doors.pages") / "templates" / "page.css").read_text(encoding="utf-8")

_SYSTEM: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"
_ROUND: Final[dict[Radius, str]] = {"none": "0", "sm": "0.35rem", "md": "0.6rem", "lg": "0.9rem", "full": "1.5rem"}
_DEEPER: Final = (9, 20)
"""How much black or white is in the far corner of the drawn card, in twentieths."""


@lru_cache(maxsize=256)
def style_of(look: Look | None) -> str:
    """The style for a shop's pages; for a page of nobody's in our own colours."""
    theme = Theme()
    light = light_palette(theme) if look is None else look.light
    dark = dark_palette(theme) if look is None else look.dark
    radius = _ROUND[theme.border_radius if look is None else look.radius]
    family = _SYSTEM if look is None or look.font_family is None else f"{look.font_family}, {_SYSTEM}"
    # A list of families whose quotes do not match would take the rest of the sheet with it.
    family = family if family.count("'") % 2 == family.count('"') % 2 == 0 else _SYSTEM
    return (
        f":root {{ {_colours(light)} --radius: {radius}; --family: {family}; }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {_colours(dark)} }} }}\n{_SHEET}"
    )


def _colours(palette: Palette) -> str:
    named = {
        "page": palette.background,
        "sheet": palette.surface,
        "ink": palette.text,
        "quiet": palette.muted,
        "line": palette.border,
        "accent": palette.accent,
        "button": palette.button,
        "on-button": palette.on_button,
        "deep": deepened(palette.button, palette.on_button),
    }
    return " ".join(f"--{name}: {colour};" for name, colour in named.items())


def deepened(ground: str, text: str) -> str:
    """The ground away from the colour of its text, so that the text can be read on all that lies between the two."""
    is_light_text = contrast(text, "#000000") > contrast(ground, "#000000")
    return mixed(ground, "#000000" if is_light_text else "#ffffff", *_DEEPER)
