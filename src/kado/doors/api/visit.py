"""Who comes in by the API and whether they may: decided from the request alone, before anything in it is validated.

Every route either declares one of these as a dependency or stands on the short list of public ones; a test walks them.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Header, Path, Query, Request

from kado.access.address import client_address
from kado.access.caller import Caller
from kado.access.permissions import Permission
from kado.doors.api.services import Services, services_of
from kado.doors.api.types import IdempotencyKey, PydanticObjectId
from kado.errors import Invalid, Unauthenticated
from kado.ids import is_id
from kado.programs.find import list_owned
from kado.programs.program import Program

_SESSION_TOKENS: Final = ("X-Eposn-Customer-Token", "X-Eposn-Merchant-Token")

ProgramId = Annotated[PydanticObjectId | None, Path()]
CardId = Annotated[PydanticObjectId | None, Path()]
NarrowingProgramId = Annotated[PydanticObjectId | None, Query()]
StrayCardId = Annotated[PydanticObjectId | None, Query()]
Key = Annotated[IdempotencyKey | None, Header(alias="idempotency-key")]


def session_headers(
    customer_token: Annotated[str | None, Header(alias="X-Eposn-Customer-Token")] = None,
    merchant_token: Annotated[str | None, Header(alias="X-Eposn-Merchant-Token")] = None,
) -> None:
    """Documents the two session tokens; `authenticated` looks at them."""


SESSION_HEADERS: Final = [Depends(session_headers)]


@dataclass(frozen=True, slots=True)
class Visit:
    """A caller in a program that it may enter, with the permission that the route asks for."""

    services: Services
    caller: Caller
    program: Program
    is_owner: bool

    def require_key(self, key: str | None) -> None:
        """Raises `Invalid` where the program wants an idempotency key and there is none."""
        if key is None and self.program.requires_key:
            raise Invalid(
                ("header", "idempotency-key"), "This program requires an idempotency key.", "idempotency_key_required"
            )


async def authenticated(request: Request) -> Caller:
    """The caller behind the bearer token. Raises `Unauthenticated`, also for a session token that is not valid."""
    caller = await services_of(request).access.authenticate(request.headers.get("authorization"))
    if any(request.headers.get(name) for name in _SESSION_TOKENS):
        # No session has been given out that such a token could name.
        raise Unauthenticated("invalid_session_token", "The session token is not valid.")
    return caller


def with_permission(permission: Permission) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency: a caller with this permission, wherever it is used."""

    async def check(request: Request) -> Caller:
        caller = await authenticated(request)
        caller.require(permission)
        return caller

    return check


def in_program(permission: Permission) -> Callable[[Request], Awaitable[Visit | None]]:
    """A dependency: a caller with this permission in the program that the path names.

    None only where the path's program id has not the form of an id; validation then refuses the request.
    """

    async def check(request: Request) -> Visit | None:
        caller = await authenticated(request)
        program_id = str(request.path_params["programId"])
        if not is_id(program_id):
            return None
        services = services_of(request)
        reach = await services.reaches.reach(program_id, caller.merchant_id)
        caller.require_in(reach, permission)
        if len(set(request.headers.getlist("idempotency-key"))) > 1:
            # Nobody could say which of them a repetition will be known by.
            raise Invalid(("header", "idempotency-key"), "There is more than one idempotency key.", "idempotency_key")
        return Visit(services, caller, reach.program, reach.is_owner)

    return check


@dataclass(frozen=True, slots=True)
class Round:
    """A caller with the permission that the route asks for, and the programs that it may look through for cards."""

    services: Services
    caller: Caller
    programs: list[Program]


def in_own_programs(permission: Permission) -> Callable[[Request], Awaitable[Round]]:
    """A dependency: a caller with this permission and all programs that its merchant owns.

    `programId` in the query narrows them to one, under the same conditions as in a path.
    """

    async def check(request: Request) -> Round:
        caller = await authenticated(request)
        caller.require(permission)
        services = services_of(request)
        named = [one for one in request.query_params.getlist("programId") if is_id(one)]
        reaches = [await services.reaches.reach(one, caller.merchant_id) for one in named]
        for reach in reaches:
            caller.require_in(reach, permission)
        if reaches:
            return Round(services, caller, [reaches[-1].program])
        return Round(services, caller, await list_owned(services.database, caller.merchant_id))

    return check


def address_of(request: Request) -> str:
    """Where the request comes from, as far as trusted proxies say."""
    peer = request.client.host if request.client else None
    return client_address(peer, request.scope["headers"], services_of(request).settings.trusted_proxies)


Listing = Annotated[Visit, Depends(in_program(Permission.CARDS_LIST))]
ListingAll = Annotated[Round, Depends(in_own_programs(Permission.CARDS_LIST))]
Reading = Annotated[Visit, Depends(in_program(Permission.CARDS_READ))]
BulkIssuing = Annotated[Visit, Depends(in_program(Permission.CARDS_BULK))]
Issuing = Annotated[Visit, Depends(in_program(Permission.CARDS_ISSUE))]
Activating = Annotated[Visit, Depends(in_program(Permission.CARDS_ACTIVATE))]
Redeeming = Annotated[Visit, Depends(in_program(Permission.CARDS_REDEEM))]
Reloading = Annotated[Visit, Depends(in_program(Permission.CARDS_RELOAD))]
Resending = Annotated[Visit, Depends(in_program(Permission.CARDS_RESEND))]
Refunding = Annotated[Visit, Depends(in_program(Permission.CARDS_REFUND))]
Transferring = Annotated[Visit, Depends(in_program(Permission.CARDS_TRANSFER))]
Holding = Annotated[Visit, Depends(in_program(Permission.CARDS_HOLD))]
Consolidating = Annotated[Visit, Depends(in_program(Permission.CARDS_CONSOLIDATE))]
Replacing = Annotated[Visit, Depends(in_program(Permission.CARDS_REPLACE))]
Owning = Annotated[Visit, Depends(in_program(Permission.CARDS_OWN))]
Scheduling = Annotated[Visit, Depends(in_program(Permission.CARDS_SCHEDULE))]
ProcessingExpired = Annotated[Visit, Depends(in_program(Permission.CARDS_EXPIRED))]
Suspending = Annotated[Visit, Depends(in_program(Permission.CARDS_SUSPEND))]
Voiding = Annotated[Visit, Depends(in_program(Permission.CARDS_VOID))]
ReadingProgram = Annotated[Visit, Depends(in_program(Permission.PROGRAMS_READ))]
WritingProgram = Annotated[Visit, Depends(in_program(Permission.PROGRAMS_WRITE))]
