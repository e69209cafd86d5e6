"""Other shops in a program: their admission is the operator's to give, and its owner's to end."""

from starlette.responses import Response

from kado.doors.console.respond import shown, to
from kado.doors.console.visit import Visit
from kado.ids import is_id
from kado.programs.admit import dismiss, list_admitted, not_admitted


async def show_dismiss(visit: Visit) -> Response:
    """What it means that a shop is admitted no more. Raises `NotFound` for one that is not."""
    merchant_id = _asked_for(visit)
    names = dict(await list_admitted(visit.rooms.database, visit.program.id))
    if merchant_id not in names:
        raise not_admitted()
    facts = {"id": merchant_id, "name": names[merchant_id]}
    return shown(visit, "admitted_dismiss.html", facts, here="rules", areas=("console_programs",))


async def end(visit: Visit) -> Response:
    """End the admission. Raises `NotFound` where there was none."""
    rooms, program_id = visit.rooms, visit.program.id
    await dismiss(rooms.database, program_id, _asked_for(visit), visit.caller.subject)
    rooms.reaches.forget(program_id)
    return to(f"{visit.home}/rules?saved=dismissed#admitted")


def _asked_for(visit: Visit) -> str:
    """Raises `NotFound` for what is no id."""
    merchant_id = str(visit.request.path_params["merchant_id"])
    if not is_id(merchant_id):
        raise not_admitted()
    return merchant_id
