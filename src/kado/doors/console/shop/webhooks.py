"""Webhooks: endpoints that hear of events, and what became of what was sent to them."""

from typing import Any, Final

from starlette.responses import Response

from kado.cards.events import EventType
from kado.doors.console.page import ROOT
from kado.doors.console.respond import problem_of, shown, to
from kado.doors.console.visit import Visit
from kado.errors import MadeAlready, NotFound, Refusal
from kado.ids import is_id
from kado.web import typed
from kado.web.typed import Fields
from kado.webhooks import endpoints, history
from kado.webhooks.webhook import Wanted

WEBHOOKS: Final = f"{ROOT}/webhooks"
TOGETHER: Final = 25
_STATES: Final = ("queued", "delivered", "failed")
_DONE: Final = ("enabled", "disabled", "saved", "again", "made_before")
_URL_MAX: Final = 2083
_EVENTS: Final = [one.value for one in EventType]


async def show(visit: Visit) -> Response:
    """All endpoints, and a form for a new one."""
    return await _list(visit, {}, None)


async def add(visit: Visit) -> Response:
    """Name an endpoint. Its secret, which Kado makes, is shown this once."""
    rooms = visit.rooms
    try:
        wanted = _wanted(visit.fields)
        made, secret = await endpoints.create(
            rooms.database, rooms.keyring, rooms.poster, visit.caller, wanted, visit.fresh_id
        )
    except MadeAlready:
        return to(f"{WEBHOOKS}/{visit.fresh_id}?done=made_before")
    except Refusal as refusal:
        return await _list(visit, visit.fields, refusal)
    return await _one(visit, made.id, None, secret=secret or "")


async def show_one(visit: Visit) -> Response:
    """One of them, and what was sent to it."""
    return await _one(visit, _asked_for(visit), None)


async def save(visit: Visit) -> Response:
    """Another address, or other events."""
    rooms, webhook_id = visit.rooms, _asked_for(visit)
    try:
        wanted = _wanted(visit.fields)
        await endpoints.update(rooms.database, rooms.keyring, rooms.poster, visit.caller, webhook_id, wanted)
    except NotFound:
        raise
    except Refusal as refusal:
        return await _one(visit, webhook_id, refusal)
    return to(f"{WEBHOOKS}/{webhook_id}?done=saved")


async def enable(visit: Visit) -> Response:
    """Send a token; when it comes back, events are sent from now on."""
    rooms, webhook_id = visit.rooms, _asked_for(visit)
    try:
        await endpoints.enable(rooms.database, rooms.keyring, rooms.poster, visit.caller, webhook_id)
    except NotFound:
        raise
    except Refusal as refusal:
        return await _one(visit, webhook_id, refusal)
    return to(f"{WEBHOOKS}/{webhook_id}?done=enabled")


async def disable(visit: Visit) -> Response:
    """Send nothing more."""
    webhook_id = _asked_for(visit)
    await endpoints.disable(visit.rooms.database, visit.caller, webhook_id)
    return to(f"{WEBHOOKS}/{webhook_id}?done=disabled")


async def delete(visit: Visit) -> Response:
    """Forget the endpoint."""
    await endpoints.delete(visit.rooms.database, visit.caller, _asked_for(visit))
    return to(f"{WEBHOOKS}?done=deleted")


async def replay(visit: Visit) -> Response:
    """Send an event again."""
    webhook_id, delivery_id = _asked_for(visit), str(visit.request.path_params["delivery_id"])
    try:
        await history.send_again(visit.rooms.database, visit.caller, webhook_id, delivery_id)
    except NotFound:
        raise
    except Refusal as refusal:
        return await _one(visit, webhook_id, refusal)
    return to(f"{WEBHOOKS}/{webhook_id}?done=again")


async def _list(visit: Visit, fields: Fields, refusal: Refusal | None) -> Response:
    found, _ = await endpoints.list_endpoints(
        visit.rooms.database, visit.caller.merchant_id, is_test=False, limit=endpoints.MOST, offset=0
    )
    facts = {
        "found": found,
        "url": fields.get("url", ""),
        "events": _EVENTS,
        "heard": [one for one in _EVENTS if typed.is_ticked(fields, f"event:{one}")],
        "problems": _problems(visit, refusal),
        "done": visit.asked("done") == "deleted",
    }
    status = 200 if refusal is None else refusal.status
    return shown(visit, "webhooks.html", facts, here="webhooks", areas=("console_shop",), status=status)


async def _one(visit: Visit, webhook_id: str, refusal: Refusal | None, secret: str = "") -> Response:
    database, caller = visit.rooms.database, visit.caller
    state, start = visit.asked("state"), visit.start
    webhook = await endpoints.get(database, caller, webhook_id)
    state = state if state in _STATES else ""
    page = await history.list_deliveries(
        database, caller.merchant_id, webhook_id, state=state or None, limit=TOGETHER, offset=start
    )
    facts: dict[str, Any] = {
        "webhook": webhook,
        "secret": secret,
        "deliveries": page.found,
        "state": state,
        "states": _STATES,
        "start": start,
        "older": start + TOGETHER if page.total > start + TOGETHER else 0,
        "newer": max(0, start - TOGETHER),
        "events": _EVENTS,
        "others": [one for one in webhook.events if one not in _EVENTS],
        "problems": _problems(visit, refusal),
        "done": visit.asked_among("done", _DONE),
        "here_at": f"{WEBHOOKS}/{webhook.id}",
    }
    status = 200 if refusal is None else refusal.status
    return shown(visit, "webhook.html", facts, here="webhooks", areas=("console_cards", "console_shop"), status=status)


def _wanted(fields: Fields) -> Wanted:
    """What was typed of an endpoint. None of the events means all of them. Raises `Invalid`."""
    heard = [one for one in _EVENTS if typed.is_ticked(fields, f"event:{one}")]
    kept = typed.said(fields, "others").split()
    url = typed.needed(typed.line(fields, "url", _URL_MAX), "url")
    return Wanted(url=url, hears_all=not heard, events=[*heard, *kept])


def _problems(visit: Visit, refusal: Refusal | None) -> dict[str, str]:
    return {} if refusal is None else problem_of(refusal, visit.language, {"url": ""})


def _asked_for(visit: Visit) -> str:
    """The endpoint of the address. Raises `NotFound`."""
    webhook_id = str(visit.request.path_params["webhook_id"])
    if not is_id(webhook_id):
        raise endpoints.not_found()
    return webhook_id
