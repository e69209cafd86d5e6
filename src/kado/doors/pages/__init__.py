"""Pages for people, rendered on the server; they work without JavaScript."""

from starlette.routing import Route

from kado.doors.pages.card import card_page
from kado.doors.pages.picture import picture
from kado.fraud.blocked import Blocks
from kado.storage.database import Database


def routes(database: Database, blocks: Blocks) -> list[Route]:
    """Every page."""
    return [
        Route("/cards/{pass_sid}", card_page(database, blocks), methods=["GET"], name="card_page"),
        Route("/pictures/{program_id}/{picture_id}", picture(database), methods=["GET"], name="picture"),
    ]
