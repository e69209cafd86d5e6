"""From a card and its program to what stands on paper."""

from dataclasses import dataclass
from datetime import datetime

from kado import clock
from kado.cards.card import Card, CardStatus
from kado.cards.codes import page_url
from kado.designs import pictures, templates
from kado.designs.look import Look, art_of, look_of
from kado.languages import tell
from kado.languages.choose import Language
from kado.paper.card import Brand, PaperCard, Size
from kado.programs.program import Program
from kado.storage.database import Database

_LETTER: frozenset[str] = frozenset("US CA MX PH CL CO VE GT CR PA DO SV HN NI PR".split())
"""Where printers hold US letter."""


@dataclass(frozen=True, slots=True)
class Style:
    """What all papers of a program have in common."""

    brand: Brand
    look: Look


def usual_size(program: Program) -> Size:
    """The size of paper where the program is used."""
    return "letter" if str(program.profile.get("country") or "").upper() in _LETTER else "a4"


async def style_of(database: Database, program: Program) -> Style:
    """The shop's look, with the logo's bytes."""
    look = await look_of(database, program)
    logo = None if look.logo is None else await pictures.content(database, program.id, look.logo.id)
    light, profile = look.light, program.profile
    brand = Brand(
        shop=look.shop,
        program=look.program,
        card=look.card,
        on_card=look.on_card,
        text=light.text,
        muted=light.muted,
        border=light.border,
        accent=light.accent,
        logo=None if logo is None else logo[1],
        website=_text(profile.get("website")),
        terms=_text(profile.get("terms")),
    )
    return Style(brand, look)


async def design_of(
    database: Database, program_id: str, look: Look, design_template: str | None
) -> tuple[str, bytes | None]:
    """The drawing that comes along under this name, and the program's own picture that takes its place."""
    picture = await art_of(database, program_id, look, design_template)
    if pictures.drawing_of(picture.id) is not None:
        return templates.named(design_template), None
    found = await pictures.content(database, program_id, picture.id)
    return templates.named(design_template), None if found is None else found[1]


def paper_card(
    card: Card,
    program: Program,
    public_url: str,
    number: str | None,
    code: str,
    design: tuple[str, bytes | None],
    now: datetime,
    language: Language | None = None,
) -> PaperCard:
    """What stands on the card's paper. An empty code leaves that line out, no number its barcode."""
    spoken = language or program.language
    is_new = card.status_at(now) is CardStatus.PENDING or card.balance == card.initial_value
    ends = None if card.expires_at >= clock.NEVER else tell.day(card.expires_at, spoken, program.zone)
    return PaperCard(
        language=spoken.value,
        value=tell.money(card.initial_value if is_new else card.balance, program.currency, spoken),
        is_balance=not is_new,
        expires=ends,
        number=number,
        last_four=card.last_four,
        url=page_url(public_url, card.pass_sid),
        code=code or None,
        to=card.customer_name,
        giver=card.sender_name,
        words=card.custom_message,
        design=design[0],
        art=design[1],
    )


def _text(said: object) -> str | None:
    return said if isinstance(said, str) and said else None
