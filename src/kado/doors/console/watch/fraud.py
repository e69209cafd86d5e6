"""Fraud in a program: alerts, and addresses that are blocked."""

from typing import Any, Final

from starlette.responses import Response

from kado.cards.acknowledge_alert import Suspension, acknowledge_alert
from kado.doors.console.respond import problem_of, shown, to
from kado.doors.console.visit import Visit
from kado.doors.console.watch.rules import own_networks
from kado.errors import NotFound, Refusal
from kado.fraud import blocked, rules
from kado.fraud.alert import AlertStatus, Judgement, alert_not_found
from kado.fraud.alerts import list_alerts
from kado.ids import is_id
from kado.web import typed

TOGETHER: Final = 20
_ASKED: Final = {"ipAddress": "", "cidrRange": "", "reason": "", "notes": ""}
_DONE: Final = ("seen", "blocked", "unblocked")


async def show(visit: Visit) -> Response:
    """Alerts that nobody has looked at, or all; blocked addresses."""
    return await _fraud(visit, None)


async def acknowledge(visit: Visit) -> Response:
    """Somebody has looked; perhaps the card is paused with it."""
    rooms, fields = visit.rooms, visit.fields
    alert_id = _id(visit, "alert_id")
    judgement = Judgement(
        by=visit.caller.subject,
        notes=typed.words(fields, "notes", typed.WORDS_MAX),
        is_false_positive=typed.said(fields, "verdict") == "nothing",
    )
    suspension = Suspension() if typed.said(fields, "verdict") == "suspend" else None
    try:
        await acknowledge_alert(
            rooms.database, rooms.ledger, visit.caller, visit.program, alert_id, judgement, suspension
        )
    except NotFound:
        raise
    except Refusal as refusal:
        return await _fraud(visit, refusal)
    return to(f"{visit.home}/fraud?done=seen")


async def block(visit: Visit) -> Response:
    """Block an address, or the range that it lies in."""
    rooms, fields = visit.rooms, visit.fields
    try:
        wanted = blocked.Wanted(
            address=typed.needed(typed.line(fields, "ipAddress", typed.PLACE_MAX), "ipAddress"),
            cidr_range=typed.line(fields, "cidrRange", typed.PLACE_MAX),
            reason=typed.needed(typed.line(fields, "reason", typed.REASON_MAX), "reason"),
            is_permanent=typed.is_ticked(fields, "isPermanent"),
        )
        await blocked.block(
            rooms.database,
            visit.program.merchant_id,
            visit.caller.subject,
            visit.program.id,
            wanted,
            own_networks(visit),
        )
    except Refusal as refusal:
        return await _fraud(visit, refusal)
    finally:
        rooms.blocks.forget(visit.program.id)
    return to(f"{visit.home}/fraud?done=blocked#blocked")


async def unblock(visit: Visit) -> Response:
    """Lift a block."""
    rooms, address = visit.rooms, typed.said(visit.fields, "address")
    try:
        await blocked.unblock(
            rooms.database, visit.program.merchant_id, visit.caller.subject, visit.program.id, address
        )
    finally:
        rooms.blocks.forget(visit.program.id)
    return to(f"{visit.home}/fraud?done=unblocked#blocked")


async def _fraud(visit: Visit, refusal: Refusal | None) -> Response:
    rooms, program_id, start = visit.rooms, visit.program.id, visit.start
    is_all = visit.asked("all") == "yes"
    alerts, total = await list_alerts(
        rooms.reader,
        program_id,
        is_test=False,
        statuses=None if is_all else [AlertStatus.OPEN],
        limit=TOGETHER,
        offset=start,
    )
    facts: dict[str, Any] = {
        "alerts": alerts,
        "total": total,
        "is_all": is_all,
        "start": start,
        "newer": max(0, start - TOGETHER),
        "older": start + TOGETHER if total > start + TOGETHER else 0,
        "in_force": sum(one.is_active for one in await rules.list_rules(rooms.database, program_id)),
        "blocks": await blocked.list_blocks(rooms.database, program_id),
        "problems": {} if refusal is None else problem_of(refusal, visit.language, _ASKED),
        "typed": {name: visit.fields.get(name, "") for name in _ASKED},
        "done": visit.asked_among("done", _DONE),
    }
    status = 200 if refusal is None else refusal.status
    return shown(visit, "fraud.html", facts, here="fraud", areas=("console_watch",), status=status)


def _id(visit: Visit, name: str) -> str:
    """Raises `NotFound` for what is no id."""
    found = str(visit.request.path_params[name])
    if not is_id(found):
        raise alert_not_found()
    return found
