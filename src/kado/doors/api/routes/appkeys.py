"""Keys over the API: a person makes, lists and revokes those of their merchant."""

# ruff: noqa: N803 - parameter names are the names on the wire

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Request, Response

from kado import clock
from kado.access import keys
from kado.access.caller import Caller
from kado.access.keys import Key
from kado.access.permissions import Permission, Role
from kado.doors.api import shown
from kado.doors.api.route import StrictRoute
from kado.doors.api.schemas.tokens import AppKeyCreate, AppKeyRead, NewAppKey
from kado.doors.api.services import Services, services_of
from kado.doors.api.types import PydanticObjectId
from kado.doors.api.visit import Person, by_person, with_permission

router = APIRouter(prefix="/v2/appkeys", tags=["Token"], route_class=StrictRoute)

Owner = Annotated[Person, Depends(by_person(Permission.KEYS_WRITE))]

# What the API calls `expires` is a number, and nobody says of what. No life that a key can have is as large as any
# moment that is still to come, so that both can be told apart.
_MOMENTS_FROM: Final = 1_000_000_000


@router.post("", name="create_app_key", response_model=NewAppKey)
async def create(request: Request, owner: Owner, data: AppKeyCreate) -> Response:
    """A key of the merchant's. Its token is shown this once.

    `fullAccess` is all that an owner may do; without it, and without a `role`, a till's rights. `scopes` narrow that
    further, and with `allowedTemplates` the key enters only these programs. `expires` is a life in seconds, or a moment
    in seconds since 1970.
    """
    services, caller = services_of(request), owner.caller
    for program_id in data.allowedTemplates or ():
        await services.reaches.reach(program_id, caller.merchant_id)
    role = Role(data.role) if data.role is not None else Role.OWNER if data.fullAccess else Role.CASHIER
    made = await keys.create_key(
        services.database,
        caller.merchant_id,
        caller.subject,
        role=role,
        scopes=data.scopes or (),
        name=data.name,
        life=await _life(services, data.expires),
        programs=data.allowedTemplates,
    )
    expires = clock.text_or_none(made.expires_at)
    return shown.json_response({"id": made.key_id, "token": made.secret, "expires": expires})


@router.get("", name="list_app_keys", response_model=list[AppKeyRead])
async def list_all(
    request: Request, caller: Annotated[Caller, Depends(with_permission(Permission.KEYS_READ))]
) -> Response:
    """The merchant's keys of all sorts, revoked ones too, oldest first."""
    found = await keys.list_keys(services_of(request).database, caller.merchant_id)
    return shown.json_response([_shown(one) for one in found])


@router.delete("/{keyId}", name="revoke_app_key", response_model=AppKeyRead)
async def revoke(request: Request, owner: Owner, keyId: Annotated[PydanticObjectId, Path()]) -> Response:
    """Revoke a key of any sort; every process refuses it within 30 seconds."""
    services, caller = services_of(request), owner.caller
    await keys.revoke(services.database, keyId, caller.subject, caller.merchant_id)
    services.access.forget_key(keyId)
    found = await keys.list_keys(services.database, caller.merchant_id)
    return shown.json_response(_shown(next(one for one in found if one.id == keyId)))


async def _life(services: Services, expires: int | None) -> timedelta | None:
    if expires is None or expires < _MOMENTS_FROM:
        return None if expires is None else timedelta(seconds=expires)
    return await keys.life_until(services.database, datetime.fromtimestamp(expires, UTC))


def _shown(key: Key) -> dict[str, object]:
    return {
        "id": key.id,
        "kind": key.kind,
        "name": key.name,
        "role": None if key.role is None else key.role.value,
        "scopes": list(key.scopes),
        "allowedTemplates": None if key.programs is None else list(key.programs),
        "createdAt": clock.text(key.created_at),
        "expires": clock.text_or_none(key.expires_at),
        "revokedAt": clock.text_or_none(key.revoked_at),
    }
