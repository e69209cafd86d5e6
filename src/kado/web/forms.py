"""Forms of our own pages: which of them a request brings, and whether it comes from one that we rendered.

Holders' pages have no cookie that another site could borrow, and what is typed in there, a code, no other site knows;
where people sign in, a token is made for one sign-in. Each form carries a token that we made for its address within a
day, and a browser that says it was sent by another site is turned away: no site makes its visitors guess for it.
"""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from starlette.requests import Request

from kado.crypto import Keyring, equal
from kado.errors import Forbidden

FIELD_MAX: Final = 4096
"""More than a proof of work has. What is longer is cut, and fits nothing then."""

_DAY_HOURS: Final = 24
_OWN: Final = frozenset({"same-origin", "none"})


def token_for(keyring: Keyring, address: str) -> str:
    """A token for the form that is sent to this address; also the name of the one thing that it does, however often
    it is sent."""
    hour, nonce = _hour(), secrets.token_hex(16)
    return f"{hour}.{nonce}.{_macs(keyring, address, str(hour), nonce)[0]}"


def is_own(keyring: Keyring, address: str, token: str) -> bool:
    """Whether the token was made for this address within the last day."""
    hour, _, rest = token.partition(".")
    nonce, _, given = rest.partition(".")
    if not (hour.isascii() and hour.isdigit() and len(hour) <= 9) or not 0 <= _hour() - int(hour) <= _DAY_HOURS:
        return False
    return any(equal(given.encode(errors="replace"), mac.encode()) for mac in _macs(keyring, address, hour, nonce))


def made_at(token: str) -> int:
    """Around when a token of ours was made, in seconds since 1970."""
    return int(token.partition(".")[0]) * 3600


async def fields_of(request: Request, longest: int = FIELD_MAX) -> Mapping[str, str]:
    """What was typed in, each field cut to `longest`. Raises `Forbidden` for a form that another site sent."""
    _refuse_other_sites(request)
    form = await request.form()
    return {name: value[:longest] for name, value in form.items() if isinstance(value, str)}


def parts_of(request: Request) -> dict[str, bytes]:
    """The parts of a form with a file, which the gate has read. Raises `Forbidden` for one that another site sent."""
    _refuse_other_sites(request)
    parts = request.scope["state"]["json"]
    return dict(parts) if isinstance(parts, dict) else {}


def _refuse_other_sites(request: Request) -> None:
    if request.headers.get("sec-fetch-site", "none") not in _OWN:
        raise Forbidden("other_site", "This form was sent by another site.")


def _macs(keyring: Keyring, address: str, hour: str, nonce: str) -> list[str]:
    parts = (b"page-form", address.encode(), hour.encode(), nonce.encode(errors="replace"))
    return [mac.hex() for mac in keyring.macs("request-hash", *parts)]


def _hour() -> int:
    return int(datetime.now(UTC).timestamp()) // 3600
