"""What makes the till an app of its own on a tablet: the manifest, the worker that says when there is no line."""

import hashlib
import json
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from kado.access.till_store import Terminal
from kado.doors.pos.files import ALL, ICONS, WORKER
from kado.doors.pos.respond import Screen, reader_of, shown
from kado.doors.pos.rooms import Rooms
from kado.web.worded import say_of

_OFFLINE: Final = "/pos/offline"
_SHELL: Final = json.dumps([_OFFLINE, *(one.path for one in ALL)])
_VERSION: Final = hashlib.sha256(_SHELL.encode() + WORKER.content).hexdigest()[:12]
_WORKER: Final = WORKER.content.decode().replace("VERSION", _VERSION).replace("SHELL_FILES", _SHELL)


async def manifest(_rooms: Rooms, request: Request, _terminal: Terminal | None) -> Response:
    """How a device shows the till among its apps."""
    say = say_of(("till",), reader_of(request).language)
    icons = [
        {"src": icon.path, "sizes": f"{size}x{size}", "type": icon.media_type, "purpose": "any maskable"}
        for size, icon in ICONS.items()
    ]
    about = {
        "id": "/pos",
        "name": say("app_name"),
        "short_name": say("till"),
        "start_url": "/pos",
        "scope": "/pos",
        "display": "standalone",
        "background_color": "#f6f7f6",
        "theme_color": "#14532d",
        "icons": icons,
    }
    return Response(json.dumps(about), headers={"Cache-Control": "no-cache"}, media_type="application/manifest+json")


async def worker(_rooms: Rooms, _request: Request, _terminal: Terminal | None) -> Response:
    """The service worker, for all of the till."""
    headers = {
        "Cache-Control": "no-cache",
        "Service-Worker-Allowed": "/pos",
        # What it may fetch, its own policy says, and not that of the pages.
        "Content-Security-Policy": "default-src 'none'; connect-src 'self'",
    }
    return Response(_WORKER, headers=headers, media_type="text/javascript")


async def offline(rooms: Rooms, request: Request, _terminal: Terminal | None) -> Response:
    """The page that a device keeps for when there is no line. It says nothing about anybody."""
    return shown(rooms, Screen("offline"), reader_of(request))


async def alive(_rooms: Rooms, _request: Request, _terminal: Terminal | None) -> Response:
    """For a device that asks whether there is a line again."""
    return Response(status_code=204, headers={"Cache-Control": "no-store"})
