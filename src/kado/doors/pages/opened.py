"""From the address of a card's page to the card. Whatever is wrong with the address, it leads nowhere."""

import re
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from kado.audit.origin import origin
from kado.cards.find import Found, card_by_pass
from kado.doors.pages.rooms import Rooms
from kado.programs import find as programs
from kado.programs.program import Program

_SID: Final = re.compile(r"[0-9a-f]{56}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Opened:
    """A card whose page somebody may see."""

    found: Found
    program: Program

    @property
    def address(self) -> str:
        """The path of its page."""
        return f"/cards/{self.found.card.pass_sid}"


async def opened_card(rooms: Rooms, request: Request) -> Opened | None:
    """The card behind the address, if there is one and who asks is not blocked in its program."""
    pass_sid = request.path_params["pass_sid"]
    found = await card_by_pass(rooms.database, pass_sid[:24], pass_sid) if _SID.fullmatch(pass_sid) else None
    program = await programs.get(rooms.database, found.card.program_id) if found is not None else None
    if found is None or program is None or await rooms.blocks.covers(program.id, origin().address or ""):
        return None
    return Opened(found, program)
