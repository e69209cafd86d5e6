"""How a card looks on paper: a sample, which says that it is none."""

from typing import cast

from starlette.responses import Response

from kado.doors.console.visit import Visit
from kado.paper.card import FORMATS, Format, Sheet
from kado.paper.drawn import usual_size
from kado.paper.single import sample_of
from kado.web import typed


async def show(visit: Visit) -> Response:
    """The PDF, in a form and a design of one's choice."""
    wanted = visit.asked("format")
    usual = usual_size(visit.program)
    known = cast("Format", wanted) if wanted in FORMATS else usual
    design = typed.line(visit.request.query_params, "design", typed.REFERENCE_MAX)
    rooms = visit.rooms
    sheet = Sheet(known, usual)
    made = await sample_of(rooms.database, rooms.settings.public_url, visit.program, design, sheet, visit.language)
    headers = {"Content-Disposition": 'inline; filename="sample.pdf"', "Cache-Control": "no-store"}
    return Response(made, 200, headers, "application/pdf")
