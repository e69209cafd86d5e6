"""From what a screen says to what a browser gets: language, template, headers, cookies.

Each answer to something that was asked for says in a header what is known of it, so that the script of the till keeps
the question until the truth has been shown: `settled` (done, or refused and never done), `unknown` (ask again with the
same key), `signed-out` (ask again when somebody has signed in).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from kado.doors.pos.files import ICONS, SCRIPTS, STYLES
from kado.doors.pos.rooms import Rooms
from kado.errors import Refusal
from kado.languages.choose import Language, spoken
from kado.languages.say import words
from kado.web.security import app_headers
from kado.web.templates import templates_of
from kado.web.visitor import LANGUAGES, Visitor, visitor_of
from kado.web.worded import say_of, tell_of, why_not

OUTCOME: Final = "Kado-Outcome"
Known = Literal["settled", "unknown", "signed-out"]

DEVICE_COOKIE: Final = "kado_terminal"
PERSON_COOKIE: Final = "kado_till"
LANGUAGE_COOKIE: Final = "kado_till_language"
_YEAR: Final = 400 * 24 * 3600
"""As long as browsers keep a cookie."""

_AREA: Final = "till"
_templates: Final = templates_of("kado.doors.pos")


@dataclass(frozen=True, slots=True)
class Screen:
    """What is shown: a template and its facts. `known` is said of what was asked for."""

    template: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    known: Known | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def reader_of(request: Request, usual: Language = Language.ENGLISH) -> Visitor:
    """As the address says, else as was chosen on this device, else as the browser does."""
    kept = spoken(request.cookies.get(LANGUAGE_COOKIE))
    visitor = visitor_of(request, usual)
    return visitor if visitor.has_chosen or kept is None else replace(visitor, language=kept)


def shown(rooms: Rooms, screen: Screen, visitor: Visitor, **facts: object) -> HTMLResponse:
    """The screen as a browser gets it."""
    language = visitor.language
    text = _templates.get_template(f"{screen.template}.html").render(
        screen.facts,
        language=language,
        languages=LANGUAGES,
        say=say_of((_AREA,), language),
        tell=tell_of((_AREA,), language),
        why=lambda code, detail: why(code, detail, language),
        styles=STYLES,
        scripts=SCRIPTS,
        icons=ICONS,
        **facts,
    )
    about = {"Content-Language": language.value, "Vary": "Accept-Language, Cookie"}
    known = {OUTCOME: screen.known} if screen.known else {}
    response = HTMLResponse(text, screen.status, {**about, **app_headers(is_till=True), **known, **screen.headers})
    if visitor.has_chosen:
        keep(rooms, response, LANGUAGE_COOKIE, language.value, _YEAR)
    return response


def why(code: str, detail: str, language: Language) -> str:
    """A refusal in the reader's language, or in English where there are no words of ours for it."""
    return words(_AREA, language).get(f"no_{code}") or why_not(code, detail, language)


def onward(address: str) -> RedirectResponse:
    """By 303, so that whoever loads what comes then anew sends no form again."""
    return RedirectResponse(address, 303, {"Cache-Control": "no-store"})


def sorry(rooms: Rooms, request: Request, refusal: Refusal) -> HTMLResponse:
    """A "no" that no screen of its own says."""
    facts = {"code": refusal.code, "detail": refusal.detail}
    known: Known = "unknown" if refusal.status == 503 else "settled"
    return shown(rooms, Screen("sorry", facts, refusal.status, known, refusal.headers), reader_of(request))


def keep(rooms: Rooms, response: Response, name: str, value: str, seconds: int | None) -> None:
    """Let the device keep this, for our own pages alone and out of reach of any script."""
    response.set_cookie(
        name, value, max_age=seconds, path="/pos", httponly=True, samesite="strict", secure=rooms.is_secure
    )


def keep_device(rooms: Rooms, response: Response, token: str) -> None:
    """From now on the device is a till."""
    keep(rooms, response, DEVICE_COOKIE, token, _YEAR)


def forget(rooms: Rooms, response: Response, name: str) -> None:
    """The device keeps it no more."""
    response.delete_cookie(name, path="/pos", httponly=True, samesite="strict", secure=rooms.is_secure)
