"""From what a page says to what a browser gets: language, look, template, headers."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, TypeAlias

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from kado.designs.look import Look
from kado.doors.pages.contact import ways_to
from kado.doors.pages.rooms import Rooms
from kado.doors.pages.security import headers
from kado.doors.pages.style import style_of
from kado.errors import Refusal
from kado.languages.choose import Language, spoken, wanted
from kado.languages.say import words
from kado.programs.program import Program

Handler: TypeAlias = Callable[[Rooms, Request], Awaitable[Response]]

LANGUAGES: Final = {
    Language.ENGLISH: "English",
    Language.GERMAN: "Deutsch",
    Language.FRENCH: "Français",
    Language.SPANISH: "Español",
    Language.DUTCH: "Nederlands",
}
"""Each in its own words."""

_WORDED: Final = ("card_page", "balance_page")

_templates: Final = Environment(
    loader=PackageLoader("kado.doors.pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who reads the page: in which language, and whether they chose it themselves."""

    language: Language
    has_chosen: bool

    @property
    def query(self) -> str:
        """What their choice adds to an address."""
        return f"?lang={self.language}" if self.has_chosen else ""


def visitor_of(request: Request, usual: Language = Language.ENGLISH) -> Visitor:
    """As the address says, else as the browser does, else as is usual here."""
    chosen = spoken(request.query_params.get("lang"))
    return Visitor(chosen or wanted(request.headers.get("accept-language", ""), usual), chosen is not None)


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
        say=_say(page.area, language),
        tell=_tell(page.area, language),
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


@cache
def _words(area: str, language: Language) -> Mapping[str, str]:
    """The words of an area beside those that all pages have."""
    common = words("pages", language)
    return {**common, **words(area, language)} if area in _WORDED else common


def _say(area: str, language: Language) -> Callable[..., str]:
    """Words as plain text, with what they leave open."""
    known = _words(area, language)

    def say(key: str, /, **facts: object) -> str:
        return known[key].format_map(facts)

    return say


def _tell(area: str, language: Language) -> Callable[..., Markup]:
    """The same as part of a page: what people wrote stands apart, so that it turns nothing beside it around."""
    known = _words(area, language)

    def tell(key: str, /, **facts: object) -> Markup:
        apart = {name: Markup("<bdi>{}</bdi>").format(fact) for name, fact in facts.items()}
        return Markup(known[key]).format_map(apart)  # noqa: S704 - our own words, and what is filled in is escaped

    return tell
