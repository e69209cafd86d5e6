"""Designs to choose from when a card is made: those that come along, and one's own."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from kado.designs import pictures
from kado.designs.look import designs_of
from kado.designs.pictures import DESIGN, DESIGNS_MAX
from kado.doors.console.look.drawing import AREAS
from kado.doors.console.respond import problem_of, shown, to
from kado.doors.console.visit import Visit
from kado.errors import Invalid, Refusal
from kado.web import typed

_ASKED: Final = {"slug": "", "image": ""}
_LETTERS: Final = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "ı": "i"})
_BETWEEN: Final = re.compile(r"[^a-z0-9]+")


async def show(visit: Visit) -> Response:
    """All of them, and a form for one more."""
    return await _page(visit, "", {})


async def add(visit: Visit) -> Response:
    """Keep a picture as a design of this name. One that there is under it is replaced."""
    said = typed.said(visit.fields, "slug")
    try:
        slug = pictures.known_slug(name_of(typed.needed(said or None, "slug")))
        if not visit.file:
            raise Invalid(("body", "image"), "A picture is needed.", "missing")
        await pictures.save(visit.rooms.database, visit.caller, visit.program.id, DESIGN, slug, visit.file)
    except Refusal as refusal:
        return await _page(visit, said, problem_of(refusal, visit.language, _ASKED), refusal.status)
    return to(f"{visit.home}/look/designs?done=saved")


async def remove(visit: Visit) -> Response:
    """Take one's own away: its cards show the one that comes along under that name, or the plain one."""
    slug = str(visit.request.path_params["slug"])
    await pictures.remove(visit.rooms.database, visit.caller, visit.program.id, DESIGN, slug)
    return to(f"{visit.home}/look/designs?done=removed")


def name_of(said: str) -> str:
    """What people call a design as designs are called: `Fête des Mères` is `fete-des-meres`."""
    plain = unicodedata.normalize("NFKD", said.casefold().translate(_LETTERS))
    bare = "".join(one for one in plain if not unicodedata.combining(one))
    return _BETWEEN.sub("-", bare).strip("-")[:100].strip("-")


async def _page(visit: Visit, said: str, problems: Mapping[str, str], status: int = 200) -> Response:
    program = visit.program
    found = await designs_of(visit.rooms.database, program)
    facts: dict[str, Any] = {
        "own": [(one, pictures.address(program.id, one.picture)) for one in found.own],
        "usual": [(slug, pictures.address(program.id, picture)) for slug, picture in found.usual.items()],
        "said": said,
        "problems": problems,
        "most": DESIGNS_MAX,
        "done": visit.asked_among("done", ("saved", "removed")),
        "here": f"{visit.home}/look/designs",
    }
    return shown(visit, "look_designs.html", facts, here="look", areas=AREAS, status=status)
