"""What a call can end in, other than its result.

    KadoError                    everything below
    ├── ApiError                 the server answered "no": status, code, detail, facts
    │   ├── Refused              400: what the card or the program says
    │   ├── NotAuthenticated     401: who are you?
    │   ├── NotAllowed           403: you may not
    │   ├── NotFound             404: nothing there that you may see
    │   ├── NotValid             422: a field is wrong (`fields`), or the idempotency key is
    │   ├── TooManyRequests      429: slow down (`retry_after`)
    │   └── ServerFault          5xx; also an OutcomeUnknown
    ├── OutcomeUnknown           nobody knows whether it was carried out; `idempotency_key` settles it
    │   ├── NetworkError         no answer came
    │   └── UnexpectedAnswer     something answered that is not Kado
    └── NotGenuine               a webhook that Kado did not send

A till needs two branches: `except OutcomeUnknown` (keep the key, ask again later) and `except ApiError` (it did not
happen). The first stands first, since a `ServerFault` is both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class KadoError(Exception):
    """Everything that this client raises about a call, other than for arguments that cannot be right."""


class OutcomeUnknown(KadoError):
    """It is not known whether the request was carried out. Repeat it with `idempotency_key`; it then happens once.

    The key is None for a call that takes none.
    """

    def __init__(self, detail: str, idempotency_key: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.idempotency_key = idempotency_key


class NetworkError(OutcomeUnknown):
    """No answer came before the deadline, or no complete one. `__cause__` is what httpx said last."""


class UnexpectedAnswer(OutcomeUnknown):
    """What came is not an answer of Kado: a proxy's page, a redirect, a body without its members."""


class NotGenuine(KadoError):
    """A webhook without a valid signature of this secret, or one that is too old."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """A field that is wrong: where it is ("body", "amount"), why, and which kind of fault that is."""

    loc: tuple[str | int, ...]
    message: str
    type: str


class ApiError(KadoError):
    """The server's "no". `members` are the facts beside it, such as `availableBalance`; numbers in it are exact."""

    def __init__(
        self,
        status: int,
        code: str | None,
        detail: str,
        *,
        fields: Sequence[FieldError] = (),
        members: Mapping[str, Any] | None = None,
        request_id: str | None = None,
        retry_after: int | None = None,
        idempotency_key: str | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {detail}" if code else f"{status}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.fields = tuple(fields)
        self.members: Mapping[str, Any] = dict(members or {})
        self.request_id = request_id
        """What the server's log calls this request; name it when you ask the operator."""
        self.retry_after = retry_after
        """Seconds before which another try cannot succeed."""
        self.idempotency_key = idempotency_key


class Refused(ApiError):
    """The card or the program says no: `insufficient_balance`, `card_expired` and others."""


class NotAuthenticated(ApiError):
    """No bearer, session or signature, or one that is not valid (any more)."""


class NotAllowed(ApiError):
    """The caller is known and may not do this, or not in this program."""


class NotFound(ApiError):
    """Nothing there that the caller may see."""


class NotValid(ApiError):
    """A field is wrong, or the idempotency key was used for another request."""


class TooManyRequests(ApiError):
    """A limit is reached."""


class ServerFault(ApiError, OutcomeUnknown):
    """The server could not say what became of the request. With the same key it can later."""
