"""Is it alive, is it ready: for people, load balancers and supervisors."""

from typing import Any, Final

import asyncpg
from fastapi import APIRouter, Request, Response

from kado.doors.api import shown
from kado.doors.api.openapi import PUBLIC
from kado.doors.api.route import StrictRoute
from kado.doors.api.services import services_of
from kado.errors import Unavailable
from kado.storage.revisions import CHAIN, read_schema

router = APIRouter(route_class=StrictRoute)

# Supervisors read the status; the body is for people and no refusal like the others.
_UNREADY: Final[dict[int | str, dict[str, Any]]] = {503: {"description": "Not ready; the body says why."}}


@router.get("/health/live", name="live", tags=["Health"], response_model=None, openapi_extra=PUBLIC)
async def live() -> Response:
    """200 as long as the process answers, whatever the database does."""
    return shown.json_response({"status": "alive"})


@router.get(
    "/health/ready", name="ready", tags=["Health"], response_model=None, openapi_extra=PUBLIC, responses=_UNREADY
)
async def ready(request: Request) -> Response:
    """200 only when the database answers and has the schema that this version was written for; otherwise 503."""
    return await _readiness(request, "ready")


@router.get(
    "/v2/giftcards/health",
    name="giftCardHealthCheck",
    tags=["Gift Cards"],
    response_model=None,
    responses=_UNREADY,
)
async def gift_card_health(request: Request) -> Response:
    """The contract's health check: the same as `/health/ready` in its words. A bearer may be sent; none is needed."""
    return await _readiness(request, "healthy")


async def _readiness(request: Request, word: str) -> Response:
    try:
        async with services_of(request).database.read() as connection:
            schema = await read_schema(connection)
    except (Unavailable, asyncpg.PostgresError):
        return shown.json_response({"status": "unavailable", "database": "away"}, {"Retry-After": "1"}, 503)
    if not schema.fits(CHAIN):
        return shown.json_response(
            {"status": "unavailable", "database": "schema does not fit"}, {"Retry-After": "5"}, 503
        )
    return shown.json_response({"status": word, "database": "ok", "schema": schema.version})
