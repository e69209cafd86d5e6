"""How somebody is spoken to: in which language, by which clock, in whose colours."""

import asyncio
from dataclasses import asdict, dataclass, replace
from typing import Final
from zoneinfo import ZoneInfo

from kado.delivery.failures import PermanentFailure
from kado.delivery.messages import Claimed
from kado.designs import palette, pictures, raster
from kado.designs.look import Look, art_of, look_of
from kado.designs.palette import Palette
from kado.errors import NotFound
from kado.languages.choose import Language, spoken
from kado.programs import store
from kado.programs.find import get, list_owned
from kado.programs.program import Program
from kado.shops.theme.theme import Radius, Theme
from kado.storage.database import Database

_READERS_OWN: Final = "-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"
_CORNERS: Final[dict[Radius, str]] = {"none": "0", "sm": "4px", "md": "8px", "lg": "12px", "full": "20px"}


SHARP: Final = 2
"""Pixels for a CSS pixel."""
_LOGO_BOX: Final = (240 * SHARP, 56 * SHARP)
ART_WIDTH: Final = 300


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture that goes with a mail, as PNG. `width` in CSS pixels; `alt` is empty for an ornament."""

    content: bytes
    alt: str
    width: int


@dataclass(frozen=True, slots=True)
class Manner:
    """Language, clock and looks of one mail or text message."""

    language: Language
    zone: ZoneInfo
    light: Palette
    dark: Palette
    font_family: str
    """As CSS writes it."""
    radius: str
    """As CSS writes it."""
    logo: Shown | None = None
    art: Shown | None = None
    """The card itself, for mails that bring one."""


def _in_mail(colours: Palette) -> Palette:
    """The colours without one that is written in six digits: to a program it would be a code, beside the code.

    None of them is another colour to the eye.
    """
    return replace(
        colours, **{name: f"{colour[:-1]}a" for name, colour in asdict(colours).items() if colour[1:].isdecimal()}
    )


PLAIN: Final = Manner(
    Language.ENGLISH,
    ZoneInfo("UTC"),
    _in_mail(palette.light(Theme())),
    _in_mail(palette.dark(Theme())),
    _READERS_OWN,
    _CORNERS[Theme().border_radius],
)
"""For whoever nothing is known of, from a shop that says nothing of its looks."""


async def manner_of(database: Database, message: Claimed) -> Manner:
    """As the message says, else its card, else its program. Raises `PermanentFailure` where the card is gone."""
    async with database.read() as connection:
        program = await store.find(connection, message.program_id)
        card = await connection.fetchrow(
            "SELECT language, time_zone, design_template FROM card WHERE program_id = $1 AND id = $2",
            message.program_id,
            message.card_id,
        )
    if program is None or card is None:
        raise PermanentFailure("the card is gone")
    zone = message.time_zone or card["time_zone"]
    look = await look_of(database, program)
    manner = await _dressed(
        database,
        program,
        look,
        spoken(message.language) or spoken(card["language"]) or program.language,
        ZoneInfo(zone) if zone else program.zone,
    )
    if message.kind != "security_code" or message.channel != "email":
        return manner
    return replace(manner, art=await _art(database, program, look, card["design_template"]))


async def manner_of_program(database: Database, program_id: str) -> Manner:
    """For whoever nothing is known of. Raises `NotFound`."""
    program = await get(database, program_id)
    if program is None:
        raise NotFound("program_not_found", "There is no such program.")
    return await _of_program(database, program)


async def manner_of_merchant(database: Database, merchant_id: str) -> Manner:
    """For what concerns no program: as the merchant's oldest one."""
    owned = await list_owned(database, merchant_id)
    return await _of_program(database, owned[0]) if owned else PLAIN


async def _of_program(database: Database, program: Program) -> Manner:
    return await _dressed(database, program, await look_of(database, program), program.language, program.zone)


async def _dressed(database: Database, program: Program, look: Look, language: Language, zone: ZoneInfo) -> Manner:
    return Manner(
        language=language,
        zone=zone,
        light=_in_mail(look.light),
        dark=_in_mail(look.dark),
        font_family=look.font_family or _READERS_OWN,
        radius=_CORNERS[look.radius],
        logo=await _logo(database, program, look),
    )


async def _logo(database: Database, program: Program, look: Look) -> Shown | None:
    found = None if look.logo is None else await pictures.content(database, program.id, look.logo.id)
    if look.logo is None or found is None:
        return None
    content = await asyncio.to_thread(raster.as_png, *found, _LOGO_BOX)
    width = min(_LOGO_BOX[0], look.logo.width * _LOGO_BOX[1] // look.logo.height, look.logo.width) // SHARP
    return Shown(content, look.logo.alt, width)


async def _art(database: Database, program: Program, look: Look, design_template: str | None) -> Shown:
    picture = await art_of(database, program.id, look, design_template)
    if (drawing := pictures.drawing_of(picture.id)) is not None:
        return Shown(await asyncio.to_thread(raster.png, *drawing, ART_WIDTH * SHARP), "", ART_WIDTH)
    found = await pictures.content(database, program.id, picture.id)
    assert found is not None, "own pictures are there as long as their row"
    box = (ART_WIDTH * SHARP, ART_WIDTH * SHARP)
    return Shown(await asyncio.to_thread(raster.as_png, *found, box), picture.alt, ART_WIDTH)
