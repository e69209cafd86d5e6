"""Customers and tills that are signed in: who it is, and ending it, by themselves or by the merchant."""

# ruff: noqa: N803 - parameter names are the names on the wire

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from kado.access import sessions
from kado.access.caller import Caller
from kado.access.permissions import Permission
from kado.doors.api import shown
from kado.doors.api.route import StrictRoute
from kado.doors.api.schemas.tokens import EndedResponse, SessionRead
from kado.doors.api.services import services_of
from kado.doors.api.types import PydanticObjectId
from kado.doors.api.visit import CUSTOMER_HEADER, AtTill, SignedIn, at_till, with_permission

router = APIRouter(prefix="/v2/giftcards", tags=["Sessions"], route_class=StrictRoute)

Reader = Annotated[Caller, Depends(with_permission(Permission.SESSIONS_READ))]
Ender = Annotated[Caller, Depends(with_permission(Permission.SESSIONS_END))]
Till = Annotated[AtTill, Depends(at_till(Permission.SELF_READ))]
SessionId = Annotated[PydanticObjectId, Path()]
CustomerId = Annotated[PydanticObjectId, Path()]


# ── a customer's own ───────────────────────────────────────────────────────────────────────────────────────────────


@router.get(
    "/customer/sessions",
    name="listCustomerSessions",
    response_model=list[SessionRead],
    dependencies=CUSTOMER_HEADER,
)
async def list_own(request: Request, caller: SignedIn) -> Response:
    """Where the customer is signed in with this merchant, newest first."""
    assert caller.customer is not None, "signed_in sees to that"
    found = await sessions.list_open(
        services_of(request).database, caller.merchant_id, "customer", caller.customer.id, is_test=caller.is_test
    )
    return shown.json_response([shown.session(one, None) for one in found])


@router.delete(
    "/customer/sessions", name="endCustomerSessions", response_model=EndedResponse, dependencies=CUSTOMER_HEADER
)
async def end_own(request: Request, caller: SignedIn) -> Response:
    """Sign the customer out everywhere, here too."""
    assert caller.customer is not None, "signed_in sees to that"
    return await _end_customers(request, caller, caller.customer.id)


@router.delete(
    "/customer/sessions/{sessionId}",
    name="endCustomerSession",
    response_model=EndedResponse,
    dependencies=CUSTOMER_HEADER,
)
async def end_one_of_own(request: Request, caller: SignedIn, sessionId: SessionId) -> Response:
    """End one of the customer's sessions."""
    assert caller.customer is not None, "signed_in sees to that"
    services, customer_id = services_of(request), caller.customer.id
    await sessions.end(
        services.database,
        caller.merchant_id,
        sessionId,
        caller.subject,
        "customer",
        customer_id,
        is_test=caller.is_test,
    )
    services.customers.forget(customer_id)
    return shown.json_response({"ended": 1})


# ── by the merchant ────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/customers/{customerId}/sessions", name="listSessionsOfCustomer", response_model=list[SessionRead])
async def list_of_customer(request: Request, caller: Reader, customerId: CustomerId) -> Response:
    """Where one of the merchant's customers is signed in; nothing for one of somebody else's."""
    found = await sessions.list_open(
        services_of(request).database, caller.merchant_id, "customer", customerId, is_test=caller.is_test
    )
    return shown.json_response([shown.session(one, None) for one in found])


@router.delete("/customers/{customerId}/sessions", name="endSessionsOfCustomer", response_model=EndedResponse)
async def end_of_customer(request: Request, caller: Ender, customerId: CustomerId) -> Response:
    """Sign one of the merchant's customers out everywhere."""
    return await _end_customers(request, caller, customerId)


@router.get("/merchants/sessions", name="listTillSessions", response_model=list[SessionRead])
async def list_of_tills(request: Request, caller: Reader) -> Response:
    """The merchant's tills that are at work, newest first. A test key has none: what a signature opens is live."""
    found = (
        [] if caller.is_test else await sessions.list_open(services_of(request).database, caller.merchant_id, "till")
    )
    current = None if caller.session is None else caller.session.id
    return shown.json_response([shown.session(one, current) for one in found])


@router.delete("/merchants/sessions/{sessionId}", name="endTillSession", response_model=EndedResponse)
async def end_of_till(request: Request, caller: Ender, sessionId: SessionId) -> Response:
    """End the session of one of the merchant's tills."""
    services = services_of(request)
    if caller.is_test:
        raise sessions.not_found()
    await sessions.end(services.database, caller.merchant_id, sessionId, caller.subject, "till")
    services.merchant_sessions.forget(sessionId)
    return shown.json_response({"ended": 1})


@router.delete("/merchants/session", name="closeTillSession", response_model=EndedResponse)
async def close_till(request: Request, till: Till) -> Response:
    """The till is done: end the session whose token came with the request."""
    services, session = services_of(request), till.session
    await sessions.end(services.database, session.merchant_id, session.id, till.caller.subject, "till")
    services.merchant_sessions.forget(session.id)
    return shown.json_response({"ended": 1})


async def _end_customers(request: Request, caller: Caller, customer_id: str) -> Response:
    services = services_of(request)
    ended = await sessions.end_all(
        services.database, caller.merchant_id, "customer", customer_id, caller.subject, is_test=caller.is_test
    )
    services.customers.forget(customer_id)
    return shown.json_response({"ended": ended})
