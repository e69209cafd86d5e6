"""The way from an empty program to a sold card: how its cards look, the first of them, a program for who has none."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from kado.designs import pictures, wallet
from kado.designs.look import look_of
from kado.designs.palette import contrast_text, readable
from kado.doors.console.cards import issue
from kado.doors.console.page import IN_PROGRAM
from kado.doors.console.respond import again, problem_of, shown, to
from kado.doors.console.setup import choices, program_of
from kado.doors.console.visit import Visit
from kado.errors import Invalid, NotFound, Refusal, Unavailable
from kado.fraud.defaults import begin_with_usual_rules
from kado.languages.choose import Language
from kado.programs.create import create as create_program
from kado.programs.program import ProgramChanges
from kado.programs.update import update as update_program
from kado.web import typed

_AREAS: Final = ("console_cards", "console_actions", "console_setup")
_LOOK_FIELDS: Final = ("name", "backgroundColor", "image")
_CARD_FIELDS: Final = ("initialValue", "customerName", "customerEmail")


async def open_program(visit: Visit) -> Response:
    """A first program, for who owns a merchant without one; then on to its look."""
    new = program_of(visit.fields, visit.language)
    program = await create_program(
        visit.rooms.database, visit.caller.merchant_id, visit.caller.subject, new, begin_with_usual_rules
    )
    return to(f"{IN_PROGRAM.format(program_id=program.id)}/look?first=1")


async def show_look(visit: Visit) -> Response:
    """Name, colour and logo; a colour in the address is only tried on."""
    return await _look(visit, {}, {})


async def save_look(visit: Visit) -> Response:
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
        problems = problem_of(refusal, visit.language, dict.fromkeys(_LOOK_FIELDS, ""))
        return await _look(visit, fields, problems, refusal.status)
    return to(f"{visit.home}/first-card" if fields.get("first") else f"{visit.home}/look?saved=1")


async def show_first_card(visit: Visit) -> Response:
    """Value and receiver, and nothing else."""
    return _first_card(visit, {}, {})


async def sell_first_card(visit: Visit) -> Response:
    """Issue the card and put its value on it."""
    try:
        return await issue.sold(visit, await issue.issue_of(visit))
    except Unavailable as refusal:
        return again(visit, refusal)
    except Refusal as refusal:
        problems = problem_of(refusal, visit.language, dict.fromkeys(_CARD_FIELDS, ""))
        return _first_card(visit, visit.fields, problems, refusal.status)


async def _without_logo(visit: Visit) -> None:
    try:
        await pictures.remove(visit.rooms.database, visit.caller, visit.program.id, "logo")
    except NotFound:
        return  # it is gone already


async def _look(visit: Visit, fields: Mapping[str, str], problems: Mapping[str, str], status: int = 200) -> Response:
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
        "contrast": _written(contrast_text(colour, on_it), visit.language),
        "logo": None if look.logo is None else pictures.address(visit.program.id, look.logo),
        "art": pictures.address(visit.program.id, pictures.drawn(None, colour)),
        "is_first": bool(visit.asked("first") or fields.get("first")),
        "is_saved": bool(visit.asked("saved")),
        "here": f"{visit.home}/look",
    }
    return shown(visit, "look.html", facts, here="look", areas=_AREAS, status=status)


def _written(number: str, language: Language) -> str:
    """A decimal as the language writes it."""
    return number if language is Language.ENGLISH else number.replace(".", ",")


def _first_card(visit: Visit, fields: Mapping[str, str], problems: Mapping[str, str], status: int = 200) -> Response:
    facts = {
        "typed": fields,
        "problems": problems,
        "least": visit.program.min_initial_value,
        "most": visit.program.max_initial_value,
        "here": f"{visit.home}/first-card",
    }
    return shown(visit, "first_card.html", facts, here="issue", areas=_AREAS, status=status)


def no_program(visit: Visit) -> Response:
    """What somebody sees who can go to no program."""
    return shown(visit, "no_program.html", choices(), here="overview", areas=("console_setup",))
