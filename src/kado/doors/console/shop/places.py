"""Places and tills: which devices are tills and where they stand, the code that makes another, and the end of one."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final

from markupsafe import Markup
from starlette.responses import Response

from kado.access import staff, terminals
from kado.access.device_store import Device
from kado.access.till_store import Place
from kado.barcodes import qr_svg
from kado.doors.console.page import ROOT
from kado.doors.console.respond import problem_of, shown, to
from kado.doors.console.visit import Visit
from kado.errors import MadeAlready, NotFound, Refusal
from kado.shops.find import list_shops
from kado.shops.settings import choose_program as choose
from kado.web import typed
from kado.web.typed import Fields

PLACES: Final = f"{ROOT}/places"
TOGETHER: Final = 50
_ASKED: Final = {"name": "", "location": "", "program": "", "idleMinutes": ""}
_DONE: Final = ("changed", "revoked", "code_before", "program")
_AREAS: Final = ("console_places",)
_TEXT_MAX: Final = 100


async def show(visit: Visit) -> Response:
    """Devices by where they stand, and a form for a code that makes another one."""
    return await _list(visit, {}, None)


async def make_code(visit: Visit) -> Response:
    """A code that makes one device a till, which is shown this once."""
    rooms, caller, fields = visit.rooms, visit.caller, visit.fields
    try:
        place = Place(typed.said(fields, "program"), *_named(fields), _minutes(fields) or terminals.IDLE_MINUTES)
        made = await terminals.make_code(rooms.database, caller.merchant_id, place, caller.subject, visit.wish)
    except MadeAlready:
        return to(f"{PLACES}?done=code_before")
    except Refusal as refusal:
        return await _list(visit, fields, refusal)
    till = f"{rooms.settings.public_url.rstrip('/')}/pos"
    facts = {
        "made": made,
        "place": place,
        "till": till,
        "qr": Markup(qr_svg(till)),  # noqa: S704 - drawn by us
        "names": _names_of_programs(visit),
    }
    return shown(visit, "place_code.html", facts, here="places", areas=_AREAS)


async def show_one(visit: Visit) -> Response:
    """One device."""
    return await _one(visit, None)


async def change(visit: Visit) -> Response:
    """Call it something else, or say that it stands elsewhere."""
    rooms, caller, terminal_id = visit.rooms, visit.caller, _asked_for(visit)
    try:
        name, location = _named(visit.fields)
        await terminals.change(
            rooms.database,
            caller.merchant_id,
            terminal_id,
            caller.subject,
            name=name,
            location=location,
            idle_minutes=_minutes(visit.fields),
        )
    except NotFound:
        raise
    except Refusal as refusal:
        return await _one(visit, refusal)
    return to(f"{PLACES}/{terminal_id}?done=changed")


async def show_revoke(visit: Visit) -> Response:
    """What it means that a device is a till no more."""
    facts = {"one": await _device(visit), "names": _names_of_programs(visit)}
    return shown(visit, "place_revoke.html", facts, here="places", areas=_AREAS)


async def revoke(visit: Visit) -> Response:
    """It is a till no more, at once."""
    rooms, caller = visit.rooms, visit.caller
    await terminals.revoke(rooms.database, caller.merchant_id, _asked_for(visit), caller.subject)
    return to(f"{PLACES}?done=revoked")


async def choose_program(visit: Visit) -> Response:
    """Sell cards of another program at a location of a till platform."""
    rooms, caller, fields = visit.rooms, visit.caller, visit.fields
    await choose(
        rooms.database,
        rooms.reaches,
        caller.merchant_id,
        caller.subject,
        str(visit.request.path_params["shop_id"]),
        fields.get("location", ""),
        typed.said(fields, "program") or None,
    )
    return to(f"{PLACES}?done=program#platforms")


async def _list(visit: Visit, fields: Fields, refusal: Refusal | None) -> Response:
    rooms, merchant_id = visit.rooms, visit.caller.merchant_id
    is_revoked, text, start = visit.asked("state") == "revoked", visit.asked("q").strip()[:_TEXT_MAX], visit.start
    found, has_older = await terminals.find_devices(
        rooms.database, merchant_id, text, is_revoked=is_revoked, limit=TOGETHER, offset=start
    )
    facts: dict[str, Any] = {
        "groups": _by_place(found),
        "is_revoked": is_revoked,
        "q": text,
        "start": start,
        "newer": max(0, start - TOGETHER),
        "older": start + TOGETHER if has_older else 0,
        "names": _names_of_programs(visit),
        "people": await _names_of_people(visit),
        "shops": [] if is_revoked else await list_shops(rooms.database, merchant_id),
        "known": await terminals.list_locations(rooms.database, merchant_id),
        "values": {name: fields.get(name, "") for name in _ASKED},
        "minutes": terminals.IDLE_MINUTES,
        "problems": {} if refusal is None else problem_of(refusal, visit.language, _ASKED),
        "done": visit.asked_among("done", _DONE),
    }
    status = 200 if refusal is None else refusal.status
    return shown(visit, "places.html", facts, here="places", areas=_AREAS, status=status)


async def _one(visit: Visit, refusal: Refusal | None) -> Response:
    one = await _device(visit)
    of_it = one.terminal
    values = {"name": of_it.name, "location": of_it.location, "idleMinutes": str(of_it.idle_minutes)}
    facts: dict[str, Any] = {
        "one": one,
        "names": _names_of_programs(visit),
        "people": await _names_of_people(visit),
        "known": await terminals.list_locations(visit.rooms.database, visit.caller.merchant_id),
        "values": values if refusal is None else {name: visit.fields.get(name, "") for name in values},
        "problems": {} if refusal is None else problem_of(refusal, visit.language, _ASKED),
        "done": visit.asked_among("done", ("changed",)),
    }
    status = 200 if refusal is None else refusal.status
    return shown(visit, "place.html", facts, here="places", areas=_AREAS, status=status)


def _by_place(found: Sequence[Device]) -> list[tuple[str, list[Device]]]:
    """Devices, which come in the order of their places, under the name of each place."""
    return [(place, list(devices)) for place, devices in groupby(found, lambda one: one.terminal.location)]


def _named(fields: Fields) -> tuple[str, str]:
    """Name and place as they were typed. Raises `Invalid`."""
    name, location = (typed.needed(typed.line(fields, one, _TEXT_MAX), one) for one in ("name", "location"))
    return name, location


def _minutes(fields: Fields) -> int | None:
    return typed.whole(fields, "idleMinutes", 1, terminals.IDLE_MINUTES_MAX)


def _names_of_programs(visit: Visit) -> dict[str, str]:
    return {one.id: one.name for one in visit.programs}


async def _names_of_people(visit: Visit) -> dict[str, str]:
    """By what stands in the log for them."""
    found = await staff.list_staff(visit.rooms.database, visit.caller.merchant_id)
    return {f"staff:{one.id}": one.name or one.email for one in found}


async def _device(visit: Visit) -> Device:
    return await terminals.get(visit.rooms.database, visit.caller.merchant_id, _asked_for(visit))


def _asked_for(visit: Visit) -> str:
    return str(visit.request.path_params["terminal_id"])
