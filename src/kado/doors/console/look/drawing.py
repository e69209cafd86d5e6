"""What the previews of a look are drawn of: shapes in the page itself, for which no script is needed."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from kado.designs import palette, pictures
from kado.designs.look import Look
from kado.designs.palette import Palette, contrast_text
from kado.doors.console.visit import Visit
from kado.languages import tell as told
from kado.languages.choose import Language
from kado.shops.theme.check import ILLEGIBLE, READABLE
from kado.shops.theme.colours import contrast
from kado.shops.theme.theme import Theme

AREAS: Final = ("console_cards", "console_actions", "console_setup", "console_look")

_ROUND: Final = {"none": 0, "sm": 3, "md": 6, "lg": 10, "full": 18}
"""How round corners are in the drawings' own units."""
_READ: Final = (
    ("primaryFg", "primary", "on_button"),
    ("foreground", "background", "on_page"),
    ("foreground", "surface", "on_sheet"),
    ("muted", "background", "quiet_on_page"),
    ("muted", "surface", "quiet_on_sheet"),
)
"""Text and its ground in the pages that Kado shows, and by which words the pair is called."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How well a text can be read: `verdict` is good, weak (it is moved until it can) or bad (it is refused)."""

    what: str
    text: str
    ground: str
    ratio: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything that the previews show. Colours are `#rrggbb`, pictures are addresses."""

    shop: str
    program: str
    amount: str
    light: Palette
    dark: Palette
    card: str
    on_card: str
    label: str
    round: int
    font: str
    art: str
    logo: str | None
    logo_text: str
    strip: str | None = None


def readings(theme: Theme, language: Language) -> list[Reading]:
    """How well what stands on pages and in mails can be read, whatever is made of it afterwards."""
    by_name = {
        "primary": theme.primary,
        "primaryFg": theme.primary_fg,
        "background": theme.background,
        "surface": theme.surface,
        "foreground": theme.foreground,
        "muted": theme.muted,
    }
    found = []
    for text, ground, what in _READ:
        pair = (by_name[text], by_name[ground])
        ratio = contrast(*pair)
        verdict = "good" if ratio >= READABLE else "weak" if ratio >= ILLEGIBLE else "bad"
        found.append(Reading(what, *pair, written(contrast_text(*pair), language), verdict))
    return found


def drawing(visit: Visit, look: Look, theme: Theme, *, label: str, logo_text: str, strip: str | None) -> Drawing:
    """The previews of this look under this theme."""
    program = visit.program
    return Drawing(
        shop=look.shop,
        program=look.program,
        amount=told.money(program.currency.minor(Decimal(50)), program.currency, visit.language),
        light=palette.light(theme),
        dark=palette.dark(theme),
        card=look.card,
        on_card=look.on_card,
        label=label,
        round=_ROUND[theme.border_radius],
        font=theme.font_family or "system-ui, sans-serif",
        art=pictures.address(program.id, pictures.drawn(None, look.card)),
        logo=None if look.logo is None else pictures.address(program.id, look.logo),
        logo_text=logo_text,
        strip=strip,
    )


def written(number: str, language: Language) -> str:
    """A decimal as the language writes it."""
    return number if language is Language.ENGLISH else number.replace(".", ",")
