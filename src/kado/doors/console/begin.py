"""The way to a sold card: a program for who has none, and its first card."""

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from kado.doors.console.cards import issue
from kado.doors.console.page import IN_PROGRAM
from kado.doors.console.respond import again, problem_of, shown, to
from kado.doors.console.setup import choices, program_of
from kado.doors.console.visit import Visit
from kado.errors import Refusal, Unavailable
from kado.fraud.defaults import begin_with_usual_rules
from kado.programs.create import create as create_program

_AREAS: Final = ("console_cards", "console_actions", "console_setup")
_CARD_FIELDS: Final = ("initialValue", "customerName", "customerEmail")


async def open_program(visit: Visit) -> Response:
    """A first program, for who owns a merchant without one; then on to its look."""
    new = program_of(visit.fields, visit.language)
    program = await create_program(
        visit.rooms.database, visit.caller.merchant_id, visit.caller.subject, new, begin_with_usual_rules
    )
    return to(f"{IN_PROGRAM.format(program_id=program.id)}/look?first=1")


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
