# Written by scripts/client.py (make format) from _async/programs.py. Change that instead.

"""Programs: a currency and its rules; and what there is to do in one of them."""

from typing import Unpack

from kado_client._sync.bulk import Bulk
from kado_client._sync.cards import Cards
from kado_client._sync.holds import Holds
from kado_client._sync.look import Look
from kado_client._sync.resource import Resource
from kado_client._sync.transport import Transport
from kado_client.call import Page
from kado_client.records.programs import ProgramChanges, ProgramDetails, ProgramName, ProgramRules
from kado_client.wire import changes, path_of


class Program:
    """One program: `cards`, `holds` and `bulk` work in it, `look` is how its cards look."""

    def __init__(self, transport: Transport, program_id: str) -> None:
        place = "v2/giftcards/programs/" + path_of(program_id)
        self.id = program_id
        self.cards = Cards(transport, place)
        self.holds = Holds(transport, place)
        self.bulk = Bulk(transport, place)
        self.look = Look(transport, "v2/loyalty/programs/" + path_of(program_id))


class Programs(Resource):
    """Programs of the merchant."""

    def create(self, name: str, *, currency: str = "USD", **rules: Unpack[ProgramRules]) -> ProgramDetails:
        """Open a program. Its currency can never be changed. Takes no key, and so is never sent twice."""
        return self._write(("programs",), ProgramDetails, changes({"name": name, "currency": currency, **rules}))

    def list(self) -> Page[ProgramName]:
        """Programs that the merchant owns or is admitted to, oldest first."""
        return self._list(("loyalty", "programs"), ProgramName)

    def get(self, program_id: str) -> ProgramDetails:
        """A program with all its rules."""
        return self._get(("loyalty", "programs", program_id), ProgramDetails)

    def update(self, program_id: str, **rules: Unpack[ProgramChanges]) -> ProgramDetails:
        """Change what is given and nothing else; None takes a limit or a text away."""
        path = ("loyalty", "programs", program_id)
        return self._write(path, ProgramDetails, changes(rules), method="PUT", is_safe=True)
