"""One HTTP process: uvicorn on a socket that somebody else bound."""

import asyncio
import re
import resource
import socket
from collections.abc import Awaitable, Callable
from typing import Final

from kado.access.permissions import Permission
from kado.app import compose, graceful
from kado.app.connection import Bounds
from kado.app.fast_connection import configured
from kado.cards.page_check import PageChecks
from kado.doors import console, pages, pos, wallet
from kado.doors.api import Neighbours, served
from kado.doors.api.intake import Larger
from kado.doors.api.services import Services
from kado.observability.meters import CONNECTIONS
from kado.settings import Settings

_GRACE_SECONDS = 8
_LOOK_SECONDS = 0.01
_OTHER_FILES: Final = 128
"""For the database, mail, webhooks and logs: a connection more must never be the one that they do not get."""


async def serve(settings: Settings, url: str, listening: socket.socket, stop: asyncio.Event) -> None:
    """Answer requests until `stop` is set, then finish those that have begun."""
    async with compose.services(settings, url) as services:
        api = served(services, neighbours(services))
        server = graceful.Server(configured(api, bounds(settings), timeout_graceful_shutdown=_GRACE_SECONDS))
        CONNECTIONS.read_from(lambda: {(): len(server.server_state.connections)})
        serving = asyncio.create_task(server.serve([listening]))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
        # Stopped before it has begun, it would leave without a word to those it has let in.
        while not server.started and not serving.done():  # noqa: ASYNC110 - it tells nobody that it has
            await asyncio.sleep(_LOOK_SECONDS)
        server.should_exit = True
        stopping.cancel()
        await serving


def neighbours(services: Services) -> Neighbours:
    """The pages, the console, the till and what wallets call, on the rooms that the API opens on."""
    rooms = pages.Rooms(
        database=services.database,
        keyring=services.keyring,
        public_url=services.settings.public_url,
        blocks=services.blocks,
        ledger=services.ledger,
        checks=services.checks,
        page_checks=PageChecks(services.database, services.keyring, services.checks),
        looks=services.looks,
        offers=services.wallets.offers,
    )
    routes = [
        *wallet.routes(services.database, services.blocks, services.wallets),
        *pages.routes(rooms),
        *console.routes(_console(services)),
        *pos.routes(_till(services)),
    ]
    form_paths = (*pages.FORM_PATHS, *console.FORM_PATHS, *pos.FORM_PATHS)
    files = re.compile("|".join(one.pattern for one in console.FILE_PATHS.values()))
    return Neighbours(routes, form_paths, pages.GUESSABLE, files, _files(services), console.turned_away)


def _files(services: Services) -> list[Larger]:
    """What is sent to the console's forms for pictures and lists."""

    def who_may(permission: Permission) -> Callable[[str | None], Awaitable[str | None]]:
        async def sender(cookies: str | None) -> str | None:
            return await console.who_sends(services.access, cookies or "", permission)

        return sender

    return [
        Larger({"POST"}, paths, console.FILE_BYTES, who_may(permission), header=b"cookie")
        for permission, paths in console.FILE_PATHS.items()
    ]


def _console(services: Services) -> console.Rooms:
    return console.Rooms(
        settings=services.settings,
        keyring=services.keyring,
        database=services.database,
        reader=services.reader,
        reports=services.reports,
        access=services.access,
        reaches=services.reaches,
        ledger=services.ledger,
        glances=services.glances,
        checks=services.checks,
        blocks=services.blocks,
        looks=services.looks,
        poster=services.poster,
        wallets=services.wallets,
        customers=services.customers,
        has_captcha=services.captcha.is_on,
    )


def _till(services: Services) -> pos.Rooms:
    return pos.Rooms(
        database=services.database,
        keyring=services.keyring,
        blocks=services.blocks,
        ledger=services.ledger,
        reaches=services.reaches,
        looks=services.looks,
        public_url=services.settings.public_url,
    )


def bounds(settings: Settings) -> Bounds:
    """What connections may take of a process: a third of the time of a request for its head, the rest for its body."""
    third = settings.request_seconds / 3
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    room = settings.connections if files == resource.RLIM_INFINITY else files - _OTHER_FILES
    return Bounds(connections=max(1, min(settings.connections, room)), head_seconds=third, take_seconds=2 * third)
