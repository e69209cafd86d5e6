"""The one thing that a browser keeps of the console: the token of a sign-in, and which language was chosen.

The token is kept from scripts (`HttpOnly`), from other sites' forms (`SameSite=Lax`) and from the rest of the server
(`Path=/console`); where the server is reached over https, it is sent over nothing else.
"""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from kado.doors.console.page import ROOT
from kado.settings import Settings

TOKEN: Final = "kado_console"  # noqa: S105 - the name of a cookie
LANGUAGE: Final = "kado_language"

_YEAR_SECONDS: Final = 365 * 24 * 3600


def token_in(request: Request) -> str | None:
    """The token that the browser has, if it has one."""
    return request.cookies.get(TOKEN) or None


def keep_token(response: Response, settings: Settings, token: str) -> None:
    """Have the browser keep the token until it is closed."""
    response.set_cookie(TOKEN, token, path=ROOT, secure=_is_secure(settings), httponly=True, samesite="lax")


def forget_token(response: Response, settings: Settings) -> None:
    """Have the browser forget it."""
    response.delete_cookie(TOKEN, path=ROOT, secure=_is_secure(settings), httponly=True, samesite="lax")


def keep_language(response: Response, settings: Settings, language: str) -> None:
    """Have the browser remember the language for a year."""
    response.set_cookie(
        LANGUAGE,
        language,
        max_age=_YEAR_SECONDS,
        path=ROOT,
        secure=_is_secure(settings),
        httponly=True,
        samesite="lax",
    )


def _is_secure(settings: Settings) -> bool:
    return settings.public_url.startswith("https://")
