"""The colours that people see, made of a theme so that whatever is text can be read (WCAG 2.2, contrast, level AA)."""

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Final

from kado.shops.theme.check import READABLE
from kado.shops.theme.colours import contrast, mixed
from kado.shops.theme.theme import Theme

_STEPS: Final = 20


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours as `#rrggbb`. `text`, `muted` and `accent` can be read on `background` and on `surface`."""

    background: str
    surface: str
    text: str
    muted: str
    border: str
    accent: str
    """The shop's colour, where it is text or a line."""
    button: str
    """The shop's colour, where it is a ground."""
    on_button: str


def light(theme: Theme) -> Palette:
    """The theme's own colours; what could hardly be read on them is moved towards black or white."""
    grounds = (theme.background, theme.surface)
    return Palette(
        background=theme.background,
        surface=theme.surface,
        text=readable(theme.foreground, *grounds),
        muted=readable(theme.muted, *grounds),
        border=theme.border,
        accent=readable(theme.primary, *grounds),
        button=theme.primary,
        on_button=readable(theme.primary_fg, theme.primary),
    )


_NIGHT: Final = ("#101216", "#1a1d23")


def dark(theme: Theme) -> Palette:
    """The same shop at night: a theme says nothing about it, so only its colour is kept."""
    return Palette(
        background=_NIGHT[0],
        surface=_NIGHT[1],
        text="#f3f4f6",
        muted="#a8afbb",
        border="#343a45",
        accent=readable(theme.primary, *_NIGHT),
        button=theme.primary,
        on_button=readable(theme.primary_fg, theme.primary),
    )


def readable(text: str, *grounds: str) -> str:
    """The colour nearest to `text` that can be read on all the grounds, or black or white, whichever does better."""
    if _least(text, grounds) >= READABLE:
        return text
    target = max(("#000000", "#ffffff"), key=lambda colour: _least(colour, grounds))
    for step in range(1, _STEPS):
        candidate = mixed(text, target, step, _STEPS)
        if _least(candidate, grounds) >= READABLE:
            return candidate
    return target


def contrast_text(one: str, other: str) -> str:
    """The contrast of two colours as people read it: `4.5`. Cut, not rounded: 4.49 is not 4.5."""
    return str(Decimal(contrast(one, other)).quantize(Decimal("0.1"), ROUND_DOWN))


def _least(text: str, grounds: tuple[str, ...]) -> float:
    return min(contrast(text, ground) for ground in grounds)
