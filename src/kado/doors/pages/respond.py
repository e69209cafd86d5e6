"""From what a page says to what a browser gets: language, look, template, headers."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from kado.designs.look import Look
from kado.doors.pages.contact import ways_to
from kado.doors.pages.rooms import Rooms
from kado.doors.pages.style import style_of
from kado.errors import Refusal
from kado.programs.program import Program
from kado.web.security import headers
from kado.web.templates import templates_of
from kado.web.visitor import LANGUAGES, Visitor, visitor_of
from kado.web.worded import say_of, tell_of

Handler: TypeAlias = Callable[[Rooms, Request], Awaitable[Response]]

_WORDED: Final = ("card_page", "balance_page")

_templates: Final = templates_of("kado.doors.pages")


@dataclass(frozen=True, slots=True)
class Page:
    """What is shown. `area` names template and words; `address` is the page's own, for its links to other languages.

    It is empty for pages that stand for any address, and say none.
    """

    area: str
    address: str
    visitor: Visitor
    look: Look | None
    program: Program | None
    facts: Mapping[str, Any]
    takes_form: bool = False
    runs_script: bool = False


def shown(page: Page, status: int = 200, more: Mapping[str, str] | None = None) -> HTMLResponse:
    """The page as a browser gets it, with `more` headers."""
    style, language = style_of(page.look), page.visitor.language
    areas = _areas(page.area)
    text = _templates.get_template(f"{page.area}.html").render(
        page.facts,
        language=language,
        languages=LANGUAGES,
        address=page.address,
        query=page.visitor.query,
        look=page.look,
        program=page.program,
        ways=[] if page.program is None else ways_to(page.program),
        style=style,
        say=say_of(areas, language),
        tell=tell_of(areas, language),
    )
    about = {"Content-Language": language.value, "Vary": "Accept-Language"}
    secure = headers(style, takes_form=page.takes_form, runs_script=page.runs_script)
    return HTMLResponse(text, status, {**about, **secure, **(more or {})})


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a form did not do what it is for: the key of the words that say it, and the status."""

    key: str
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)


def nothing_here(request: Request) -> HTMLResponse:
    """The one page for every address that leads nowhere, whatever is wrong with it."""
    return shown(Page("nothing", "", visitor_of(request), None, None, {}), 404)


def answering(rooms: Rooms, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """The handler over these rooms, which tells people in words what it has to refuse."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(rooms, request)
        except Refusal as refusal:
            page = Page("sorry", "", visitor_of(request), None, None, {})
            return shown(page, refusal.status, refusal.headers)

    return answer


def _areas(area: str) -> tuple[str, ...]:
    """Where a page's words are: its own beside those that all pages have."""
    return ("pages", area) if area in _WORDED else ("pages",)
