"""Customers sign in and out, through a merchant's front end."""

from fastapi import APIRouter, Request, Response
from pydantic_core import PydanticCustomError

from kado import clock
from kado.access import otp
from kado.access.customer_store import Identity, Target
from kado.doors.api import shown
from kado.doors.api.route import StrictRoute
from kado.doors.api.schemas.customers import (
    LogoutResponse,
    SendOTPRequest,
    SendOTPResponse,
    SessionResponse,
    SessionTokenRequest,
    VerifyOTPRequest,
    VerifyOTPResponse,
)
from kado.doors.api.services import services_of
from kado.doors.api.types import email_address, phone_number
from kado.doors.api.visit import CUSTOMER_HEADER, FrontEnd, came_from

router = APIRouter(prefix="/v2/giftcards/customers", tags=["Gift Card Customers"], route_class=StrictRoute)


@router.post("/otp/send", name="sendCustomerOTP", response_model=SendOTPResponse)
async def send_otp(request: Request, desk: FrontEnd, data: SendOTPRequest) -> Response:
    """Send a one-time code by mail or text message. The answer is the same whether or not the target is known."""
    services, target = services_of(request), _target(data.target)
    if target is None:
        raise otp.bad_target()
    mock_code = await otp.send(services.database, services.keyring, desk, target, came_from())
    return shown.json_response(
        {
            "success": True,
            "message": "A code is on its way." if mock_code is None else "In test mode nothing is sent.",
            "error": None,
            "otpType": target.channel,
            "mockCode": mock_code,
        }
    )


@router.post("/otp/verify", name="verifyCustomerOTP", response_model=VerifyOTPResponse)
async def verify_otp(request: Request, desk: FrontEnd, data: VerifyOTPRequest) -> Response:
    """Sign the customer in for a day, against the code; the first time makes them known under `name`."""
    services, target = services_of(request), _target(data.target)
    signed_in = await otp.verify(services.database, services.keyring, desk, target, data.code, data.name)
    assert target is not None, "nobody signs in without a target"
    return shown.json_response(
        {
            "success": True,
            "error": None,
            "verifiedTarget": target.text,
            "otpType": target.channel,
            "sessionToken": signed_in.token,
            "identity": _identity(signed_in.identity),
        }
    )


@router.post("/logout", name="logoutCustomer", response_model=LogoutResponse, dependencies=CUSTOMER_HEADER)
async def log_out(request: Request, desk: FrontEnd, data: SessionTokenRequest) -> Response:
    """End the session that the body names, if there is one."""
    await services_of(request).customers.end(data.sessionToken, desk)
    return shown.json_response({"success": True, "message": "Signed out."})


@router.post("/session", name="validateCustomerSession", response_model=SessionResponse, dependencies=CUSTOMER_HEADER)
async def look_at_session(request: Request, desk: FrontEnd, data: SessionTokenRequest) -> Response:
    """Whether the session that the body names is good, and whose it is."""
    found = await services_of(request).customers.find(data.sessionToken, desk.merchant_id, is_test=desk.is_test)
    return shown.json_response({"valid": found is not None, "identity": None if found is None else _identity(found)})


def _target(text: str) -> Target | None:
    """An address or a number in the one form in which it is stored and compared; None for anything else."""
    try:
        if "@" in text:
            return Target("email", email_address(text).lower())
        return Target("sms", phone_number(text))
    except PydanticCustomError:
        return None


def _identity(identity: Identity) -> dict[str, object]:
    """CustomerIdentityResponse. There is one level of trust: a contact was proved by a code."""
    return {
        "id": identity.id,
        "email": identity.email,
        "phone": identity.phone,
        "name": identity.name,
        "verified": True,
        "verifiedAt": clock.text(identity.verified_at),
        "trustLevel": "verified",
    }
