"""Who comes to a page, what they may there, and what they typed in: settled before any page is asked.

What a page may take for granted: the caller is a person who signed in and has its permission, in the program of its
address; what a form brings was sent by a page that we rendered for this sign-in.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from kado.access import renewal, staff
from kado.access.caller import Caller
from kado.access.operator import runs_server
from kado.access.permissions import Permission
from kado.access.store import Staff
from kado.audit.origin import origin
from kado.doors.console import cookie
from kado.doors.console.page import IN_PROGRAM, ROOT, Page
from kado.doors.console.rooms import Rooms
from kado.errors import Forbidden, Refusal, Unauthenticated
from kado.fraud.entrance import enter
from kado.ids import id_of
from kado.languages.choose import Language, spoken, wanted
from kado.programs.find import list_reachable
from kado.programs.program import Program
from kado.programs.reach import Reach
from kado.web import forms

SIGN_IN: Final = f"{ROOT}/sign-in"
SECOND_FACTOR: Final = f"{ROOT}/account/second-factor"

STALE: Final = "form_stale"
"""The code of the refusal of a form that we did not render for this sign-in within a day."""

_FIELD_MAX: Final = 20_000
"""More than the longest text that a program has. What is longer is cut, and refused for its length then."""

_START_MAX: Final = 100_000

Sorry = Callable[["Visit | None", Request, Refusal], Response]


@dataclass(frozen=True, slots=True)
class Visit:
    """A person on a page."""

    rooms: Rooms
    request: Request
    language: Language
    caller: Caller
    person: Staff
    programs: list[Program] = field(default_factory=list)
    """Those that the person can go to, oldest first."""
    reach: Reach | None = None
    """Of a page that is about a program: that program."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """What was typed in."""
    file: bytes = field(default=b"", repr=False)
    """The file that came with the form; empty where there was none."""
    runs_server: bool = False
    """Whether the server itself is the person's to look at."""

    @property
    def program(self) -> Program:
        """The program that the page is about."""
        assert self.reach is not None, "a page below a program"
        return self.reach.program

    @property
    def zone(self) -> ZoneInfo:
        """Where the person lives, as far as their programs say."""
        return ZoneInfo("UTC") if self.around is None else self.around.program.zone

    @property
    def address(self) -> str:
        """The page's own, without what follows a question mark."""
        return self.request.url.path

    @property
    def home(self) -> str:
        """Where the pages of the program begin."""
        return IN_PROGRAM.format(program_id=self.program.id)

    @property
    def key(self) -> str:
        """The idempotency key of what the form does: the same however often this one form is sent."""
        return self.fields["form"]

    @property
    def wish(self) -> bytes:
        """What the form is in place of chance: the same however often this one form is sent, and known to us alone."""
        return self.rooms.keyring.mac("request-hash", b"wish", self.key.encode())

    @property
    def fresh_id(self) -> str:
        """The id of what the form makes."""
        return id_of(self.wish, forms.made_at(self.key))

    @property
    def is_partial(self) -> bool:
        """Whether a part of a page asks, which stays where it is."""
        return self.request.headers.get("hx-request") == "true"

    def asked(self, name: str) -> str:
        """What the address says after its question mark under this name; empty where it says nothing."""
        return self.request.query_params.get(name, "")

    def asked_among(self, name: str, among: Collection[str]) -> str:
        """The same, as long as it is one of these."""
        found = self.asked(name)
        return found if found in among else ""

    @property
    def start(self) -> int:
        """With which row of a list the page begins."""
        asked = self.asked("start")
        return min(int(asked), _START_MAX) if asked.isdecimal() and len(asked) < 7 else 0

    @property
    def around(self) -> Reach | None:
        """The program that the ways at the side lead through: the page's, or, beside programs, the first one."""
        if self.reach is not None or not self.programs:
            return self.reach
        first = self.programs[0]
        return Reach(first, first.merchant_id == self.caller.merchant_id)

    def may(self, permission: Permission) -> bool:
        """Whether the person may do this: in the program of the page, or, beside programs, at all."""
        if self.reach is None:
            return permission in self.caller.permissions
        return self.caller.may_in(self.reach, permission)

    def token(self, address: str) -> str:
        """For a form that is sent to this address."""
        return forms.token_for(self.rooms.keyring, _bound(self.caller, address))


def visiting(rooms: Rooms, page: Page, sorry: Sorry) -> Callable[[Request], Awaitable[Response]]:
    """The handler of a page. Whatever is refused, `sorry` tells people in words."""

    async def answer(request: Request) -> Response:
        visit: Visit | None = None
        fresh = None
        try:
            caller, fresh = await _caller(rooms, request)
            visit = await _greeted(rooms, request, caller)
            if caller.lacks_second_factor and page.permission is not Permission.SELF_READ:
                response: Response = RedirectResponse(SECOND_FACTOR, 303)
            else:
                visit = await _let_in(visit, page)
                response = await page.show(visit)
        except Unauthenticated as refusal:
            # Of a person who is known, it is what they showed beside: a code, a password.
            response = to_sign_in(rooms, request) if visit is None else sorry(visit, request, refusal)
        except Refusal as refusal:
            response = sorry(visit, request, refusal)
        if fresh is not None and "set-cookie" not in response.headers:
            cookie.keep_token(response, rooms.settings, fresh)
        chosen = spoken(request.query_params.get("lang"))
        if chosen is not None:
            cookie.keep_language(response, rooms.settings, chosen)
        return response

    return answer


def language_of(request: Request) -> Language:
    """As the address says, else as was chosen before, else as the browser does."""
    chosen = spoken(request.query_params.get("lang")) or spoken(request.cookies.get(cookie.LANGUAGE))
    return chosen or wanted(request.headers.get("accept-language", ""))


def to_sign_in(rooms: Rooms, request: Request) -> Response:
    """To the form for signing in, and from there back to where somebody wanted to look."""
    path = request.url.path
    back = f"?next={quote(path)}" if request.method == "GET" and path != ROOT else ""
    if request.headers.get("hx-request") == "true":
        response: Response = Response(status_code=401, headers={"HX-Redirect": SIGN_IN + back})
    else:
        response = RedirectResponse(SIGN_IN + back, 303)
    response.headers["Cache-Control"] = "no-store"
    if cookie.token_in(request) is not None:
        cookie.forget_token(response, rooms.settings)
    return response


async def _caller(rooms: Rooms, request: Request) -> tuple[Caller, str | None]:
    """Who has this cookie, and a fresh token where theirs is to be renewed. Raises `Unauthenticated`."""
    token = cookie.token_in(request)
    if token is None:
        raise Unauthenticated
    caller = await rooms.access.authenticate(f"Bearer {token}")
    if caller.person_id is None or caller.sign_in_id is None:
        raise Unauthenticated("not_a_person", "This token belongs to a key, not to a person.")
    if not renewal.is_due(rooms.keyring, token):
        return caller, None
    return caller, await renewal.renew(rooms.database, rooms.keyring, token)


async def _greeted(rooms: Rooms, request: Request, caller: Caller) -> Visit:
    """The person by name, with the programs that they can go to."""
    person = await staff.find(rooms.database, caller.person_id or "")
    assert person is not None, "accounts are never deleted"
    programs: list[Program] = []
    if Permission.PROGRAMS_READ in caller.permissions:
        programs = await list_reachable(rooms.database, caller.merchant_id)
    runs = await runs_server(rooms.database, caller)
    return Visit(rooms, request, language_of(request), caller, person, programs, runs_server=runs)


async def _let_in(visit: Visit, page: Page) -> Visit:
    """The visit with the page's program and what was typed in. Raises `Forbidden`."""
    rooms, request, caller = visit.rooms, visit.request, visit.caller
    reach = None
    if page.in_program:
        program_id = str(request.path_params["program_id"])
        reach = await enter(rooms.reaches, rooms.blocks, caller, program_id, page.permission, origin().address or "")
    else:
        caller.require(page.permission)
    fields: Mapping[str, str] = {}
    file = b""
    if page.method == "POST":
        fields, file = await _sent(request, page)
        if not forms.is_own(rooms.keyring, _bound(caller, request.url.path), fields.get("form", "")):
            raise Forbidden(STALE, "This form was open for too long; nothing was done.")
    return replace(visit, reach=reach, fields=fields, file=file)


async def _sent(request: Request, page: Page) -> tuple[Mapping[str, str], bytes]:
    """Fields and file of a form. Raises `Forbidden` for one that another site sent."""
    if not page.takes_file:
        return await forms.fields_of(request, _FIELD_MAX), b""
    parts = forms.parts_of(request)
    file = parts.pop("file", b"")
    return {name: value.decode(errors="replace")[:_FIELD_MAX] for name, value in parts.items()}, file


def _bound(caller: Caller, address: str) -> str:
    """What a form's token is made for: where it is sent, and by which sign-in."""
    return f"{caller.sign_in_id} {address}"
