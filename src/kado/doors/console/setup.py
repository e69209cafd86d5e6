"""The first page of a fresh server: shop and owner, for who has the setup code. It is gone once there is a merchant."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Final
from zoneinfo import available_timezones

from starlette.requests import Request
from starlette.responses import Response

from kado import money
from kado.access import first_setup, sign_in
from kado.access.sign_in import SignedIn
from kado.audit.origin import origin
from kado.doors.console import cookie
from kado.doors.console.page import IN_PROGRAM, ROOT
from kado.doors.console.respond import in_words, plain, problem_of, to
from kado.doors.console.rooms import Rooms
from kado.doors.console.visit import SIGN_IN, STALE, language_of
from kado.errors import Forbidden, Refusal
from kado.fraud.defaults import begin_with_usual_rules
from kado.languages.choose import Language
from kado.languages.say import words
from kado.programs.create import create as create_program
from kado.programs.create import draft
from kado.programs.program import NewProgram
from kado.web import forms, typed

SETUP: Final = f"{ROOT}/setup"

_FIELDS: Final = ("code", "name", "email", "password", "currency", "timeZone")
_HOMES: Final = {
    Language.ENGLISH: ("GBP", "Europe/London"),
    Language.GERMAN: ("EUR", "Europe/Berlin"),
    Language.FRENCH: ("EUR", "Europe/Paris"),
    Language.SPANISH: ("EUR", "Europe/Madrid"),
    Language.DUTCH: ("EUR", "Europe/Amsterdam"),
}
"""What a reader of this language probably wants; all of it can be chosen."""


async def show(rooms: Rooms, request: Request) -> Response:
    """The form; the way to the sign-in where there is a shop already."""
    if not await first_setup.is_open(rooms.database):
        return to(SIGN_IN)
    currency, zone = _HOMES[language_of(request)]
    return _form(rooms, request, {"currency": currency, "timeZone": zone}, {})


async def begin(rooms: Rooms, request: Request) -> Response:
    """Merchant, owner and a first program; then on to how its cards look, signed in."""
    fields = await forms.fields_of(request)
    language = language_of(request)
    try:
        if not forms.is_own(rooms.keyring, SETUP, fields.get("form", "")):
            raise Forbidden(STALE, "This form was open for too long; nothing was done.")
        await first_setup.prove(rooms.database, rooms.keyring, typed.said(fields, "code"), origin().address or "")
        name = typed.needed(typed.line(fields, "name", typed.NAME_MAX), "name")
        new = program_of(fields, language)
        draft(new, datetime.now(UTC))  # before there is a shop: what is refused has changed nothing
        shop = await first_setup.open_shop(
            rooms.database, name, typed.said(fields, "email"), fields.get("password", "")
        )
        program = await create_program(
            rooms.database, shop.merchant_id, f"staff:{shop.owner_id}", new, begin_with_usual_rules
        )
        opened = await sign_in.with_password(
            rooms.database, rooms.keyring, fields.get("email", ""), fields.get("password", ""), origin().address or ""
        )
    except Refusal as refusal:
        if refusal.code == "already_set_up":
            return to(SIGN_IN)
        problems = problem_of(refusal, language, dict.fromkeys(_FIELDS, ""))
        if refusal.code == "wrong_setup_code":
            problems = {"code": in_words(refusal, language)}
        return _form(rooms, request, fields, problems, refusal.status)
    assert isinstance(opened, SignedIn), "a new owner has no second factor"
    response = to(f"{IN_PROGRAM.format(program_id=program.id)}/look?first=1")
    cookie.keep_token(response, rooms.settings, opened.token)
    return response


def program_of(fields: Mapping[str, str], language: Language) -> NewProgram:
    """The program that somebody begins with. Its cards follow the usual rules; all of them can be changed."""
    zone = typed.said(fields, "timeZone")
    return NewProgram(
        name=words("console_setup", language)["program_name"],
        currency=typed.said(fields, "currency"),
        requires_key=False,
        profile={"language": language.value, "timeZone": zone if zone in zones() else "UTC"},
    )


@cache
def zones() -> tuple[str, ...]:
    """Where people may live: places by their names."""
    return ("UTC", *sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/")))


def choices() -> dict[str, list[tuple[str, str]]]:
    """For the form: currencies and places."""
    return {
        "currencies": [(code, code) for code in money.codes()],
        "zones": [(name, name.replace("_", " ")) for name in zones()],
    }


def _form(
    rooms: Rooms, request: Request, fields: Mapping[str, str], problems: Mapping[str, str], status: int = 200
) -> Response:
    facts = {
        "typed": {name: value for name, value in fields.items() if name != "password"},
        "problems": problems,
        "token": forms.token_for(rooms.keyring, SETUP),
        **choices(),
    }
    return plain(request, "setup.html", facts, areas=("console_setup",), status=status)
