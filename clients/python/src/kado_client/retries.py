"""When a call is sent again, how long is waited before that, and what is raised when there is no more time.

Pure but for the clock and the dice: both clients are driven by this, and it does no I/O.
"""

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from kado_client.call import Answer, Call
from kado_client.errors import (
    ApiError,
    FieldError,
    NetworkError,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    NotValid,
    OutcomeUnknown,
    Refused,
    ServerFault,
    TooManyRequests,
    UnexpectedAnswer,
)
from kado_client.wire import parse

REPEATED: Final = frozenset({429, 502, 503, 504})
_DECIDED: Final = frozenset({400, 404, 409, 422})
"""Statuses under which the server has looked at the key: if the request had been carried out, it would have said so."""

_ERRORS: Final[Mapping[int, type[ApiError]]] = {
    400: Refused,
    401: NotAuthenticated,
    403: NotAllowed,
    404: NotFound,
    422: NotValid,
    429: TooManyRequests,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How patient a client is. Waits grow from `first_wait_seconds`, doubled each time, between half and all of it."""

    attempts: int = 6
    """Tries of one call in all; 1 means that nothing is sent twice."""
    deadline_seconds: float = 30
    """From the first try to the end of the last one."""
    attempt_seconds: float = 10
    """What each step of a try waits at most: connecting, sending, reading more of the answer."""
    first_wait_seconds: float = 0.25
    longest_wait_seconds: float = 5

    def wait_seconds(self, attempt: int) -> float:
        """How long to wait after this try (1 is the first), so that a thousand tills do not come back at once."""
        longest = min(self.longest_wait_seconds, self.first_wait_seconds * 2 ** (attempt - 1))
        return random.uniform(longest / 2, longest)  # noqa: S311 - spreads load, keeps no secret


class Attempts:
    """The tries of one call."""

    def __init__(self, policy: Retries, call: Call[Any]) -> None:
        self._policy = policy
        self._call = call
        self._deadline = time.monotonic() + policy.deadline_seconds
        self._made = 0
        self._may_have_happened = False

    def begin(self) -> float:
        """Another try; the seconds that it may take."""
        self._made += 1
        return max(0.001, min(self._policy.attempt_seconds, self.seconds_left))

    @property
    def seconds_left(self) -> float:
        """Until the deadline; negative afterwards."""
        return self._deadline - time.monotonic()

    def after_failure(self, error: Exception) -> float:
        """No answer came: the seconds to wait before the next try. Raises `NetworkError` when there is none."""
        self._may_have_happened = True
        wait = self._policy.wait_seconds(self._made)
        if self._may_repeat(wait):
            return wait
        tries = "1 try" if self._made == 1 else f"{self._made} tries"
        said = str(error) or type(error).__name__
        raise NetworkError(f"no answer after {tries}: {said}", self._call.key) from error

    def after_answer(self, answer: Answer) -> float | None:
        """None: the answer is good. Otherwise the seconds to wait, or what the answer says is raised."""
        if answer.status < 300:
            return None
        retry_after = _retry_after(answer)
        self._may_have_happened = self._may_have_happened or answer.status >= 500
        if answer.status in REPEATED:
            wait = self._policy.wait_seconds(self._made) + (retry_after or 0)
            if self._may_repeat(wait):
                return wait
        if answer.status < 400:
            raise UnexpectedAnswer(f"{answer.status}: a redirect; is this the server's own address?", self._call.key)
        error = _error(answer, retry_after, self._call.key)
        if self._may_have_happened and answer.status not in _DECIDED and not isinstance(error, ServerFault):
            # This try was turned away at the door, which tells nothing about the one before it.
            raise OutcomeUnknown(f"after a try without an answer: {error}", self._call.key) from error
        raise error

    def _may_repeat(self, wait: float) -> bool:
        return self._call.is_repeatable and self._made < self._policy.attempts and wait < self.seconds_left


def _error(answer: Answer, retry_after: int | None, key: str | None) -> ApiError:
    try:
        body = parse(answer.content)
    except ValueError:
        body = {}
    body = body if isinstance(body, dict) else {}
    detail, code = body.get("detail"), body.get("code")
    fields = [_field(one) for one in detail if isinstance(one, dict)] if isinstance(detail, list) else []
    said = detail if isinstance(detail, str) else "; ".join(_words(one) for one in fields) or "no reason given"
    kind = ServerFault if answer.status >= 500 else _ERRORS.get(answer.status, ApiError)
    return kind(
        answer.status,
        code if isinstance(code, str) else None,
        said,
        fields=fields,
        members={name: value for name, value in body.items() if name not in ("detail", "code")},
        request_id=answer.headers.get("x-request-id"),
        retry_after=retry_after,
        idempotency_key=key,
    )


def _field(error: Mapping[str, Any]) -> FieldError:
    loc = error.get("loc")
    return FieldError(
        tuple(loc) if isinstance(loc, list) else (), str(error.get("msg", "")), str(error.get("type", ""))
    )


def _words(error: FieldError) -> str:
    return f"{'.'.join(str(part) for part in error.loc)}: {error.message}"


def _retry_after(answer: Answer) -> int | None:
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0, round((moment.astimezone(UTC) - datetime.now(UTC)).total_seconds()))
