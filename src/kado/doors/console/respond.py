"""From what a page says to what a browser gets: language, words, template, headers."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from datetime import time as noon
from functools import partial
from typing import Any, Final

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from kado.access.colleagues import UNCONFIRMED
from kado.access.permissions import Permission
from kado.doors.console import navigation
from kado.doors.console.visit import STALE, Visit, language_of
from kado.errors import Refusal, Unavailable
from kado.languages import tell as told
from kado.languages.choose import Language
from kado.web.asset import Asset, asset
from kado.web.security import app_headers
from kado.web.templates import templates_of
from kado.web.visitor import LANGUAGES
from kado.web.worded import say_of, tell_of, why_not

BASE: Final = asset("kado.web", "base.css")
SHEET: Final = asset("kado.doors.console", "console.css")
HTMX: Final = asset("kado.web", "htmx.min.js")
ICON: Final = asset("kado.doors.console", "icon.svg")
ASSETS: Final[tuple[Asset, ...]] = (BASE, SHEET, HTMX, ICON)

_PROGRAMS_SHOWN: Final = 50

_templates: Final = templates_of("kado.doors.console")


def shown(
    visit: Visit,
    template: str,
    facts: Mapping[str, Any],
    *,
    here: str = "",
    areas: tuple[str, ...] = (),
    status: int = 200,
    more: Mapping[str, str] | None = None,
) -> HTMLResponse:
    """A page for a person who signed in. `here` is the way of the navigation that it belongs to, `areas` its words."""
    known = {
        **_common(visit.language, areas, visit.address),
        "visit": visit,
        "may": lambda permission: visit.may(Permission(permission)),
        "form": lambda address: _hidden(visit.token(address)),
        "sections": list(navigation.sections_for(visit, here)),
        "here": here,
        "since": lambda moment: told.time_of(moment, visit.language, visit.zone),
        "programs": visit.programs[:_PROGRAMS_SHOWN],
        "program": None if visit.around is None else visit.around.program,
        **_in_program(visit),
        **facts,
    }
    return _page(template, known, visit.language, status, more)


def plain(
    request: Request,
    template: str,
    facts: Mapping[str, Any],
    *,
    areas: tuple[str, ...] = (),
    status: int = 200,
    more: Mapping[str, str] | None = None,
) -> HTMLResponse:
    """A page for whoever comes."""
    language = language_of(request)
    known = {**_common(language, areas, request.url.path), "visit": None, "program": None, **facts}
    return _page(template, known, language, status, more)


def to(address: str) -> Response:
    """To another page, by 303: whoever loads it anew sends no form again."""
    return RedirectResponse(address, 303, {"Cache-Control": "no-store"})


def sorry(visit: Visit | None, request: Request, refusal: Refusal) -> Response:
    """What cannot be done, in words; with the navigation where somebody is signed in."""
    facts = {"problem": in_words(refusal, language_of(request)), "is_stale": refusal.code == STALE}
    if visit is None:
        return plain(request, "sorry_bare.html", facts, status=refusal.status, more=_further(refusal))
    return shown(visit, "sorry.html", facts, status=refusal.status, more=_further(refusal))


def again(visit: Visit, refusal: Unavailable) -> Response:
    """What was sent, to be sent once more under the same key: whether it was done is not known, and it is done once."""
    facts = {"fields": visit.fields, "key": visit.key, "problem": in_words(refusal, visit.language)}
    return shown(visit, "again.html", facts, status=refusal.status, more=refusal.headers)


def in_words(refusal: Refusal, language: Language) -> str:
    """Why not, in the reader's language; in English where there are no words for it yet."""
    member = str(refusal.loc[-1]) if refusal.loc else ""
    return why_not(refusal.code, refusal.detail, language, member=member, facts=refusal.members)


def problem_of(refusal: Refusal, language: Language, fields: Mapping[str, str]) -> dict[str, str]:
    """The same for a form: by the field that it is about, or under the empty name for the form as a whole.

    Where it asks who one is once more, what speaks against that is about that field.
    """
    name = str(refusal.loc[-1]) if refusal.loc else ""
    if refusal.code in UNCONFIRMED and "confirmation" in fields:
        name = "confirmation"
    return {name if name in fields else "": in_words(refusal, language)}


def _further(refusal: Refusal) -> dict[str, str]:
    """A browser does nothing with `WWW-Authenticate: Bearer`."""
    return {name: value for name, value in refusal.headers.items() if name != "WWW-Authenticate"}


def _common(language: Language, areas: tuple[str, ...], address: str) -> dict[str, Any]:
    known = ("console", "console_ways", *areas)
    return {
        "language": language,
        "languages": LANGUAGES,
        "address": address,
        "say": say_of(known, language),
        "tell": tell_of(known, language),
        "count": partial(told.count, language=language),
        "styles": (BASE.path, SHEET.path),
        "script": HTMX.path,
        "favicon": ICON.path,
    }


def _in_program(visit: Visit) -> dict[str, Callable[..., str]]:
    """How amounts and days of the page's program are written."""
    if visit.reach is None:
        return {}
    program, language = visit.program, visit.language

    def money(minor: int) -> str:
        return told.money(minor, program.currency, language)

    def day(moment: datetime) -> str:
        return told.day(moment, language, program.zone)

    def time(moment: datetime) -> str:
        return told.time_of(moment, language, program.zone)

    def day_of(on: date) -> str:
        return told.day(datetime.combine(on, noon(12), program.zone), language, program.zone)

    return {"money": money, "day": day, "time": time, "day_of": day_of}


def _hidden(token: str) -> Markup:
    return Markup('<input type="hidden" name="form" value="{}">').format(token)


def _page(
    template: str, known: Mapping[str, Any], language: Language, status: int, more: Mapping[str, str] | None
) -> HTMLResponse:
    text = _templates.get_template(template).render(known)
    about = {"Content-Language": language.value, "Vary": "Accept-Language, Cookie, HX-Request"}
    return HTMLResponse(text, status, {**about, **app_headers(), **(more or {})})
