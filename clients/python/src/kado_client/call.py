"""A call before it is sent and the answer to it: plain values that both clients share."""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar, overload

from kado_client.errors import UnexpectedAnswer
from kado_client.wire import Json, Record, parse

T = TypeVar("T")
R = TypeVar("R", bound=Record)

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"


def new_key() -> str:
    """An idempotency key that nobody has used: 128 random bits.

    Better is one that a restart finds again, such as the number of the sale.
    """
    return secrets.token_hex(16)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, read to its end. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A request and how its answer is read."""

    method: str
    path: str
    read: Callable[[Answer], T]
    query: Mapping[str, str] = field(default_factory=dict)
    content: bytes = field(default=b"", repr=False)
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What this call says beside what all of the client's calls say."""
    key: str | None = None
    """The idempotency key. With one, the call moves money once however often it is sent."""
    is_safe: bool = False
    """Whether sending it twice does no harm even without a key."""

    @property
    def is_repeatable(self) -> bool:
        """Whether it may be sent again when it is not known what became of it."""
        return self.is_safe or self.key is not None


@dataclass(frozen=True)
class Page(Sequence[T]):
    """A part of a list, in the server's order, and how much there is in all."""

    items: tuple[T, ...]
    total: int

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[T, ...]: ...
    def __getitem__(self, index: int | slice) -> T | tuple[T, ...]:
        return self.items[index]


def one(record: type[R]) -> Callable[[Answer], R]:
    """Reads a record."""
    return lambda answer: record.of(_body(answer), answer.headers)


def many(record: type[R]) -> Callable[[Answer], Page[R]]:
    """Reads a list of records and `X-Total-Count`."""

    def read(answer: Answer) -> Page[R]:
        body = _body(answer)
        if not isinstance(body, list):
            raise UnexpectedAnswer(f"not a list of {record.__name__}")
        items = tuple(record.of(item) for item in body)
        total = answer.headers.get("x-total-count", "")
        return Page(items, int(total) if total.isdigit() else len(items))

    return read


def whole(answer: Answer) -> bytes:
    """Reads a file."""
    return answer.content


def untyped(answer: Answer) -> Json:
    """Reads an object as it is; nothing at all is an empty one."""
    body = _body(answer) if answer.content else {}
    return body if isinstance(body, dict) else {"value": body}


def form_data(name: str, content: bytes) -> tuple[bytes, str]:
    """A file as the only part of a form: the body and its content type.

    The boundary is random, so that no file has it in it.
    """
    boundary = secrets.token_hex(16)
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
    kind = "Content-Type: application/octet-stream\r\n\r\n"
    body = b"".join((head.encode(), kind.encode(), content, f"\r\n--{boundary}--\r\n".encode()))
    return body, f"multipart/form-data; boundary={boundary}"


def _body(answer: Answer) -> Any:  # noqa: ANN401 - JSON can be anything
    try:
        return parse(answer.content)
    except ValueError:
        raise UnexpectedAnswer(f"{answer.status} with a body that is not JSON") from None
