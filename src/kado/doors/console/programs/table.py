"""The pages of programs."""

from typing import Final

from kado.access.permissions import Permission
from kado.doors.console.page import IN_PROGRAM, ROOT, Page, does, shows
from kado.doors.console.programs import admitted, rules

_LIST: Final = "GET /v2/loyalty/programs"
_ONE: Final = "/v2/loyalty/programs/{programId}"
_WRITE: Final = Permission.PROGRAMS_WRITE

BESIDE: Final[tuple[Page, ...]] = (
    shows(f"{ROOT}/programs", Permission.PROGRAMS_READ, rules.show_list, _LIST),
    shows(f"{ROOT}/programs/new", _WRITE, rules.show_new, "POST /v2/programs"),
    shows(f"{ROOT}/programs/new/meaning", _WRITE, rules.preview_new, "POST /v2/programs"),
    does(f"{ROOT}/programs/new", _WRITE, rules.do_create, "POST /v2/programs"),
)
"""Those that are about no program in particular."""

INSIDE: Final[tuple[Page, ...]] = (
    shows(f"{IN_PROGRAM}/rules", Permission.PROGRAMS_READ, rules.show, f"GET {_ONE}"),
    shows(f"{IN_PROGRAM}/rules/{{group}}/meaning", _WRITE, rules.preview, f"PUT {_ONE}"),
    does(f"{IN_PROGRAM}/rules/{{group}}", _WRITE, rules.save, f"PUT {_ONE}"),
    shows(f"{IN_PROGRAM}/admitted/{{merchant_id}}", _WRITE, admitted.show_dismiss, f"PUT {_ONE}"),
    does(f"{IN_PROGRAM}/admitted/{{merchant_id}}", _WRITE, admitted.end, f"PUT {_ONE}"),
)
