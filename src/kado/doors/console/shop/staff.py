"""The people who work for a merchant: who they are, what they may, where they are signed in."""

from typing import Any

from starlette.responses import Response

from kado.access import colleagues, pins, sessions, staff
from kado.access.permissions import SHOP_ROLES, Role
from kado.doors.console.page import ROOT
from kado.doors.console.respond import problem_of, shown, to
from kado.doors.console.shop.confirmed import confirmed
from kado.doors.console.visit import Visit
from kado.errors import Invalid, Refusal
from kado.ids import is_id
from kado.web import typed
from kado.web.typed import Fields

STAFF = f"{ROOT}/staff"
_DONE = ("added", "changed", "ended", "reset", "pin_taken", "let_in")
_ASKED = {"email": "", "password": "", "role": "", "name": "", "confirmation": ""}


async def show(visit: Visit) -> Response:
    """Everybody, and a form for somebody new."""
    return await _list(visit, {}, None)


async def add(visit: Visit) -> Response:
    """Somebody new, who signs in with the password that was typed."""
    rooms, fields = visit.rooms, visit.fields
    try:
        made = await colleagues.add(
            rooms.database,
            rooms.keyring,
            visit.person,
            email=typed.needed(typed.email(fields, "email"), "email"),
            password=fields.get("password", ""),
            role=_role(fields),
            name=typed.line(fields, "name", typed.NAME_MAX),
            is_confirmed=await confirmed(visit),
        )
    except Refusal as refusal:
        return await _list(visit, fields, refusal)
    return to(f"{STAFF}/{made}?done=added")


async def show_one(visit: Visit) -> Response:
    """One of them, with their sign-ins."""
    return await _one(visit, None)


async def change(visit: Visit) -> Response:
    """Another role, or the account closed or opened again."""
    rooms, staff_id = visit.rooms, asked_for(visit)
    try:
        await staff.change(
            rooms.database,
            visit.caller.merchant_id,
            staff_id,
            visit.caller.subject,
            role=_role(visit.fields) if typed.said(visit.fields, "role") else None,
            active={"yes": True, "no": False}.get(typed.said(visit.fields, "active")),
            is_confirmed=await confirmed(visit),
        )
    except Refusal as refusal:
        return await _one(visit, refusal)
    rooms.access.forget_person(staff_id)
    return to(f"{STAFF}/{staff_id}?done=changed")


async def end_sign_ins(visit: Visit) -> Response:
    """Sign them out everywhere."""
    rooms, staff_id = visit.rooms, asked_for(visit)
    await colleagues.end_sign_ins(rooms.database, visit.person, staff_id, visit.caller.subject)
    rooms.access.forget_person(staff_id)
    return to(f"{STAFF}/{staff_id}?done=ended")


async def reset_second_factor(visit: Visit) -> Response:
    """Forget the second factor of somebody who lost it."""
    rooms, staff_id = visit.rooms, asked_for(visit)
    try:
        await colleagues.reset_second_factor(rooms.database, visit.person, staff_id, visit.caller.subject)
    except Refusal as refusal:
        return await _one(visit, refusal)
    rooms.access.forget_person(staff_id)
    return to(f"{STAFF}/{staff_id}?done=reset")


async def _list(visit: Visit, fields: Fields, refusal: Refusal | None) -> Response:
    found = await staff.list_staff(visit.rooms.database, visit.caller.merchant_id)
    facts = {
        "pins": await pins.list_set(visit.rooms.database, visit.caller.merchant_id),
        "members": sorted(found, key=lambda one: not one.active),
        "roles": [one.value for one in SHOP_ROLES],
        "values": {name: fields.get(name, "") for name in ("email", "name", "role")},
        "problems": {} if refusal is None else problem_of(refusal, visit.language, _ASKED),
    }
    status = 200 if refusal is None else refusal.status
    return shown(visit, "staff.html", facts, here="staff", areas=("console_places", "console_shop"), status=status)


async def _one(visit: Visit, refusal: Refusal | None) -> Response:
    rooms, staff_id, merchant_id = visit.rooms, asked_for(visit), visit.caller.merchant_id
    facts: dict[str, Any] = {
        "member": await staff.get(rooms.database, merchant_id, staff_id),
        "open": await sessions.list_open(rooms.database, merchant_id, "staff", staff_id),
        "roles": [one.value for one in SHOP_ROLES],
        "is_oneself": staff_id == visit.person.id,
        "pin": await pins.state_of(rooms.database, rooms.keyring, merchant_id, staff_id),
        "done": visit.asked_among("done", _DONE),
        "problems": {} if refusal is None else problem_of(refusal, visit.language, _ASKED),
        "here_at": f"{STAFF}/{staff_id}",
    }
    status = 200 if refusal is None else refusal.status
    return shown(visit, "colleague.html", facts, here="staff", areas=("console_places", "console_shop"), status=status)


def _role(fields: Fields) -> Role:
    """Raises `Invalid` for what an owner can make nobody."""
    found = typed.said(fields, "role")
    if found not in {one.value for one in SHOP_ROLES}:
        raise Invalid(("body", "role"), "There is no such role.", "missing")
    return Role(found)


def asked_for(visit: Visit) -> str:
    """The person of the address. Raises `NotFound`."""
    staff_id = str(visit.request.path_params["staff_id"])
    if not is_id(staff_id):
        raise staff.not_found()
    return staff_id
