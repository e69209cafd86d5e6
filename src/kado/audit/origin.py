"""Where a change comes from: what the door that let it in knows of whoever asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True, slots=True)
class Origin:
    """The other end of a request; all empty for what nobody outside asked for."""

    address: str | None = None
    """As far as trusted proxies say, IPv6 as its /64."""
    user_agent: str | None = None
    request_id: str | None = None
    country: str | None = None
    """Two letters, as a trusted proxy says; None where none does."""
    through: str | None = None
    """Of a customer: the key, person or front end that brought their session, as an actor is written."""


NOBODY: Final = Origin()
"""The server's own work, and the operator's at the command line."""

_current: Final[ContextVar[Origin]] = ContextVar("origin", default=NOBODY)


def origin() -> Origin:
    """Where what is being done now comes from."""
    return _current.get()


def passes_through(actor: str) -> None:
    """The rest of this request is a customer's, whom this actor lets in."""
    _current.set(replace(_current.get(), through=actor))


@contextmanager
def coming_from(source: Origin) -> Iterator[None]:
    """Whatever is done inside comes from there."""
    token = _current.set(source)
    try:
        yield
    finally:
        _current.reset(token)
