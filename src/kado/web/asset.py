"""Files that go with pages. Their addresses change with their content, so that a browser may keep them for ever."""

import hashlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

PREFIX: Final = "/static/"

HEADERS: Final = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}

_TYPES: Final = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file and its address."""

    path: str
    content: bytes = field(repr=False)
    media_type: str


def asset(package: str, name: str) -> Asset:
    """The file of this name in the package's folder `static`. Raises `KeyError` for an ending that no page needs."""
    content = files(package).joinpath("static", name).read_bytes()
    return named(name, content)


def named(name: str, content: bytes) -> Asset:
    """The same for content that is not a file by itself."""
    file = PurePosixPath(name)
    digest = hashlib.sha256(content).hexdigest()[:16]
    return Asset(f"{PREFIX}{file.stem}.{digest}{file.suffix}", content, _TYPES[file.suffix])


def routes(assets: Iterable[Asset]) -> list[Route]:
    """Where they are served, each at its own address."""
    return [Route(one.path, _serving(one), methods=["GET"]) for one in assets]


def _serving(one: Asset) -> Callable[[Request], Awaitable[Response]]:
    async def serve(_: Request) -> Response:
        return Response(one.content, 200, HEADERS, one.media_type)

    return serve
