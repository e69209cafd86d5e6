"""The card that a page's address names."""

from kado.cards import refusals
from kado.cards.find import Found
from kado.doors.console.visit import Visit
from kado.ids import is_id


async def found_in(visit: Visit) -> Found:
    """The card as it is now. Raises `NotFound`."""
    card_id = str(visit.request.path_params["card_id"])
    if not is_id(card_id):
        raise refusals.card_not_found()
    return (await visit.rooms.glances.at(visit.program.id, card_id, is_test=False)).found
