"""PINs for tills: one's own is set here, and a colleague's is taken away or taken again. None is ever shown."""

from typing import Any, Final

from starlette.responses import Response

from kado.access import pins
from kado.doors.console.page import ROOT
from kado.doors.console.respond import problem_of, shown, to
from kado.doors.console.shop.confirmed import confirmed
from kado.doors.console.shop.staff import STAFF, asked_for
from kado.doors.console.visit import Visit
from kado.errors import Invalid, Refusal
from kado.web import typed

OWN: Final = f"{ROOT}/account/pin"
_ASKED: Final = {"pin": "", "again": "", "confirmation": ""}
_PIN_MAX: Final = 8


async def show(visit: Visit) -> Response:
    """Whether one has a PIN, and a form for another one."""
    return await _own(visit, None)


async def set_own(visit: Visit) -> Response:
    """A PIN of one's own from now on."""
    rooms, fields = visit.rooms, visit.fields
    try:
        pin = typed.said(fields, "pin")
        if pin != typed.said(fields, "again"):
            raise Invalid(("body", "again"), "The two PINs are not the same.", "not_the_same")
        await pins.set_own(rooms.database, rooms.keyring, visit.person, pin, is_confirmed=await confirmed(visit))
    except Refusal as refusal:
        return await _own(visit, refusal)
    return to(f"{OWN}?done=set")


async def take_own(visit: Visit) -> Response:
    """Do without one from now on."""
    await pins.take_pin(visit.rooms.database, visit.caller.merchant_id, visit.person.id, visit.caller.subject)
    return to(f"{OWN}?done=taken")


async def take(visit: Visit) -> Response:
    """Take a colleague's PIN away."""
    staff_id = asked_for(visit)
    await pins.take_pin(visit.rooms.database, visit.caller.merchant_id, staff_id, visit.caller.subject)
    return to(f"{STAFF}/{staff_id}?done=pin_taken")


async def let_in(visit: Visit) -> Response:
    """Have a colleague's PIN taken again after too many wrong ones."""
    rooms, caller, staff_id = visit.rooms, visit.caller, asked_for(visit)
    await pins.let_in(rooms.database, rooms.keyring, caller.merchant_id, staff_id, caller.subject)
    return to(f"{STAFF}/{staff_id}?done=let_in")


async def _own(visit: Visit, refusal: Refusal | None) -> Response:
    rooms = visit.rooms
    facts: dict[str, Any] = {
        "pin": await pins.state_of(rooms.database, rooms.keyring, visit.caller.merchant_id, visit.person.id),
        "longest": _PIN_MAX,
        "problems": {} if refusal is None else problem_of(refusal, visit.language, _ASKED),
        "done": visit.asked_among("done", ("set", "taken")),
    }
    status = 200 if refusal is None else refusal.status
    return shown(visit, "pin.html", facts, here="account", areas=("console_places",), status=status)
