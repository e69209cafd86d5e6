"""What a page declares of itself: where it is, what it takes to see it, and which operation of the API has that rule.

A page without a permission cannot be declared, so that nothing is shown to whoever just signed in.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from starlette.responses import Response

from kado.access.permissions import Permission

if TYPE_CHECKING:
    from kado.doors.console.visit import Visit

Handler: TypeAlias = "Callable[[Visit], Awaitable[Response]]"

ROOT: Final = "/console"
IN_PROGRAM: Final = f"{ROOT}/{{program_id}}"
"""Below it, a page is about one program, which its address names."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page, or what one form does.

    `operations` are those of the API that do the same, as "GET /v2/…": a test compares what each of them asks for.
    There are none for what is for people alone; its permission stands in no rule of the API then.
    """

    method: Literal["GET", "POST"]
    path: str
    permission: Permission
    show: Handler
    operations: tuple[str, ...]
    takes_file: Permission | None = None
    """Its form is sent as `multipart/form-data` by who has this permission."""

    @property
    def in_program(self) -> bool:
        """Whether it is about one program."""
        return self.path == IN_PROGRAM or self.path.startswith(f"{IN_PROGRAM}/")


def shows(path: str, permission: Permission, show: Handler, *operations: str) -> Page:
    """A page that only shows something."""
    return Page("GET", path, permission, show, operations)


def does(path: str, permission: Permission, show: Handler, *operations: str) -> Page:
    """What a form does."""
    return Page("POST", path, permission, show, operations)


def takes(path: str, permission: Permission, show: Handler, *operations: str) -> Page:
    """What a form with a file does."""
    return Page("POST", path, permission, show, operations, takes_file=permission)
