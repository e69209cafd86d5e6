"""The people who work for a merchant, and where they are signed in."""

# ruff: noqa: N803 - parameter names are the names on the wire

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from kado import clock
from kado.access import colleagues, sessions, staff
from kado.access.caller import Caller
from kado.access.permissions import Permission, Role
from kado.access.staff_store import Member
from kado.access.store import Staff
from kado.doors.api import shown
from kado.doors.api.route import StrictRoute
from kado.doors.api.schemas.tokens import EndedResponse, SessionRead, StaffCreate, StaffRead, StaffUpdate
from kado.doors.api.services import services_of
from kado.doors.api.types import PydanticObjectId
from kado.doors.api.visit import Person, by_person, came_from, with_permission

router = APIRouter(prefix="/v2/staff", tags=["Staff"], route_class=StrictRoute)

Reader = Annotated[Caller, Depends(with_permission(Permission.STAFF_READ))]
Owner = Annotated[Person, Depends(by_person(Permission.STAFF_WRITE))]
StaffId = Annotated[PydanticObjectId, Path()]


@router.get("", name="list_staff", response_model=list[StaffRead])
async def list_all(request: Request, caller: Reader) -> Response:
    """Everybody who works or worked for the merchant, oldest account first."""
    found = await staff.list_staff(services_of(request).database, caller.merchant_id)
    return shown.json_response([_shown(one) for one in found])


@router.post("", name="add_staff", response_model=StaffRead, status_code=201)
async def add(request: Request, owner: Owner, data: StaffCreate) -> Response:
    """Somebody new, who signs in with this password; an owner or a manager only with `confirmation`."""
    services, account = services_of(request), await _account(request, owner.id)
    database, keyring = services.database, services.keyring
    made = await colleagues.add(
        database,
        keyring,
        account,
        email=data.email,
        password=data.password,
        role=Role(data.role),
        name=data.name,
        is_confirmed=await colleagues.confirm(database, keyring, account, data.confirmation, came_from()),
    )
    return shown.json_response(_shown(await staff.get(database, account.merchant_id, made)), status=201)


@router.put("/{staffId}", name="update_staff", response_model=StaffRead)
async def update(request: Request, owner: Owner, staffId: StaffId, data: StaffUpdate) -> Response:
    """Another role, or the account closed or opened again; more power only with `confirmation`. The last owner stays
    one."""
    services, caller, account = services_of(request), owner.caller, await _account(request, owner.id)
    changed = await staff.change(
        services.database,
        caller.merchant_id,
        staffId,
        caller.subject,
        role=None if data.role is None else Role(data.role),
        active=data.active,
        is_confirmed=await colleagues.confirm(
            services.database, services.keyring, account, data.confirmation, came_from()
        ),
    )
    services.access.forget_person(staffId)
    return shown.json_response(_shown(changed))


@router.delete("/{staffId}/mfa", name="reset_staff_mfa", response_model=StaffRead)
async def reset_second_factor(request: Request, owner: Owner, staffId: StaffId) -> Response:
    """Forget the second factor of somebody who lost it, and end their sign-ins; one's own takes a code, not this."""
    services, caller = services_of(request), owner.caller
    account = await _account(request, owner.id)
    await colleagues.reset_second_factor(services.database, account, staffId, caller.subject)
    services.access.forget_person(staffId)
    return shown.json_response(_shown(await staff.get(services.database, caller.merchant_id, staffId)))


@router.get("/{staffId}/sessions", name="list_staff_sessions", response_model=list[SessionRead])
async def list_sessions(request: Request, caller: Reader, staffId: StaffId) -> Response:
    """Where this person is signed in, newest first."""
    database = services_of(request).database
    await staff.get(database, caller.merchant_id, staffId)
    found = await sessions.list_open(database, caller.merchant_id, "staff", staffId)
    return shown.json_response([shown.session(one, caller.sign_in_id) for one in found])


@router.delete("/{staffId}/sessions", name="end_staff_sessions", response_model=EndedResponse)
async def end_sessions(request: Request, owner: Owner, staffId: StaffId) -> Response:
    """Sign this person out everywhere; other processes follow within 30 seconds."""
    services, caller = services_of(request), owner.caller
    account = await _account(request, owner.id)
    ended = await colleagues.end_sign_ins(services.database, account, staffId, caller.subject)
    services.access.forget_person(staffId)
    return shown.json_response({"ended": ended})


@router.delete("/{staffId}/sessions/{sessionId}", name="end_staff_session", response_model=EndedResponse)
async def end_session(
    request: Request, owner: Owner, staffId: StaffId, sessionId: Annotated[PydanticObjectId, Path()]
) -> Response:
    """End one sign-in of this person."""
    services, caller = services_of(request), owner.caller
    await sessions.end(services.database, caller.merchant_id, sessionId, caller.subject, "staff", staffId)
    services.access.forget_person(staffId)
    return shown.json_response({"ended": 1})


async def _account(request: Request, staff_id: str) -> Staff:
    found = await staff.find(services_of(request).database, staff_id)
    assert found is not None, "accounts are never deleted"
    return found


def _shown(member: Member) -> dict[str, object]:
    return {
        "id": member.id,
        "email": member.email,
        "name": member.name,
        "role": member.role.value,
        "active": member.active,
        "secondFactor": member.has_second_factor,
        "createdAt": clock.text(member.created_at),
    }
