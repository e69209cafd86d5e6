"""What an operation is to the tests of rights and tenants."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from tests.api.shop import Body, Shop

from kado.access.permissions import Permission


class Operation(NamedTuple):
    """A request on a card (or beside one), the state the card must be in, and the right that it takes.

    `prepare` adds to the card what the request names beside it; the token is of whoever works at the till.
    """

    permission: Permission
    method: str
    path: Callable[[Body], str]
    body: Callable[[Body], Body | None]
    starts_as: str = "active"
    status: int = 200
    prepare: Callable[[Shop, Body, str], Awaitable[Body]] | None = None
    by_person: bool = False
    """A key will not do."""
    file: Callable[[], bytes] | None = None
    """Makes what is sent as the part `image`, in place of a body."""


def nothing(_: Body) -> None:
    """The body of a request that has none."""
