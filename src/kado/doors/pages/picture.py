"""Pictures of programs, for pages, mail programs and wallets: the same one at an address for ever."""

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from kado.designs import pictures
from kado.ids import is_id
from kado.storage.database import Database

HEADERS: Final = {
    "Cache-Control": "public, max-age=31536000, immutable",
    # Should a browser ever take one for a page: nothing in it runs, loads or reaches the site that it came from.
    "Content-Security-Policy": "default-src 'none'; style-src 'none'; frame-ancestors 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    # Mail programs and a merchant's own pages show them too.
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}


def picture(database: Database) -> Callable[[Request], Awaitable[Response]]:
    """The handler. 404 for whatever is not there."""

    async def show(request: Request) -> Response:
        program_id, picture_id = request.path_params["program_id"], request.path_params["picture_id"]
        found = await pictures.content(database, program_id, picture_id) if is_id(program_id) else None
        if found is None:
            return PlainTextResponse("There is no such picture.\n", 404)
        media_type, content = found
        return Response(content, 200, HEADERS, media_type)

    return show
