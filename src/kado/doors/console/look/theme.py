"""Colours, letters and corners of a program's pages and mails, with what becomes of them while somebody chooses."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, get_args

from starlette.responses import Response

from kado.designs import wallet
from kado.designs.look import look_of
from kado.designs.theme import save_theme_of_program, theme_of_program
from kado.designs.wallet import card_colours
from kado.doors.console.look.drawing import AREAS, drawing, readings
from kado.doors.console.respond import problem_of, shown, to
from kado.doors.console.visit import Visit
from kado.errors import Invalid, Refusal
from kado.shops.save_theme import BadTheme
from kado.shops.theme.theme import Radius, Theme, members, theme_of
from kado.web import typed
from kado.web.typed import Fields

COLOURS: Final = ("primary", "primaryFg", "background", "surface", "foreground", "muted", "border")
"""Those that Kado's own pages and mails show, by the API's names. The others are for the merchant's own front end."""
FONTS: Final = ("", "Georgia, serif", '"Trebuchet MS", sans-serif', "Verdana, sans-serif", '"Courier New", monospace')
"""What every device has; the first one is the reader's own."""
RADII: Final = get_args(Radius)
_ASKED: Final = dict.fromkeys((*COLOURS, "fontFamily", "borderRadius"), "")


async def show(visit: Visit) -> Response:
    """The theme that holds; what the address says of it is only tried on."""
    fields = visit.request.query_params
    return await _page(visit, fields if any(name in fields for name in _ASKED) else {}, {})


async def save(visit: Visit) -> Response:
    """Keep it as the program's own, or show what it would look like where that was pressed."""
    fields = visit.fields
    if fields.get("try"):
        return await _page(visit, fields, {})
    held = await theme_of_program(visit.rooms.database, visit.program)
    try:
        await save_theme_of_program(visit.rooms.database, visit.caller, visit.program.id, _theme(fields, held.theme))
    except BadTheme as refusal:
        problems: dict[str, str] = {}
        for one in (one for one in refusal.issues if one.severity == "error"):
            problems |= problem_of(Invalid(("body", one.field), one.message, one.code), visit.language, _ASKED)
        return await _page(visit, fields, problems, refusal.status)
    except Refusal as refusal:
        return await _page(visit, fields, problem_of(refusal, visit.language, _ASKED), refusal.status)
    return to(f"{visit.home}/look/theme?saved=own")


async def give_back(visit: Visit) -> Response:
    """Do without a theme of the program's own."""
    await save_theme_of_program(visit.rooms.database, visit.caller, visit.program.id, None)
    return to(f"{visit.home}/look/theme?saved=shops")


def _theme(fields: Fields, held: Theme) -> Theme:
    """What was typed over what holds. Raises `Invalid`, which names the field."""
    said = {name: wallet.colour_of(name, typed.said(fields, name)) for name in COLOURS if typed.said(fields, name)}
    font, radius = typed.said(fields, "fontFamily"), typed.said(fields, "borderRadius")
    if font not in (*FONTS, held.font_family):
        raise Invalid(("body", "fontFamily"), "There is no such choice.", "not_offered")
    if radius not in RADII:
        raise Invalid(("body", "borderRadius"), "There is no such choice.", "not_offered")
    return theme_of({**members(held), **said, "fontFamily": font or None, "borderRadius": radius})


async def _page(visit: Visit, fields: Fields, problems: Mapping[str, str], status: int = 200) -> Response:
    held = await theme_of_program(visit.rooms.database, visit.program)
    theme = held.theme
    if fields:
        try:
            theme = _theme(fields, held.theme)
        except Invalid as refusal:
            problems = problems or problem_of(refusal, visit.language, _ASKED)
    look = await look_of(visit.rooms.database, visit.program)
    said = await wallet.said_of(visit.rooms.database, visit.program.id)
    card, on_card = card_colours(said, theme.primary, theme.primary_fg)
    worn = replace(look, card=card, on_card=on_card)
    facts: dict[str, Any] = {
        "theme": members(theme),
        "problems": problems,
        "colours": COLOURS,
        "fonts": [*FONTS, *([held.theme.font_family] if held.theme.font_family not in (None, *FONTS) else [])],
        "radii": RADII,
        "is_own": held.is_own,
        "readings": readings(theme, visit.language),
        "drawn": drawing(visit, worn, theme, label=on_card, logo_text=look.logo_text or look.program, strip=None),
        "saved": visit.asked_among("saved", ("own", "shops")),
        "is_tried": bool(fields.get("try")),
        "here": f"{visit.home}/look/theme",
    }
    return shown(visit, "look_theme.html", facts, here="look", areas=AREAS, status=status)
