"""Bearer tokens of people: JWT, HS256, one hour. The algorithm and the header are ours; a token chooses nothing.

Signature and form are checked here without a database. Whether a token is valid now is asked of the database's clock,
by which it was issued, so that a machine whose own clock is wrong neither shortens nor lengthens its life.
"""

import base64
import binascii
import json
import math
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import jwt

from kado.access.permissions import Role
from kado.crypto import Keyring
from kado.errors import Unauthenticated
from kado.ids import is_id

LIFE_SECONDS: Final = 3600
LEEWAY_SECONDS: Final = 5
ISSUER: Final = "kado"
AUDIENCE: Final = "kado-api"

_HEADER: Final = {"typ": "JWT", "alg": "HS256"}
_HEADER_CHARS_MAX: Final = 64
_SUBJECT: Final = "staff:"
_PART: Final = re.compile(r"[A-Za-z0-9_-]+")
_MOMENT_MAX: Final = 253_402_300_799
_TEXT_MAX: Final = 128


@dataclass(frozen=True, slots=True)
class Claims:
    """What a genuine token says. Times are seconds since 1970."""

    token_id: str
    """Names the sign-in, if it is one that this server wrote down."""
    staff_id: str
    merchant_id: str
    role: Role
    issued_at: int
    not_before: int
    expires_at: int

    def check_time(self, now: datetime) -> None:
        """Raises `Unauthenticated` unless the token is valid at `now`, give or take five seconds."""
        seconds = now.timestamp()
        if seconds >= self.expires_at + LEEWAY_SECONDS:
            raise Unauthenticated("token_expired", "The token has expired; sign in again.")
        if seconds < max(self.not_before, self.issued_at) - LEEWAY_SECONDS:
            raise refused()


def issue(
    keyring: Keyring,
    *,
    staff_id: str,
    merchant_id: str,
    role: Role,
    now: datetime,
    valid_from: datetime | None = None,
    token_id: str | None = None,
    ends: datetime | None = None,
) -> str:
    """A token for one hour from `now`, the database's time, or until `ends` where that comes before.

    `valid_from` is the moment before which this person's tokens are refused. The token counts whole seconds, so one
    that is issued in the very second of that moment is dated to the next one.
    """
    issued_at = int(now.timestamp())
    if valid_from is not None:
        issued_at = max(issued_at, math.ceil(valid_from.timestamp()))
    life = LIFE_SECONDS if ends is None else min(LIFE_SECONDS, int(ends.timestamp()) - issued_at)
    claims = {
        "exp": issued_at + life,
        "nbf": issued_at,
        "iat": issued_at,
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": f"{_SUBJECT}{staff_id}",
        "jti": token_id or secrets.token_hex(16),
        "merchant": merchant_id,
        "role": role.value,
    }
    return jwt.encode(claims, keyring.key("jwt"), algorithm="HS256")


def verify(keyring: Keyring, token: str) -> Claims:
    """What the token says, if one of the live keys signed it and its form is exactly ours.

    Raises `Unauthenticated`. Times are not checked here.
    """
    header, payload, signature = _parts(token)
    if len(header) > _HEADER_CHARS_MAX or _object(_decoded(header)) != _HEADER:
        raise refused()
    _decoded(signature)
    _check_signature(keyring, token)
    return _claims(_object(_decoded(payload)))


def refused() -> Unauthenticated:
    """The one answer for everything that is wrong with a token, so that a forger learns nothing."""
    return Unauthenticated("invalid_token", "The bearer token is not valid.")


def _parts(token: str) -> tuple[str, str, str]:
    parts = token.split(".")
    if len(parts) != 3:
        raise refused()
    return parts[0], parts[1], parts[2]


def _decoded(part: str) -> bytes:
    """Strict base64url: no padding, no other alphabet, and no second spelling of the same bytes."""
    if not _PART.fullmatch(part):
        raise refused()
    try:
        plain = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except binascii.Error:
        raise refused() from None
    if base64.urlsafe_b64encode(plain).rstrip(b"=") != part.encode():
        raise refused()
    return plain


def _object(plain: bytes) -> dict[str, object]:
    """A JSON object in which no member appears twice."""

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        members = dict(pairs)
        if len(members) != len(pairs):
            raise refused()
        return members

    try:
        value = json.loads(plain.decode(), object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise refused() from None
    if not isinstance(value, dict):
        raise refused()
    return value


def _check_signature(keyring: Keyring, token: str) -> None:
    jws = jwt.PyJWS(algorithms=["HS256"])
    for key in keyring.keys("jwt"):
        try:
            jws.decode(token, key, algorithms=["HS256"])
            return
        except jwt.InvalidSignatureError:
            continue
        except (jwt.PyJWTError, ValueError):
            break
    raise refused()


def _claims(said: dict[str, object]) -> Claims:
    subject, merchant_id, role = _text(said, "sub"), _text(said, "merchant"), _text(said, "role")
    token_id = _text(said, "jti")
    if _text(said, "iss") != ISSUER or _text(said, "aud") != AUDIENCE:
        raise refused()
    if not subject.startswith(_SUBJECT) or not is_id(subject.removeprefix(_SUBJECT)) or not is_id(merchant_id):
        raise refused()
    if role not in set(Role):
        raise refused()
    issued_at, not_before, expires_at = _moment(said, "iat"), _moment(said, "nbf"), _moment(said, "exp")
    if not 0 < expires_at - issued_at <= LIFE_SECONDS or not_before > expires_at:
        raise refused()
    staff_id = subject.removeprefix(_SUBJECT)
    return Claims(token_id, staff_id, merchant_id, Role(role), issued_at, not_before, expires_at)


def _text(said: dict[str, object], name: str) -> str:
    value = said.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _TEXT_MAX:
        raise refused()
    return value


def _moment(said: dict[str, object], name: str) -> int:
    value = said.get(name)
    if type(value) is not int or not 0 <= value <= _MOMENT_MAX:  # `True` is an int to isinstance
        raise refused()
    return value
