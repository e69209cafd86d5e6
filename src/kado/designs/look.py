"""How a program looks, put together for whoever shows one of its cards."""

from dataclasses import dataclass

from kado.designs import palette
from kado.designs.palette import Palette
from kado.programs.program import Program
from kado.shops import store
from kado.shops.theme.theme import Radius, theme_of
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


async def look_of(database: Database, program: Program) -> Look:
    """The look of the shop where the program is used."""
    async with database.read() as connection:
        theme = theme_of(await store.find_theme_of_program(connection, program.merchant_id, program.id))
    return Look(
        shop=program.merchant_name,
        program=program.name,
        light=palette.light(theme),
        dark=palette.dark(theme),
        font_family=theme.font_family,
        radius=theme.border_radius,
    )
