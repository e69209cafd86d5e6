"""Pages for people, rendered on the server; they work without JavaScript."""

import re
from typing import Final

from starlette.routing import Route

from kado.doors.pages.balance import challenge, check_balance, show_form
from kado.doors.pages.card import activate, back_to_the_card, show_card, show_number
from kado.doors.pages.paper import print_folded, print_page
from kado.doors.pages.picture import picture
from kado.doors.pages.proof_script import PROOF
from kado.doors.pages.respond import answering
from kado.doors.pages.rooms import Rooms
from kado.web import asset

FORM_PATHS: Final = ("/cards/", "/balance/")
"""Below these, bodies are forms."""

GUESSABLE: Final = re.compile("/balance/[^/]+|/cards/[^/]+/(?:activate|number)")
"""Where numbers and codes are typed in: what guessers would ask a thousand times a second."""


def routes(rooms: Rooms) -> list[Route]:
    """Every page. What only shows something answers to GET; what takes a code, to POST."""
    return [
        Route("/cards/{pass_sid}", answering(rooms, show_card), methods=["GET"]),
        Route("/cards/{pass_sid}/activate", answering(rooms, activate), methods=["POST"]),
        Route("/cards/{pass_sid}/number", answering(rooms, show_number), methods=["POST"]),
        Route("/cards/{pass_sid}/paper", answering(rooms, print_page), methods=["GET"]),
        Route("/cards/{pass_sid}/paper/folded", answering(rooms, print_folded), methods=["GET"]),
        # Where a form led to: whoever loads that address anew is at the card again.
        Route("/cards/{pass_sid}/activate", answering(rooms, back_to_the_card), methods=["GET"]),
        Route("/cards/{pass_sid}/number", answering(rooms, back_to_the_card), methods=["GET"]),
        Route("/balance/{program_id}", answering(rooms, show_form), methods=["GET"]),
        Route("/balance/{program_id}", answering(rooms, check_balance), methods=["POST"]),
        Route("/balance/{program_id}/challenge", answering(rooms, challenge), methods=["GET"]),
        Route("/pictures/{program_id}/{picture_id}", picture(rooms.database), methods=["GET"], name="picture"),
        *asset.routes([PROOF]),
    ]


__all__ = ["FORM_PATHS", "GUESSABLE", "Rooms", "routes"]
