"""What is wrong with a theme: errors, with which it is not saved, and warnings, with which it is."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from kado.shops.theme import colours, logo
from kado.shops.theme.theme import COLOURS, PRESETS, Theme, wire_name

Severity = Literal["error", "warning"]

READABLE: Final = 4.5
"""The contrast that WCAG asks of text (level AA)."""
ILLEGIBLE: Final = 3.0
"""Below this not even large text passes."""

# Text and what it stands on, with the words for a message.
PAIRS: Final = (
    ("primary_fg", "primary", "Text on buttons"),
    ("sidebar_text", "sidebar_bg", "Text in the sidebar"),
    ("sidebar_active_text", "sidebar_active_bg", "The active entry of the sidebar"),
    ("foreground", "background", "Text on the page"),
    ("foreground", "surface", "Text on cards"),
    ("muted", "background", "Secondary text on the page"),
    ("muted", "surface", "Secondary text on cards"),
)
_GENERIC: Final = frozenset({"serif", "sans-serif", "monospace", "cursive", "fantasy", "system-ui", "ui-sans-serif"})
_FAMILY: Final = re.compile(r"""[A-Za-z_-][A-Za-z0-9 ._-]*|"[A-Za-z0-9 ._-]+"|'[A-Za-z0-9 ._-]+'""", re.ASCII)


@dataclass(frozen=True, slots=True)
class Issue:
    """Something that is wrong with one field, by the API's name of it."""

    field: str
    severity: Severity
    code: str
    message: str


def check(theme: Theme) -> list[Issue]:
    """Everything that is wrong with the theme, in the order of its members."""
    return [*_preset(theme), *_colours(theme), *_contrasts(theme), *_logo(theme), *_font(theme)]


def _preset(theme: Theme) -> Iterator[Issue]:
    if theme.preset_id not in PRESETS:
        yield Issue("presetId", "warning", "unknown_preset", "There is no such preset; the default takes its place.")


def _colours(theme: Theme) -> Iterator[Issue]:
    for name in COLOURS:
        if not colours.is_colour(getattr(theme, name)):
            yield Issue(wire_name(name), "error", "invalid_color", "A colour is # and 3 or 6 hexadecimal digits.")


def _contrasts(theme: Theme) -> Iterator[Issue]:
    for text, ground, what in PAIRS:
        pair = (getattr(theme, text), getattr(theme, ground))
        if not all(map(colours.is_colour, pair)):
            continue
        ratio = colours.contrast(*pair)
        if ratio < READABLE:
            # Cut, not rounded: 4.499 is not 4.5.
            shown = f"{int(ratio * 100) / 100:.2f}"
            message = f"{what}: the contrast of {wire_name(text)} and {wire_name(ground)} is {shown}, below {READABLE}."
            severity: Severity = "error" if ratio < ILLEGIBLE else "warning"
            yield Issue(wire_name(text), severity, "low_contrast", message)


def _logo(theme: Theme) -> Iterator[Issue]:
    if theme.logo_url is None:
        return
    if found := logo.fault(theme.logo_url):
        yield Issue("logoUrl", "error", *found)
    else:
        # A third party would learn of everyone who looks at a card.
        message = "Kado's own pages, mails and paper show the picture of type logo and never load this address."
        yield Issue("logoUrl", "warning", "logo_not_shown", message)
    if not (theme.logo_alt or "").strip():
        yield Issue("logoAlt", "warning", "logo_without_alt", "Say what the logo shows, for those who cannot see it.")


def families(font_family: str) -> list[str]:
    """The families of a font list, without quotes."""
    return [family.strip().strip("'\"") for family in font_family.split(",")]


def _font(theme: Theme) -> Iterator[Issue]:
    if theme.font_family is None:
        return
    if not all(_FAMILY.fullmatch(family.strip(" ")) for family in theme.font_family.split(",")):
        message = "A list of font families, separated by commas; names that begin with a digit stand in quotes."
        yield Issue("fontFamily", "error", "invalid_font_family", message)
    elif families(theme.font_family)[-1].lower() not in _GENERIC:
        message = "End the list with a generic family such as sans-serif, for visitors without the others."
        yield Issue("fontFamily", "warning", "font_without_fallback", message)
