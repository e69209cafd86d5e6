"""Oneself: who one is, where one is signed in, and one's second factor."""

from typing import Any

from markupsafe import Markup
from starlette.responses import Response

from kado.access import pins, second_factor, sessions, sign_in, staff
from kado.audit.origin import origin
from kado.barcodes import qr_svg
from kado.doors.console.page import ROOT
from kado.doors.console.respond import problem_of, shown, to
from kado.doors.console.visit import SECOND_FACTOR, Visit
from kado.errors import Refusal
from kado.ids import is_id
from kado.web import typed

ACCOUNT = f"{ROOT}/account"
_URI_MAX = 1000
"""Longer than any that we make, and no more than a QR code holds."""


async def show(visit: Visit) -> Response:
    """The account."""
    return await _account(visit)


async def end_session(visit: Visit) -> Response:
    """End one of one's other sign-ins."""
    rooms, caller = visit.rooms, visit.caller
    session_id = str(visit.request.path_params["session_id"])
    if not is_id(session_id):
        raise sessions.not_found()
    await sessions.end(rooms.database, caller.merchant_id, session_id, caller.subject, "staff", visit.person.id)
    rooms.access.forget_person(visit.person.id)
    return to(ACCOUNT)


async def end_others(visit: Visit) -> Response:
    """End all of one's sign-ins but this one."""
    rooms, caller = visit.rooms, visit.caller
    await sessions.end_all(
        rooms.database, caller.merchant_id, "staff", visit.person.id, caller.subject, but=caller.sign_in_id
    )
    rooms.access.forget_person(visit.person.id)
    return to(ACCOUNT)


async def show_second_factor(visit: Visit) -> Response:
    """What there is of it, and how to begin."""
    return await _factor(visit, {})


async def begin(visit: Visit) -> Response:
    """A seed for the authenticator, to scan or to type."""
    seed, uri = await second_factor.set_up(visit.rooms.database, visit.rooms.keyring, visit.person)
    return await _factor(visit, {"seed": seed, "qr": _drawn(uri), "uri": uri})


async def confirm(visit: Visit) -> Response:
    """From now on it is asked for; the recovery codes, which are shown this once."""
    rooms, fields = visit.rooms, visit.fields
    try:
        await sign_in.prove_password(
            rooms.database, rooms.keyring, visit.person.email, fields.get("password", ""), origin().address or ""
        )
        codes = await second_factor.confirm(
            rooms.database, rooms.keyring, visit.person, typed.said(fields, "code"), visit.caller.sign_in_id
        )
    except Refusal as refusal:
        again = {"seed": fields.get("seed", ""), "qr": _drawn(fields.get("uri", "")), "uri": fields.get("uri", "")}
        return await _factor(visit, again, refusal)
    rooms.access.forget_person(visit.person.id)
    return await _factor(visit, {"codes": codes})


async def renew_codes(visit: Visit) -> Response:
    """Ten new recovery codes, against a code."""
    rooms = visit.rooms
    try:
        codes = await second_factor.renew_recovery_codes(
            rooms.database, rooms.keyring, visit.person, typed.said(visit.fields, "code")
        )
    except Refusal as refusal:
        return await _factor(visit, {}, refusal)
    return await _factor(visit, {"codes": codes})


async def disable(visit: Visit) -> Response:
    """Do without it from now on, against a code."""
    rooms = visit.rooms
    try:
        await second_factor.disable(rooms.database, rooms.keyring, visit.person, typed.said(visit.fields, "code"))
    except Refusal as refusal:
        return await _factor(visit, {}, refusal)
    rooms.access.forget_person(visit.person.id)
    return to(SECOND_FACTOR)


async def _account(visit: Visit) -> Response:
    rooms = visit.rooms
    found = await sessions.list_open(rooms.database, visit.caller.merchant_id, "staff", visit.person.id)
    member = await staff.get(rooms.database, visit.caller.merchant_id, visit.person.id)
    pin = await pins.state_of(rooms.database, rooms.keyring, visit.caller.merchant_id, visit.person.id)
    facts = {"open": found, "member": member, "current": visit.caller.sign_in_id, "pin": pin}
    return shown(visit, "account.html", facts, here="account", areas=("console_places",))


async def _factor(visit: Visit, facts: dict[str, Any], refusal: Refusal | None = None) -> Response:
    member = await staff.get(visit.rooms.database, visit.caller.merchant_id, visit.person.id)
    known: dict[str, Any] = {"seed": "", "qr": "", "uri": "", "codes": (), "member": member, "problems": {}, **facts}
    if refusal is not None:
        known["problems"] = problem_of(refusal, visit.language, {"code": "", "password": ""})
    status = 200 if refusal is None else refusal.status
    return shown(visit, "second_factor.html", known, here="account", status=status)


def _drawn(uri: str) -> Markup:
    is_ours = uri.startswith("otpauth://") and len(uri) <= _URI_MAX
    return Markup(qr_svg(uri)) if is_ours else Markup()  # noqa: S704 - drawn by us
