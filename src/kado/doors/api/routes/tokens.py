"""Signing in: a password for a token, and who the token belongs to."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response

from kado.access import staff
from kado.access.caller import Caller
from kado.access.permissions import Permission
from kado.doors.api import shown
from kado.doors.api.openapi import PUBLIC
from kado.doors.api.route import StrictRoute
from kado.doors.api.schemas.tokens import OAuth2Token, UserRead
from kado.doors.api.services import services_of
from kado.doors.api.visit import address_of, with_permission
from kado.errors import Unauthenticated

router = APIRouter(prefix="/v2", tags=["Token"], route_class=StrictRoute)


@router.post("/token", name="login_for_access_token", response_model=OAuth2Token, openapi_extra=PUBLIC)
async def sign_in(
    request: Request,
    username: Annotated[str, Form(max_length=320)],
    password: Annotated[str, Form(max_length=1024, json_schema_extra={"format": "password"})],
    grant_type: Annotated[str | None, Form(pattern="^password$")] = None,
    scope: Annotated[str, Form(max_length=1000)] = "",
    client_id: Annotated[str | None, Form(max_length=255)] = None,
    client_secret: Annotated[str | None, Form(max_length=1024)] = None,
) -> Response:
    """A bearer token for an hour, from a staff member's email and password."""
    services = services_of(request)
    token = await staff.sign_in(services.database, services.keyring, username, password, address_of(request))
    return shown.json_response({"accessToken": token, "tokenType": "bearer", "mfaPending": False, "pendingToken": None})


@router.get("/token", name="get_current_user", response_model=UserRead)
async def who_am_i(
    request: Request, caller: Annotated[Caller, Depends(with_permission(Permission.SELF_READ))]
) -> Response:
    """The person behind the token. A key is no person: 401."""
    kind, _, subject_id = caller.subject.partition(":")
    person = await staff.find(services_of(request).database, subject_id) if kind == "staff" else None
    if person is None:
        raise Unauthenticated("not_a_person", "This token belongs to a key, not to a person.")
    return shown.json_response(
        {
            "id": person.id,
            "email": person.email,
            "name": person.name,
            "emailVerified": None,
            "active": person.active,
            "admin": False,
            "image": None,
            "location": None,
            "website": None,
        }
    )
