"""The console: the pages on which a merchant's people run their gift cards, rendered on the server."""

import re
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request, cookie_parser
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Scope

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

__all__ = ("FILE_BYTES", "FILE_PATHS", "FORM_PATHS", "Rooms", "routes", "turned_away", "who_sends")

FORM_PATHS: Final = (f"{ROOT}/",)
"""Below it, bodies are forms."""

FILE_PATHS: Final = {
    permission: re.compile(
        "|".join(re.sub(r"\{[a-z_]+\}", "[^/]+", one.path) for one in PAGES if one.takes_file is permission)
    )
    for permission in dict.fromkeys(one.takes_file for one in PAGES if one.takes_file)
}
"""Where forms bring a file, by the permission that it takes to send one."""
FILE_BYTES: Final = UPLOAD_BYTES + 16_384
"""A picture and what is around it; lists are shorter."""


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


async def who_sends(access: Access, cookies: str, permission: Permission) -> str | None:
    """On whose behalf a request with these cookies sends a file; None for who may not."""
    token = cookie_parser(cookies).get(TOKEN)
    if token is None:
        return None
    try:
        caller = await access.authenticate(f"Bearer {token}")
    except Refusal:
        return None
    return caller.merchant_id if permission in caller.permissions else None


def turned_away(scope: Scope, refusal: Refusal) -> tuple[int, bytes, dict[str, str]] | None:
    """What is refused before a page is asked, such as a file that is far too large, in words; None elsewhere."""
    if not scope["path"].startswith(FORM_PATHS):
        return None
    page = sorry(None, Request(scope), refusal)
    headers = {name: value for name, value in page.headers.items() if name != "content-length"}
    return page.status_code, bytes(page.body), headers


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
