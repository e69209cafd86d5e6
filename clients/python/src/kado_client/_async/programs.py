"""Programs: a currency and its rules; and what there is to do in one of them."""

from typing import Unpack

from kado_client._async.bulk import AsyncBulk
from kado_client._async.cards import AsyncCards
from kado_client._async.holds import AsyncHolds
from kado_client._async.look import AsyncLook
from kado_client._async.resource import AsyncResource
from kado_client._async.transport import AsyncTransport
from kado_client.call import Page
from kado_client.records.programs import ProgramChanges, ProgramDetails, ProgramName, ProgramRules
from kado_client.wire import changes, path_of


class AsyncProgram:
    """One program: `cards`, `holds` and `bulk` work in it, `look` is how its cards look."""

    def __init__(self, transport: AsyncTransport, program_id: str) -> None:
        place = "v2/giftcards/programs/" + path_of(program_id)
        self.id = program_id
        self.cards = AsyncCards(transport, place)
        self.holds = AsyncHolds(transport, place)
        self.bulk = AsyncBulk(transport, place)
        self.look = AsyncLook(transport, "v2/loyalty/programs/" + path_of(program_id))


class AsyncPrograms(AsyncResource):
    """Programs of the merchant."""

    async def create(self, name: str, *, currency: str = "USD", **rules: Unpack[ProgramRules]) -> ProgramDetails:
        """Open a program. Its currency can never be changed. Takes no key, and so is never sent twice."""
        return await self._write(("programs",), ProgramDetails, changes({"name": name, "currency": currency, **rules}))

    async def list(self) -> Page[ProgramName]:
        """Programs that the merchant owns or is admitted to, oldest first."""
        return await self._list(("loyalty", "programs"), ProgramName)

    async def get(self, program_id: str) -> ProgramDetails:
        """A program with all its rules."""
        return await self._get(("loyalty", "programs", program_id), ProgramDetails)

    async def update(self, program_id: str, **rules: Unpack[ProgramChanges]) -> ProgramDetails:
        """Change what is given and nothing else; None takes a limit or a text away."""
        path = ("loyalty", "programs", program_id)
        return await self._write(path, ProgramDetails, changes(rules), method="PUT", is_safe=True)
