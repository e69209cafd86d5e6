"""Who stands at which till: what every screen behind the PIN begins with."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from kado.access import terminals, till_sessions
from kado.access.caller import Caller
from kado.access.permissions import Permission
from kado.access.till_store import Standing, Terminal
from kado.audit.origin import origin
from kado.doors.pos.respond import (
    DEVICE_COOKIE,
    PERSON_COOKIE,
    Screen,
    reader_of,
    shown,
    sorry,
)
from kado.doors.pos.rooms import Rooms
from kado.errors import Refusal
from kado.languages.choose import Language
from kado.programs.program import Program
from kado.programs.reach import Reach
from kado.web.visitor import Visitor


@dataclass(frozen=True, slots=True)
class Stand:
    """Somebody at a till, in the program whose cards are sold and taken there."""

    rooms: Rooms
    request: Request
    standing: Standing
    caller: Caller
    reach: Reach
    visitor: Visitor

    @property
    def program(self) -> Program:
        """The program."""
        return self.reach.program

    @property
    def terminal(self) -> Terminal:
        """The device."""
        return self.standing.terminal

    @property
    def language(self) -> Language:
        """In which language the till speaks."""
        return self.visitor.language

    def may(self, permission: Permission) -> bool:
        """Whether the person may do this here."""
        try:
            self.caller.require_in(self.reach, permission)
        except Refusal:
            return False
        return True

    async def require(self, permission: Permission) -> None:
        """Raises `Forbidden` unless the person may do this here, and from this address."""
        self.caller.require_in(self.reach, permission)
        await self.rooms.blocks.require_free(self.program.id, origin().address or "")

    def address(self, *parts: str) -> str:
        """For what a form of this sign-in is made: it is none of another device's, and none of whoever comes after."""
        return "/".join(("/pos", self.terminal.id, self.standing.session_id, *parts))

    def shown(self, screen: Screen) -> HTMLResponse:
        """The screen under the till's own head."""
        return shown(self.rooms, screen, self.visitor, stand=self)


Handler: TypeAlias = Callable[[Stand], Awaitable[Response]]
Outside: TypeAlias = Callable[[Rooms, Request, Terminal | None], Awaitable[Response]]


def at_till(rooms: Rooms, handler: Handler, otherwise: Outside) -> Callable[[Request], Awaitable[Response]]:
    """The handler for whoever is signed in; `otherwise` is shown to a device where nobody is, or that is no till."""

    async def answer(request: Request) -> Response:
        try:
            token = request.cookies.get(DEVICE_COOKIE, "")
            standing = await till_sessions.find(rooms.database, token, request.cookies.get(PERSON_COOKIE, ""))
            if standing is None:
                return await otherwise(rooms, request, await terminals.find_by_token(rooms.database, token))
            caller = till_sessions.caller_of(standing)
            reach = await rooms.reaches.reach(standing.terminal.program_id, caller.merchant_id)
            visitor = reader_of(request, reach.program.language)
            return await handler(Stand(rooms, request, standing, caller, reach, visitor))
        except Refusal as refusal:
            return sorry(rooms, request, refusal)

    return answer


def at_device(rooms: Rooms, handler: Outside) -> Callable[[Request], Awaitable[Response]]:
    """The handler for any device; it is told which till it is, if it is one."""

    async def answer(request: Request) -> Response:
        try:
            terminal = await terminals.find_by_token(rooms.database, request.cookies.get(DEVICE_COOKIE, ""))
            return await handler(rooms, request, terminal)
        except Refusal as refusal:
            return sorry(rooms, request, refusal)

    return answer
