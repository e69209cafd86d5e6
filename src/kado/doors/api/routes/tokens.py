"""Signing in: a password and a second factor for a token, who the token belongs to, and where else one is signed in."""

# ruff: noqa: N803 - parameter names are the names on the wire

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Request, Response

from kado.access import second_factor, sessions, sign_in, staff
from kado.access.caller import Caller
from kado.access.permissions import Permission
from kado.access.sign_in import Pending, SignedIn
from kado.access.store import Staff
from kado.doors.api import shown
from kado.doors.api.openapi import PUBLIC
from kado.doors.api.route import StrictRoute
from kado.doors.api.schemas.tokens import (
    EndedResponse,
    MfaCodeRequest,
    MfaConfirmRequest,
    MfaLoginVerifyRequest,
    MfaSetupResponse,
    OAuth2Token,
    RecoveryCodesResponse,
    SessionRead,
    UserRead,
)
from kado.doors.api.services import services_of
from kado.doors.api.types import PydanticObjectId
from kado.doors.api.visit import Person, by_person, came_from, with_permission
from kado.errors import Unauthenticated

router = APIRouter(prefix="/v2", tags=["Token"], route_class=StrictRoute)

Oneself = Annotated[Person, Depends(by_person(Permission.SELF_READ))]


@router.post("/token", name="login_for_access_token", response_model=OAuth2Token, openapi_extra=PUBLIC)
async def give_token(
    request: Request,
    username: Annotated[str, Form(max_length=320)],
    password: Annotated[str, Form(max_length=1024, json_schema_extra={"format": "password"})],
    grant_type: Annotated[str | None, Form(pattern="^password$")] = None,
    scope: Annotated[str, Form(max_length=1000)] = "",
    client_id: Annotated[str | None, Form(max_length=255)] = None,
    client_secret: Annotated[str | None, Form(max_length=1024)] = None,
) -> Response:
    """A bearer token for an hour, from a staff member's email and password; half of it where a second factor is due."""
    services = services_of(request)
    opened = await sign_in.with_password(services.database, services.keyring, username, password, came_from())
    return shown.json_response(_token(opened))


@router.post("/token/mfa-verify", name="verify_mfa_login", response_model=OAuth2Token, openapi_extra=PUBLIC)
async def verify_second_factor(request: Request, data: MfaLoginVerifyRequest) -> Response:
    """The other half: a code of the authenticator, or a recovery code, for a bearer token."""
    services = services_of(request)
    opened = await sign_in.with_code(services.database, services.keyring, data.pendingToken, data.code, came_from())
    return shown.json_response(_token(opened))


@router.get("/token", name="get_current_user", response_model=UserRead)
async def who_am_i(
    request: Request, caller: Annotated[Caller, Depends(with_permission(Permission.SELF_READ))]
) -> Response:
    """The person behind the token. A key is no person: 401."""
    found = None if caller.person_id is None else await staff.find(services_of(request).database, caller.person_id)
    if found is None:
        raise Unauthenticated("not_a_person", "This token belongs to a key, not to a person.")
    return shown.json_response(
        {
            "id": found.id,
            "email": found.email,
            "name": found.name,
            "emailVerified": None,
            "active": found.active,
            "admin": False,
            "image": None,
            "location": None,
            "website": None,
        }
    )


# ── the second factor ──────────────────────────────────────────────────────────────────────────────────────────────


@router.post("/token/mfa/setup", name="setup_mfa", response_model=MfaSetupResponse)
async def set_up(request: Request, person: Oneself) -> Response:
    """A new seed for one's authenticator. Nothing is asked for before it is confirmed."""
    services = services_of(request)
    secret, uri = await second_factor.set_up(services.database, services.keyring, await _account(request, person))
    return shown.json_response({"secret": secret, "otpUri": uri})


@router.post("/token/mfa/confirm", name="confirm_mfa", response_model=RecoveryCodesResponse)
async def confirm(request: Request, person: Oneself, data: MfaConfirmRequest) -> Response:
    """From now on a code is asked for at sign-in. One's other sign-ins end. The recovery codes are shown this once."""
    services, account = services_of(request), await _account(request, person)
    await sign_in.prove_password(services.database, services.keyring, account.email, data.password, came_from())
    codes = await second_factor.confirm(
        services.database, services.keyring, account, data.code, person.caller.sign_in_id
    )
    services.access.forget_person(person.id)
    return shown.json_response({"recoveryCodes": codes})


@router.post("/token/mfa/recovery-codes", name="renew_recovery_codes", response_model=RecoveryCodesResponse)
async def renew_recovery_codes(request: Request, person: Oneself, data: MfaCodeRequest) -> Response:
    """Ten new recovery codes, against a code; the old ones are good for nothing any more."""
    services = services_of(request)
    codes = await second_factor.renew_recovery_codes(
        services.database, services.keyring, await _account(request, person), data.code
    )
    return shown.json_response({"recoveryCodes": codes})


@router.post("/token/mfa/disable", name="disable_mfa", response_model=UserRead)
async def disable(request: Request, person: Oneself, data: MfaCodeRequest) -> Response:
    """Do without a second factor from now on, against a code."""
    services = services_of(request)
    await second_factor.disable(services.database, services.keyring, await _account(request, person), data.code)
    services.access.forget_person(person.id)
    return await who_am_i(request, person.caller)


# ── where one is signed in ─────────────────────────────────────────────────────────────────────────────────────────


@router.get("/token/sessions", name="list_own_sessions", response_model=list[SessionRead])
async def list_sessions(request: Request, person: Oneself) -> Response:
    """One's own sign-ins, newest first."""
    found = await sessions.list_open(services_of(request).database, person.caller.merchant_id, "staff", person.id)
    return shown.json_response([shown.session(one, person.caller.sign_in_id) for one in found])


@router.delete("/token/sessions", name="end_other_sessions", response_model=EndedResponse)
async def end_others(request: Request, person: Oneself) -> Response:
    """End all of one's sign-ins but this one; other processes follow within 30 seconds."""
    services, caller = services_of(request), person.caller
    ended = await sessions.end_all(
        services.database, caller.merchant_id, "staff", person.id, caller.subject, but=caller.sign_in_id
    )
    services.access.forget_person(person.id)
    return shown.json_response({"ended": ended})


@router.delete("/token/sessions/{sessionId}", name="end_own_session", response_model=EndedResponse)
async def end_session(request: Request, person: Oneself, sessionId: Annotated[PydanticObjectId, Path()]) -> Response:
    """End one of one's sign-ins, this one included: that is signing out."""
    services, caller = services_of(request), person.caller
    await sessions.end(services.database, caller.merchant_id, sessionId, caller.subject, "staff", person.id)
    services.access.forget_person(person.id)
    return shown.json_response({"ended": 1})


async def _account(request: Request, person: Person) -> Staff:
    found = await staff.find(services_of(request).database, person.id)
    assert found is not None, "accounts are never deleted"
    return found


def _token(opened: SignedIn | Pending) -> dict[str, object]:
    is_pending = isinstance(opened, Pending)
    return {
        "accessToken": None if is_pending else opened.token,
        "tokenType": "bearer",
        "mfaPending": is_pending,
        "pendingToken": opened.token if is_pending else None,
    }
