"""The people behind cards: found by what they are known by, their cards, a copy of what is known, being forgotten.

Who is meant is typed into a form and never part of an address.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from starlette.responses import Response

from kado.access.caller import Customer
from kado.access.permissions import Permission
from kado.cards.find import Found
from kado.cards.lists import Wanted, list_cards
from kado.doors.console.page import IN_PROGRAM, ROOT
from kado.doors.console.respond import problem_of, shown
from kado.doors.console.visit import Visit
from kado.errors import Invalid, NotFound, Refusal
from kado.languages import tell as told
from kado.people.consent import Consent, find_consent
from kado.people.erase import erase
from kado.people.export import Format, lines, open_export, request_export
from kado.people.person import Asked, Person, controller_of, find_person
from kado.programs.find import list_owned
from kado.programs.program import Program
from kado.web import typed
from kado.web.streamed import Streamed

PEOPLE: Final = f"{ROOT}/people"

_AREAS: Final = ("console_cards", "console_people")
_FIELDS: Final = ("customerEmail", "customerPhone")
_CARDS_MAX: Final = 100
_REASON_MAX: Final = 1000
_ERASING_SECONDS: Final = 5
"""A request works on an erasure for so long; the worker goes on with what is left."""
_TYPES: Final[Mapping[Format, str]] = {"json": "application/json", "csv": "text/csv; charset=utf-8; header=present"}


async def show(visit: Visit) -> Response:
    """The form."""
    return shown(visit, "people.html", {"typed": {}, "problems": {}}, here="people", areas=_AREAS)


async def find(visit: Visit) -> Response:
    """The person, with their cards."""
    try:
        return await _person(visit, _asked(visit))
    except Refusal as refusal:
        problems = problem_of(refusal, visit.language, dict.fromkeys(_FIELDS, ""))
        facts = {"typed": visit.fields, "problems": problems}
        return shown(visit, "people.html", facts, here="people", areas=_AREAS, status=refusal.status)


async def export(visit: Visit) -> Response:
    """Everything that is known of the person, as a file."""
    rooms, controller, asked = visit.rooms, controller_of(visit.caller), _asked(visit)
    wanted: Format = "csv" if typed.said(visit.fields, "format") == "csv" else "json"
    made = await request_export(rooms.database, rooms.keyring, controller, asked, wanted)
    person = await open_export(rooms.database, rooms.keyring, controller, made.id, wanted, asked)
    return Streamed(lines(rooms.database, controller, person, wanted), _TYPES[wanted], f"person-{made.id}.{wanted}")


async def forget(visit: Visit) -> Response:
    """Forget the person, once that was confirmed."""
    rooms, asked = visit.rooms, _asked(visit)
    reason = typed.words(visit.fields, "reason", _REASON_MAX)
    if not visit.fields.get("sure"):
        facts = {"asked": asked, "reason": reason, "key": visit.fields["form"], "hidden": _hidden(visit)}
        return shown(visit, "person_forget.html", facts, here="people", areas=_AREAS)
    done = await erase(
        rooms.database,
        rooms.keyring,
        controller_of(visit.caller),
        asked,
        reason,
        seconds=_ERASING_SECONDS,
    )
    if done.person.customer_id is not None:
        rooms.customers.forget(done.person.customer_id)
    told_of = {"cards": len(done.card_ids), "is_done": done.completed_at is not None}
    return shown(visit, "person_forgotten.html", told_of, here="people", areas=_AREAS)


def _asked(visit: Visit) -> Asked:
    """Who is meant. Raises `Invalid` where nothing was said."""
    email, phone = typed.email(visit.fields, "customerEmail"), typed.phone(visit.fields, "customerPhone")
    if email is None and phone is None:
        raise Invalid(("body", "customerEmail"), "Say who is meant.", "missing")
    return Asked(None, None if email is None else email.lower(), phone)


def _hidden(visit: Visit) -> dict[str, str]:
    return {name: visit.fields[name] for name in _FIELDS if visit.fields.get(name)}


async def _person(visit: Visit, asked: Asked) -> Response:
    rooms, controller = visit.rooms, controller_of(visit.caller)
    async with rooms.database.read() as connection:
        person = await find_person(connection, controller, asked)
    consent: Consent | None = None
    with suppress(NotFound):  # nothing was ever said
        consent = await find_consent(rooms.database, controller, asked)
    programs = await list_owned(rooms.database, visit.caller.merchant_id)
    cards = await _cards(visit, person, programs) if Permission.CARDS_LIST in visit.caller.permissions else []
    facts: dict[str, Any] = {
        "person": person,
        "consent": consent,
        "cards": [_row(visit, one, programs) for one in cards],
        "hidden": _hidden(visit),
    }
    return shown(visit, "person.html", facts, here="people", areas=_AREAS)


async def _cards(visit: Visit, person: Person, programs: list[Program]) -> list[Found]:
    customer = Customer(person.customer_id or "", person.email, person.phone, person.name)
    wanted = Wanted(is_test=False, limit=_CARDS_MAX, customer=customer)
    ids = [program.id for program in programs]
    return (await list_cards(visit.rooms.reader, visit.rooms.keyring, ids, wanted)).found if ids else []


def _row(visit: Visit, found: Found, programs: list[Program]) -> dict[str, str]:
    card = found.card
    program = next(one for one in programs if one.id == card.program_id)
    return {
        "address": f"{IN_PROGRAM.format(program_id=program.id)}/cards/{card.id}",
        "last_four": card.last_four,
        "status": card.status_at(found.now).value,
        "balance": told.money(card.balance, program.currency, visit.language),
        "program": program.name,
    }
