"""The pages about the server and about the books."""

from typing import Final

from kado.access.permissions import Permission
from kado.doors.console.page import IN_PROGRAM, ROOT, Page, does, shows
from kado.doors.console.server import books, machine

_PROGRAM: Final = "/v2/loyalty/programs/{programId}"

BESIDE: Final[tuple[Page, ...]] = (
    # An owner's permission, and beside it the handler asks whether the server is the owner's.
    shows(f"{ROOT}/server", Permission.STAFF_WRITE, machine.show, "POST /v2/staff"),
)
"""Those that are about no program."""

INSIDE: Final[tuple[Page, ...]] = (
    shows(f"{IN_PROGRAM}/books", Permission.PROGRAMS_WRITE, books.show, f"PUT {_PROGRAM}"),
    does(f"{IN_PROGRAM}/books", Permission.PROGRAMS_WRITE, books.check, f"PUT {_PROGRAM}"),
)
