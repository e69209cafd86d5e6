"""How a program looks, put together for whoever shows one of its cards."""

from dataclasses import dataclass, replace

from kado.designs import palette, pictures, store, templates
from kado.designs.palette import Palette
from kado.designs.pictures import DESIGN, Picture, Stored
from kado.designs.theme import held
from kado.designs.wallet import card_colours
from kado.programs.program import Program
from kado.shops.theme.theme import Radius
from kado.storage.database import Database


@dataclass(frozen=True, slots=True)
class Look:
    """What a page, a mail, a pass or a paper needs to know of the shop's look."""

    shop: str
    """The merchant's name."""
    program: str
    light: Palette
    dark: Palette
    font_family: str | None
    """A list of families as CSS writes it; None for those of the reader's system."""
    radius: Radius
    card: str
    """The colour of the card itself, `#rrggbb`; the designs that come along are drawn in shades of it."""
    on_card: str
    """What can be read on it."""
    label: str
    """The same for what is said of what stands there."""
    logo: Picture | None = None
    logo_text: str | None = None
    description: str | None = None
    """What the program says of its cards in wallets; None where it says nothing."""


@dataclass(frozen=True, slots=True)
class Designs:
    """What a card's `designTemplate` can name."""

    own: list[Stored]
    """The program's own, by name."""
    usual: dict[str, Picture]
    """Those that come along and that no own one replaces, by name, in the card's colour."""


async def look_of(database: Database, program: Program) -> Look:
    """The look of the program's own theme, or of the shop where it is used."""
    async with database.read() as connection:
        theme = (await held(connection, program)).theme
        said = await store.find_said(connection, program.id)
        logo = await store.find(connection, program.id, "logo", "")
    card, on_card = card_colours(said, theme.primary, theme.primary_fg)
    return Look(
        shop=program.merchant_name,
        program=program.name,
        light=palette.light(theme),
        dark=palette.dark(theme),
        font_family=theme.font_family,
        radius=theme.border_radius,
        card=card,
        on_card=on_card,
        label=palette.readable(said.get("labelColor", on_card), card),
        logo=None if logo is None else replace(pictures.picture_of(logo), alt=program.merchant_name),
        logo_text=said.get("logoText"),
        description=said.get("description"),
    )


async def chosen_art(database: Database, program_id: str, look: Look, design_template: str | None) -> Picture | None:
    """The picture that was chosen for a card; None for one of the plain design, of which the program has none."""
    own = await pictures.own_design(database, program_id, design_template)
    if own is None and templates.named(design_template) == templates.PLAIN:
        return None
    return own or pictures.drawn(design_template, look.card)


async def art_of(database: Database, program_id: str, look: Look, design_template: str | None) -> Picture:
    """The picture on a card: the program's own of this name, else the one that comes along, in the card's colour."""
    chosen = await chosen_art(database, program_id, look, design_template)
    return chosen or pictures.drawn(design_template, look.card)


async def designs_of(database: Database, program: Program) -> Designs:
    """The designs that a card of the program can have."""
    card = (await look_of(database, program)).card
    own = [one for one in await pictures.all_of(database, program.id) if one.kind == DESIGN]
    replaced = {one.slug for one in own}
    return Designs(own, {slug: pictures.drawn(slug, card) for slug in templates.SLUGS if slug not in replaced})
