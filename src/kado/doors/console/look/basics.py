"""Name, colour and logo: what a first card needs, and the first page of the look."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from kado.designs import pictures, wallet
from kado.designs.look import look_of
from kado.designs.palette import contrast_text, readable
from kado.doors.console.look.drawing import AREAS, written
from kado.doors.console.respond import problem_of, shown, to
from kado.doors.console.visit import Visit
from kado.errors import Invalid, NotFound, Refusal
from kado.programs.program import ProgramChanges
from kado.programs.update import update as update_program
from kado.web import typed

_FIELDS: Final = ("name", "backgroundColor", "image")


async def show(visit: Visit) -> Response:
    """Name, colour and logo; a colour in the address is only tried on."""
    return await _page(visit, {}, {})


async def save(visit: Visit) -> Response:
    """Save them, and go on where this is the way to the first card."""
    rooms, program, fields = visit.rooms, visit.program, visit.fields
    try:
        name = typed.needed(typed.line(fields, "name", typed.NAME_MAX), "name")
        colour = wallet.colour_of("backgroundColor", typed.said(fields, "backgroundColor"))
        if visit.file:
            await pictures.save(rooms.database, visit.caller, program.id, "logo", "", visit.file)
        elif typed.is_ticked(fields, "noLogo"):
            await _without_logo(visit)
        said = {"backgroundColor": colour, "foregroundColor": readable("#ffffff", colour)}
        await wallet.say(rooms.database, visit.caller, program.id, said)
        await update_program(
            rooms.database,
            rooms.reaches,
            visit.caller.merchant_id,
            visit.caller.subject,
            program.id,
            ProgramChanges(name=name),
        )
    except Refusal as refusal:
        problems = problem_of(refusal, visit.language, dict.fromkeys(_FIELDS, ""))
        return await _page(visit, fields, problems, refusal.status)
    return to(f"{visit.home}/first-card" if fields.get("first") else f"{visit.home}/look?saved=1")


async def _without_logo(visit: Visit) -> None:
    try:
        await pictures.remove(visit.rooms.database, visit.caller, visit.program.id, "logo")
    except NotFound:
        return  # it is gone already


async def _page(visit: Visit, fields: Mapping[str, str], problems: Mapping[str, str], status: int = 200) -> Response:
    look = await look_of(visit.rooms.database, visit.program)
    try:
        colour = wallet.colour_of("backgroundColor", visit.asked("backgroundColor") or fields["backgroundColor"])
    except (Invalid, KeyError):
        colour = look.card
    on_it = readable("#ffffff", colour)
    facts: dict[str, Any] = {
        "typed": fields,
        "problems": problems,
        "look": look,
        "colour": colour,
        "on_colour": on_it,
        "contrast": written(contrast_text(colour, on_it), visit.language),
        "logo": None if look.logo is None else pictures.address(visit.program.id, look.logo),
        "art": pictures.address(visit.program.id, pictures.drawn(None, colour)),
        "is_first": bool(visit.asked("first") or fields.get("first")),
        "is_saved": bool(visit.asked("saved")),
        "here": f"{visit.home}/look",
    }
    return shown(visit, "look.html", facts, here="look", areas=AREAS, status=status)
