"""What the operator's network administrators see: all merchants, and nothing of their money or customers."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from kado import clock
from kado.access import staff
from kado.access.caller import Caller
from kado.access.permissions import Permission
from kado.doors.api import shown
from kado.doors.api.route import StrictRoute
from kado.doors.api.schemas.tokens import MerchantRead
from kado.doors.api.services import services_of
from kado.doors.api.visit import with_permission

router = APIRouter(prefix="/v2/network", tags=["Network"], route_class=StrictRoute)


@router.get("/merchants", name="list_merchants", response_model=list[MerchantRead])
async def list_merchants(
    request: Request, caller: Annotated[Caller, Depends(with_permission(Permission.NETWORK_READ))]
) -> Response:
    """Every merchant of this server, oldest first."""
    found = await staff.list_merchants(services_of(request).database)
    return shown.json_response([{"id": m.id, "name": m.name, "createdAt": clock.text(m.created_at)} for m in found])
