"""The HTTP API: translates requests into what the rooms do, and what they say into the contract's answers."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import FastAPI
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from kado import __version__
from kado.access.permissions import Permission
from kado.doors.api import answers, openapi, rights
from kado.doors.api.counting import counting
from kado.doors.api.fast_lane import FastLane
from kado.doors.api.gate import FORM_PATHS, Gate, Sorry
from kado.doors.api.intake import Larger, Limits
from kado.doors.api.lane import Lane
from kado.doors.api.rights import Row
from kado.doors.api.routes import (
    analytics,
    anomalies,
    appkeys,
    audit,
    balance,
    bulk,
    cards,
    compliance,
    customer_cards,
    customers,
    designs,
    endings,
    fraud,
    health,
    holds,
    lists,
    merchants,
    money,
    network,
    paper,
    passes,
    people,
    programs,
    refunds,
    reports,
    schedules,
    sessions,
    staff,
    themes,
    tokens,
    transfers,
    wallets,
    webhooks,
)
from kado.doors.api.services import Services
from kado.doors.api.visit import address_in, country_in, traceparent_in
from kado.errors import Refusal

# Lists come first: "programs/cards" must never be taken for the program whose id is "cards".
ROUTERS = (
    health,
    tokens,
    appkeys,
    staff,
    network,
    designs,
    programs,
    lists,
    balance,
    passes,
    wallets,
    customers,
    customer_cards,
    people,
    sessions,
    money,
    refunds,
    transfers,
    holds,
    endings,
    bulk,
    paper,
    reports,
    analytics,
    schedules,
    compliance,
    cards,
    webhooks,
    merchants,
    themes,
    anomalies,
    fraud,
    audit,
)


def rights_table() -> list[Row]:
    """Who may call what, route by route. Raises `ValueError` for a route that nobody is kept from."""
    return [row for subject in ROUTERS for row in rights.rows(subject.router.routes)]


def application(services: Services | None) -> FastAPI:
    """The routes alone; what a server runs is `served`."""
    app = FastAPI(
        title="Kado",
        version=__version__,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    app.state.services = services
    rights_table()  # nothing is served that nobody is kept from
    answers.install(app)
    openapi.install(app)
    for subject in ROUTERS:
        # As they are: to include a router builds each of its routes again, when the first request looks for its own.
        app.router.routes.extend(subject.router.routes)
    return app


@dataclass(frozen=True, slots=True)
class Served:
    """The whole API: an ASGI application, and in front of it the fast lane, where there is one."""

    app: ASGIApp
    fast_lane: FastLane | None


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Other doors' routes behind the same gate: below which of their paths bodies are forms, and what guessers want."""

    routes: Sequence[BaseRoute] = ()
    form_paths: Sequence[str] = ()
    guessable: re.Pattern[str] = re.compile(r"(?!)")
    file_paths: re.Pattern[str] = re.compile(r"(?!)")
    """Where bodies hold files."""
    larger: Sequence[Larger] = ()
    """Where bodies may be larger than elsewhere."""
    sorry: Sorry | None = None
    """How what is refused before they are asked is told to people."""


NOBODY: Final = Neighbours()


def served(services: Services, neighbours: Neighbours = NOBODY) -> Served:
    """What a server runs."""
    app = application(services)
    app.router.routes.extend(neighbours.routes)

    def who_may(permission: Permission) -> Callable[[str | None], Awaitable[str | None]]:
        async def sender(authorization: str | None) -> str | None:
            try:
                caller = await services.access.authenticate(authorization)
            except Refusal:
                return None
            return caller.merchant_id if permission in caller.permissions else None

        return sender

    larger = (
        Larger({"POST"}, bulk.LARGE_PATH, bulk.LARGE_BYTES, who_may(Permission.CARDS_BULK)),
        Larger({"POST", "PUT"}, designs.FILE_PATHS, designs.LARGE_BYTES, who_may(Permission.PROGRAMS_WRITE)),
        *neighbours.larger,
    )
    limits = Limits(body_seconds=services.settings.request_seconds * 2 / 3)
    guessable = re.compile(f"{balance.PATHS.pattern}|{neighbours.guessable.pattern}")
    lane, count = Lane(guessable, services.database.places), counting(services.counts, guessable)
    trusted, header = services.settings.trusted_proxies, services.settings.country_header
    gate = Gate(
        app,
        form_paths=(*FORM_PATHS, *neighbours.form_paths),
        limits=limits,
        file_paths=re.compile(f"{designs.FILE_PATHS.pattern}|{neighbours.file_paths.pattern}"),
        larger=larger,
        lane=lane,
        address=lambda scope: address_in(scope, trusted),
        count=count,
        traceparent=lambda scope: traceparent_in(scope, trusted),
        country=(lambda scope: country_in(scope, trusted, header)) if header else None,
        sorry=neighbours.sorry,
    )
    return Served(gate, FastLane(services, lane, count) if services.settings.fast_lane else None)


def application_document() -> dict[str, Any]:
    """The OpenAPI document, without a server."""
    return application(None).openapi()
