"""Keys of tills and sites. A new one is shown this once."""

from datetime import timedelta
from typing import Any, Final

from starlette.responses import Response

from kado.access import keys
from kado.access.keys import NewKey
from kado.access.permissions import OF_KEYS, SHOP_ROLES, Permission, Role
from kado.doors.console.page import ROOT
from kado.doors.console.respond import problem_of, shown, to
from kado.doors.console.visit import Visit
from kado.errors import MadeAlready, Refusal
from kado.ids import is_id
from kado.web import typed
from kado.web.typed import Fields

KEYS: Final = f"{ROOT}/keys"
_ASKED: Final = {"name": "", "role": "", "days": "", "scopes": "", "programs": ""}
_DONE: Final = ("revoked", "made_before")
_SCOPES: Final = sorted(one.value for one in OF_KEYS[Role.OWNER])


async def show(visit: Visit) -> Response:
    """All keys, and a form for a new one."""
    return await _list(visit, {}, None)


async def make(visit: Visit) -> Response:
    """A key, which is shown now and never again."""
    rooms, caller, fields = visit.rooms, visit.caller, visit.fields
    try:
        chosen = [one.id for one in visit.programs if typed.is_ticked(fields, f"program:{one.id}")]
        for program_id in chosen:
            await rooms.reaches.reach(program_id, caller.merchant_id)
        days = typed.whole(fields, "days", 1, keys.LIFE_MAX.days)
        made = await keys.create_key(
            rooms.database,
            caller.merchant_id,
            caller.subject,
            role=Role(found) if (found := typed.said(fields, "role")) in set(SHOP_ROLES) else Role.CASHIER,
            scopes=[Permission(one) for one in _SCOPES if typed.is_ticked(fields, f"scope:{one}")],
            name=typed.needed(typed.line(fields, "name", typed.NAME_MAX), "name"),
            life=None if days is None else timedelta(days=days),
            programs=chosen or None,
            key_id=visit.fresh_id,
        )
    except MadeAlready:
        return to(f"{KEYS}?done=made_before")
    except Refusal as refusal:
        return await _list(visit, fields, refusal)
    return await _list(visit, {}, None, made)


async def revoke(visit: Visit) -> Response:
    """End a key. Raises `NotFound`."""
    rooms, key_id = visit.rooms, str(visit.request.path_params["key_id"])
    if not is_id(key_id):
        raise keys.not_found()
    await keys.revoke(rooms.database, key_id, visit.caller.subject, visit.caller.merchant_id)
    rooms.access.forget_key(key_id)
    return to(f"{KEYS}?done=revoked")


async def _list(visit: Visit, fields: Fields, refusal: Refusal | None, made: NewKey | None = None) -> Response:
    found = await keys.list_keys(visit.rooms.database, visit.caller.merchant_id)
    newest = list(reversed(found))
    facts: dict[str, Any] = {
        "found": sorted(newest, key=lambda one: one.revoked_at is not None),
        "made": made,
        "roles": [one.value for one in SHOP_ROLES],
        "scopes": _SCOPES,
        "values": fields,
        "names": {one.id: one.name for one in visit.programs},
        "problems": {} if refusal is None else problem_of(refusal, visit.language, _ASKED),
        "done": visit.asked_among("done", _DONE),
    }
    status = 200 if refusal is None else refusal.status
    return shown(visit, "keys.html", facts, here="keys", areas=("console_shop",), status=status)
