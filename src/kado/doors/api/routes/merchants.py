"""Merchant sessions: a till platform says who is at work where; and which program a location uses."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from kado import clock
from kado.access import signatures
from kado.access.caller import MerchantSession
from kado.access.permissions import Permission
from kado.access.signatures import Signer
from kado.doors.api import shown
from kado.doors.api.rights import Rule, held_by
from kado.doors.api.route import StrictRoute
from kado.doors.api.schemas.merchants import (
    InitMerchantSessionRequest,
    MerchantSessionResponse,
    SaveMerchantSettingsRequest,
    ValidateMerchantSessionRequest,
    ValidateMerchantSessionResponse,
)
from kado.doors.api.services import services_of
from kado.doors.api.visit import MERCHANT_HEADER, AtTill, at_till, authenticated, signed
from kado.programs.program import UNSET
from kado.shops.find import shop_of
from kado.shops.open_session import open_session
from kado.shops.settings import save_settings
from kado.shops.shop import Hello, Location, Platform, Shop

router = APIRouter(prefix="/v2/giftcards/merchants", tags=["Gift Card Merchants"], route_class=StrictRoute)


@router.post("/session", name="initMerchantSession", response_model=MerchantSessionResponse)
async def init_session(
    request: Request, signer: Annotated[Signer, Depends(signed)], data: InitMerchantSessionRequest
) -> Response:
    """Open a session for a till. Only a request that the merchant's front end signed is heard."""
    services = services_of(request)
    hello = Hello(
        app_token=data.appToken,
        platform=Platform(data.platform),
        platform_id=data.merchantId,
        name=data.name,
        location_id=data.locationId,
        location_name=data.locationName,
        program_id=data.programId,
        user_id=data.userId,
        role=data.role,
        cashier_id=data.cashierId,
        terminal_id=data.terminalId,
    )
    opened = await open_session(services.database, services.keyring, services.reaches, signer, hello)
    session = opened.new.session
    return shown.json_response(
        _merchant(opened.shop, session, session.location_id) | {"sessionToken": opened.new.token}
    )


@held_by(Rule(Permission.SELF_READ, signature=True))
async def asking_merchant(request: Request) -> str | None:
    """The merchant that asks about a session, by a signature or a bearer; None for a test key, which has no session."""
    if signatures.HEADER in request.headers:
        return (await signed(request)).merchant_id
    caller = await authenticated(request)
    caller.require(Permission.SELF_READ)
    return None if caller.is_test else caller.merchant_id


@router.post("/session/validate", name="validateMerchantSession", response_model=ValidateMerchantSessionResponse)
async def validate_session(
    request: Request,
    merchant_id: Annotated[str | None, Depends(asking_merchant)],
    data: ValidateMerchantSessionRequest,
) -> Response:
    """Whether the token is that of an open session of the merchant that asks, and of which shop."""
    services = services_of(request)
    session = await services.merchant_sessions.find(data.sessionToken)
    if session is None or session.merchant_id != merchant_id:
        return shown.json_response({"valid": False, "merchant": None})
    shop = await shop_of(services.database, session)
    return shown.json_response({"valid": True, "merchant": _merchant(shop, session, session.location_id)})


@router.put(
    "/settings",
    name="saveMerchantSettings",
    response_model=MerchantSessionResponse,
    dependencies=MERCHANT_HEADER,
)
async def save_merchant_settings(
    request: Request,
    till: Annotated[AtTill, Depends(at_till(Permission.MERCHANT_SETTINGS))],
    data: SaveMerchantSettingsRequest,
) -> Response:
    """Set the program of a location of the session's shop. The answer shows that location as the active one."""
    services = services_of(request)
    shop, location = await save_settings(
        services.database,
        services.reaches,
        till.caller,
        till.session,
        program_id=data.programId if "programId" in data.model_fields_set else UNSET,
        location_id=data.locationId,
        merchant_id=data.merchantId,
    )
    return shown.json_response(_merchant(shop, till.session, location.id))


def _merchant(shop: Shop, session: MerchantSession, location_id: str) -> dict[str, Any]:
    """MerchantSessionResponse with this location as the active one, and without the token, which is shown once."""
    active = shop.location(location_id)
    assert active is not None, "locations are never deleted"
    return {
        "id": shop.id,
        "merchantId": shop.merchant_id,
        "name": shop.name,
        "platform": shop.platform.value,
        "programId": active.program_id,
        "active": True,
        "locationId": active.id or None,
        "locationName": active.name,
        "locations": [_location(place) for place in shop.places],
        "cashierId": session.cashier_id,
        "terminalId": session.terminal_id,
        "role": session.role.value,
        "sessionToken": None,
    }


def _location(place: Location) -> dict[str, Any]:
    return {
        "locationId": place.id,
        "locationName": place.name,
        "lastSeenAt": clock.text(place.last_seen_at),
        "programId": place.program_id,
    }
