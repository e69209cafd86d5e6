"""Who comes in by the API and whether they may: decided from the request alone, before anything in it is validated.

Every route either declares one of these as a dependency or stands on the short list of public ones; a test walks them.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Header, Path, Query, Request
from pydantic import WithJsonSchema
from starlette.types import Scope

from kado.access import signatures
from kado.access.address import Network, client_address, client_country, client_trace
from kado.access.caller import Caller, MerchantSession
from kado.access.customer_sessions import invalid_session
from kado.access.customer_store import Desk
from kado.access.permissions import Permission
from kado.access.signatures import Signer
from kado.audit.origin import origin
from kado.cards import refusals
from kado.cards.card import Card
from kado.cards.ownership import owns
from kado.doors.api.rights import Rule, held_by
from kado.doors.api.services import Services, services_of
from kado.doors.api.types import EmailStr, IdempotencyKey, LanguageTag, PydanticObjectId, TimeZone
from kado.errors import Forbidden, Invalid, Unauthenticated
from kado.fraud.entrance import enter
from kado.ids import is_id
from kado.programs.find import list_owned
from kado.programs.program import Program

_CUSTOMER_TOKEN: Final = "X-Eposn-Customer-Token"  # noqa: S105 - the name of a header
_MERCHANT_TOKEN: Final = "X-Eposn-Merchant-Token"  # noqa: S105 - the name of a header

# The contract's document lets ids in a path be null, which a segment of a path never is.
_or_null: Final = WithJsonSchema({"anyOf": [{"$ref": "#/components/schemas/PydanticObjectId"}, {"type": "null"}]})
ProgramId = Annotated[PydanticObjectId, Path(), _or_null]
CardId = Annotated[PydanticObjectId, Path(), _or_null]
NarrowingProgramId = Annotated[PydanticObjectId | None, Query()]
StrayCardId = Annotated[PydanticObjectId | None, Query()]
StrayProgramId = Annotated[PydanticObjectId | None, Query()]
Key = Annotated[IdempotencyKey | None, Header(alias="idempotency-key")]

ReceiverLanguage = Annotated[LanguageTag | None, Header(alias="Kado-Language")]
ReceiverZone = Annotated[TimeZone | None, Header(alias="Kado-Time-Zone")]
ReceiptEmail = Annotated[EmailStr | None, Header(alias="Kado-Receipt-Email")]


@dataclass(frozen=True, slots=True)
class SessionTokens:
    """A dependency that asks for nothing: these headers are looked at by `authenticated`, and belong into the document.

    As parameters they would be built for each route at the start, and validated, though anything goes, at each request.
    """

    headers: tuple[str, ...]

    async def __call__(self) -> None:
        """Wait for nothing."""


SESSION_HEADERS: Final = [Depends(SessionTokens((_CUSTOMER_TOKEN, _MERCHANT_TOKEN)))]
CUSTOMER_HEADER: Final = [Depends(SessionTokens((_CUSTOMER_TOKEN,)))]
MERCHANT_HEADER: Final = [Depends(SessionTokens((_MERCHANT_TOKEN,)))]


@dataclass(frozen=True, slots=True)
class Visit:
    """A caller in a program that it may enter, with the permission that the route asks for."""

    services: Services
    caller: Caller
    program: Program
    is_owner: bool

    def require_own(self, card: Card) -> None:
        """Raises `NotFound` for a customer whose card this is not: as if there were no such card."""
        if self.caller.customer is not None and not owns(self.caller.customer, card):
            raise refusals.card_not_found()

    def require_key(self, key: str | None) -> None:
        """Raises `Invalid` where the program wants an idempotency key and there is none."""
        if key is None and self.program.requires_key:
            raise Invalid(
                ("header", "idempotency-key"), "This program requires an idempotency key.", "idempotency_key_required"
            )


async def authenticated(request: Request) -> Caller:
    """The caller behind the bearer token, narrowed to the till and to the customer whose session tokens come with it.

    Raises `Unauthenticated`, also for a session token that is not valid.
    """
    caller = await at_the_counter(request)
    token = _session_token(request, _CUSTOMER_TOKEN)
    if token is not None:
        caller = await services_of(request).customers.acting_for(caller, token)
    return caller


async def at_the_counter(request: Request) -> Caller:
    """The same without a look at the customer's token: for those who sign customers in and out."""
    services = services_of(request)
    caller = await services.access.authenticate(_bearer(request))
    token = _session_token(request, _MERCHANT_TOKEN)
    if token is not None:
        caller = await services.merchant_sessions.narrow(caller, token)
    return caller


def _bearer(request: Request) -> str | None:
    """The value of the header; several different ones are together none that could be valid."""
    return ", ".join(dict.fromkeys(request.headers.getlist("authorization"))) or None


async def signing_merchant(request: Request) -> str | None:
    """The id of the merchant whose trusted front end signed the request; None where there is no signature.

    Raises `Unauthenticated` for a signature that is not valid.
    """
    return (await signed(request)).merchant_id if signatures.HEADER in request.headers else None


@held_by(Rule(Permission.CUSTOMERS_SIGN_IN, signature=True, no_customer=True))
async def front_end(request: Request) -> Desk:
    """A dependency: a merchant's front end that signs customers in, by its signature (always live) or as a bearer."""
    if signatures.HEADER in request.headers:
        signer = await signed(request)
        return Desk(signer.merchant_id, is_test=False, subject=f"signing-key:{signer.key_id}")
    caller = await at_the_counter(request)
    caller.require(Permission.CUSTOMERS_SIGN_IN)
    return Desk(caller.merchant_id, caller.is_test, caller.subject)


@held_by(Rule(Permission.CARDS_LIST, for_customer=True))
async def signed_in(request: Request) -> Caller:
    """A dependency: a caller on behalf of a customer, for what customers see of all their cards."""
    caller = await authenticated(request)
    if caller.customer is None:
        caller.require(Permission.CUSTOMERS_SIGN_IN)
        raise Unauthenticated("customer_session_required", "This needs the session token of a customer.")
    caller.require(Permission.CARDS_LIST)
    return caller


def _session_token(request: Request, name: str) -> str | None:
    """The token in this header; None where there is none. Raises `Unauthenticated` for several, and an empty one."""
    tokens = set(request.headers.getlist(name))
    # A front end that passes on a cookie which is gone must not act with all the rights of its merchant.
    if len(tokens) > 1 or "" in tokens:
        raise invalid_session()
    return tokens.pop() if tokens else None


@held_by(Rule(None, signature=True))
async def signed(request: Request) -> Signer:
    """Whose signature the request bears; a bearer token proves nothing here. Raises `Unauthenticated`."""
    headers = dict.fromkeys(request.headers.getlist(signatures.HEADER))
    if not headers:
        raise Unauthenticated(detail=f"This request must be signed ({signatures.HEADER}).")
    path = request.scope["state"]["path_as_sent"].decode("latin-1")
    return await services_of(request).signatures.signer(",".join(headers), request.method, path, await request.body())


def with_permission(permission: Permission) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency: a caller with this permission, wherever it is used."""

    @held_by(Rule(permission))
    async def check(request: Request) -> Caller:
        caller = await authenticated(request)
        caller.require(permission)
        return caller

    return check


@dataclass(frozen=True, slots=True)
class Person:
    """A caller who signed in, not a key. `id` is that of the member of staff."""

    caller: Caller
    id: str


def by_person(permission: Permission) -> Callable[[Request], Awaitable[Person]]:
    """A dependency: a person with this permission. A key makes no keys and no people, whoever has got hold of it."""

    @held_by(Rule(permission, person=True))
    async def check(request: Request) -> Person:
        caller = await authenticated(request)
        caller.require(permission)
        if caller.person_id is None:
            raise Unauthenticated("not_a_person", "This token belongs to a key, not to a person.")
        return Person(caller, caller.person_id)

    return check


@dataclass(frozen=True, slots=True)
class AtTill:
    """A caller with an open merchant session and the permission that the route asks for."""

    caller: Caller
    session: MerchantSession


def at_till(permission: Permission) -> Callable[[Request], Awaitable[AtTill]]:
    """A dependency: a caller who brings a merchant session and has this permission with it."""

    @held_by(Rule(permission, at_till=True))
    async def check(request: Request) -> AtTill:
        caller = await authenticated(request)
        if caller.session is None:
            raise Unauthenticated("merchant_session_required", f"This needs a merchant session ({_MERCHANT_TOKEN}).")
        caller.require(permission)
        return AtTill(caller, caller.session)

    return check


def in_program(permission: Permission) -> Callable[[Request], Awaitable[Visit | None]]:
    """A dependency: a caller with this permission in the program that the path names.

    None only where the path's program id has not the form of an id; validation then refuses the request.
    """

    @held_by(Rule(permission, in_program=True))
    async def check(request: Request) -> Visit | None:
        caller = await authenticated(request)
        program_id = str(request.path_params["programId"])
        if not is_id(program_id):
            return None
        services = services_of(request)
        reach = await enter(services.reaches, services.blocks, caller, program_id, permission, came_from())
        if len(set(request.headers.getlist("idempotency-key"))) > 1:
            # Nobody could say which of them a repetition will be known by.
            raise Invalid(("header", "idempotency-key"), "There is more than one idempotency key.", "idempotency_key")
        return Visit(services, caller, reach.program, reach.is_owner)

    return check


def remembered_visit(
    services: Services, authorization: str, program_id: str, permission: Permission, address: str
) -> Visit | None:
    """What `in_program` gives for a request without session tokens, from what this process remembers alone.

    None where something has to be looked up, or the answer is no: `in_program` finds the words for that.
    """
    caller = services.access.remembered(authorization)
    reach = services.reaches.remembered(program_id, caller.merchant_id) if caller is not None else None
    if caller is None or reach is None or not services.blocks.remembered_free(program_id, address):
        return None
    try:
        caller.require_in(reach, permission)
    except Forbidden:
        return None
    return Visit(services, caller, reach.program, reach.is_owner)


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

    @held_by(Rule(permission))
    async def check(request: Request) -> Round:
        caller = await authenticated(request)
        caller.require(permission)
        services = services_of(request)
        named = [one for one in request.query_params.getlist("programId") if is_id(one)]
        reaches = [await services.reaches.reach(one, caller.merchant_id) for one in named]
        for reach in reaches:
            caller.require_in(reach, permission)
            await services.blocks.require_free(reach.program.id, came_from())
        if reaches:
            return Round(services, caller, [reaches[-1].program])
        owned = await list_owned(services.database, caller.merchant_id)
        entered = [program for program in owned if caller.enters(program.id)]
        free = set(await services.blocks.free([program.id for program in entered], came_from()))
        return Round(services, caller, [program for program in entered if program.id in free])

    return check


def came_from() -> str:
    """The address from which the request comes, as the gate found it: as far as trusted proxies say."""
    address = origin().address
    assert address is not None, "no request comes past the gate"
    return address


def address_in(scope: Scope, trusted: Sequence[Network]) -> str:
    """For the gate: where a request comes from. `trusted` are the networks of the proxies."""
    peer = scope["client"][0] if scope.get("client") else None
    return client_address(peer, scope["headers"], trusted)


def country_in(scope: Scope, trusted: Sequence[Network], header: str) -> str | None:
    """The country from which a request comes, as far as trusted proxies say in this header."""
    peer = scope["client"][0] if scope.get("client") else None
    return client_country(peer, scope["headers"], trusted, header)


def traceparent_in(scope: Scope, trusted: Sequence[Network]) -> str | None:
    """Which trace a request is part of, as far as trusted proxies say."""
    peer = scope["client"][0] if scope.get("client") else None
    return client_trace(peer, scope["headers"], trusted)


Listing = Annotated[Visit, Depends(in_program(Permission.CARDS_LIST))]
ListingAll = Annotated[Round, Depends(in_own_programs(Permission.CARDS_LIST))]
FrontEnd = Annotated[Desk, Depends(front_end)]
SignedIn = Annotated[Caller, Depends(signed_in)]
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
ReadingFraud = Annotated[Visit, Depends(in_program(Permission.FRAUD_READ))]
WritingFraud = Annotated[Visit, Depends(in_program(Permission.FRAUD_WRITE))]
Reporting = Annotated[Visit, Depends(in_program(Permission.REPORTS_READ))]
ManagingReports = Annotated[Visit, Depends(in_program(Permission.REPORTS_WRITE))]
WritingProgram = Annotated[Visit, Depends(in_program(Permission.PROGRAMS_WRITE))]
