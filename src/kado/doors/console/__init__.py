"""The console: the pages on which a merchant's people run their gift cards, rendered on the server."""

import re
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request, cookie_parser
from starlette.responses import Response
from starlette.routing import Route

from kado.access.authenticate import Access
from kado.access.permissions import Permission
from kado.designs.decode import UPLOAD_BYTES
from kado.doors.console import setup, sign_in
from kado.doors.console.cookie import TOKEN
from kado.doors.console.page import ROOT
from kado.doors.console.pages import PAGES
from kado.doors.console.respond import ASSETS, sorry
from kado.doors.console.rooms import Rooms
from kado.doors.console.visit import SIGN_IN, visiting
from kado.errors import NotFound, Refusal
from kado.web import asset

__all__ = ("FILE_BYTES", "FILE_PATHS", "FORM_PATHS", "Rooms", "routes", "who_sends_pictures")

FORM_PATHS: Final = (f"{ROOT}/",)
"""Below it, bodies are forms."""

FILE_PATHS: Final = re.compile(
    "|".join(re.sub(r"\{[a-z_]+\}", "[^/]+", page.path) for page in PAGES if page.takes_file) or "(?!)"
)
"""Where forms bring a file."""
FILE_BYTES: Final = UPLOAD_BYTES + 16_384
"""A picture and what is around it."""


Public = Callable[[Rooms, Request], Awaitable[Response]]


def routes(rooms: Rooms) -> list[Route]:
    """Every page: what anybody may see, what takes a sign-in, and one answer for every other address."""
    return [
        Route(setup.SETUP, _answering(rooms, setup.show), methods=["GET"]),
        Route(setup.SETUP, _answering(rooms, setup.begin), methods=["POST"]),
        Route(SIGN_IN, _answering(rooms, sign_in.show), methods=["GET"]),
        Route(SIGN_IN, _answering(rooms, sign_in.enter), methods=["POST"]),
        *(Route(page.path, visiting(rooms, page, sorry), methods=[page.method]) for page in PAGES),
        *asset.routes(ASSETS),
        Route(f"{ROOT}/{{rest:path}}", _nowhere, methods=["GET", "POST"]),
    ]


async def who_sends_pictures(access: Access, cookies: str) -> str | None:
    """On whose behalf a request with these cookies sends a picture; None for who may not."""
    token = cookie_parser(cookies).get(TOKEN)
    if token is None:
        return None
    try:
        caller = await access.authenticate(f"Bearer {token}")
    except Refusal:
        return None
    return caller.merchant_id if Permission.PROGRAMS_WRITE in caller.permissions else None


def _answering(rooms: Rooms, show: Public) -> Callable[[Request], Awaitable[Response]]:
    """The handler of a page for anybody, which tells people in words what it has to refuse."""

    async def answer(request: Request) -> Response:
        try:
            return await show(rooms, request)
        except Refusal as refusal:
            return sorry(None, request, refusal)

    return answer


async def _nowhere(request: Request) -> Response:
    # Counted as one place, however many addresses somebody makes up.
    request.scope["path_params"] = {}
    request.scope["path"] = f"{ROOT}/*"
    return sorry(None, request, NotFound("page_not_found", "There is no such page."))
