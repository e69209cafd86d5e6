"""Every "no" that Kado says to a caller: a code for programs, a sentence for people, facts as members.

    Refusal                     an answer that the caller can understand and act on
    ├── Invalid                 a field is wrong (422, names the field)
    ├── Unauthenticated         who are you? (401)
    ├── Forbidden               you may not (403)
    ├── NotFound                there is no such thing, or it is not yours to see (404)
    ├── MadeAlready             the same wish came before, and was done then (409)
    ├── TooMany                 slow down (429, says for how long)
    └── Unavailable             the database is away or too busy (503, says when to come back)

A refusal that is about a card's money or state is a plain `Refusal`, made in `kado.cards.refusals`.
Doors turn refusals into statuses and bodies; rooms raise or return them and know nothing of HTTP beyond the number.
"""

from collections.abc import Mapping
from typing import ClassVar


class Refusal(Exception):
    """A "no" with its reason. `members` are extra facts for programs (decimals are written as exact JSON numbers)."""

    status: ClassVar[int] = 400

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        members: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        loc: tuple[str | int, ...] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.members: dict[str, object] = dict(members or {})
        self.headers: dict[str, str] = dict(headers or {})
        self.loc = loc


class Invalid(Refusal):
    """A field of the request cannot be accepted; `loc` names it as validation errors do, e.g. ("body", "amount")."""

    status = 422

    def __init__(self, loc: tuple[str | int, ...], message: str, kind: str = "value_error") -> None:
        super().__init__(kind, message, loc=loc)


class Unauthenticated(Refusal):
    """No token, or one that is not valid (any more)."""

    status = 401

    def __init__(self, code: str = "unauthenticated", detail: str = "A valid bearer token is required.") -> None:
        super().__init__(code, detail, headers={"WWW-Authenticate": "Bearer"})


class Forbidden(Refusal):
    """The caller is known and has no right to do this."""

    status = 403


class NotFound(Refusal):
    """Nothing there that the caller may see."""

    status = 404


class MadeAlready(Refusal):
    """What was asked for was made when the same wish came before. What was shown then is shown no second time."""

    status = 409

    def __init__(self) -> None:
        super().__init__("made_already", "This was made when the same request came before.")


class TooMany(Refusal):
    """A limit is reached; trying again before `retry_after_seconds` cannot succeed."""

    status = 429

    def __init__(self, code: str, detail: str, retry_after_seconds: int) -> None:
        super().__init__(code, detail, headers={"Retry-After": str(max(1, retry_after_seconds))})


class Unavailable(Refusal):
    """The work could not be taken on or its outcome is not known yet; the same request with the same key settles it."""

    status = 503

    def __init__(self, code: str, detail: str, retry_after_seconds: int = 1) -> None:
        super().__init__(code, detail, headers={"Retry-After": str(max(1, retry_after_seconds))})
