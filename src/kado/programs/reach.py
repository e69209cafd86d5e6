"""Which programs a merchant can reach: those it owns and those it is admitted to."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cachetools import TTLCache

from kado.errors import Forbidden
from kado.ids import is_id
from kado.programs import store
from kado.programs.program import Program
from kado.storage.database import Database

_SECONDS: Final = 30
_SIZE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Reach:
    """A program as one merchant sees it."""

    program: Program
    is_owner: bool


class Reaches:
    """Answers for this process, remembered for 30 seconds. Only a yes is remembered: a new admission counts at once."""

    def __init__(self, database: Database, timer: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._known: TTLCache[tuple[str, str], Reach] = TTLCache(_SIZE, _SECONDS, timer)
        self._names: TTLCache[tuple[str, str], str] = TTLCache(_SIZE, _SECONDS)
        self._forgotten = 0

    async def reach(self, program_id: str, merchant_id: str) -> Reach:
        """The program and whether the merchant owns it.

        Raises `Forbidden` when the merchant cannot reach it, with the same answer when it does not exist.
        """
        known = self.remembered(program_id, merchant_id)
        if known is not None:
            return known
        if not is_id(program_id):
            raise forbidden()
        forgotten = self._forgotten
        async with self._database.read() as connection:
            program = await store.find_reachable(connection, program_id, merchant_id)
        if program is None:
            raise forbidden()
        reach = Reach(program, program.merchant_id == merchant_id)
        # What was read before someone said "forget" may be what was to be forgotten.
        if forgotten == self._forgotten:
            self._known[program_id, merchant_id] = reach
        return reach

    def remembered(self, program_id: str, merchant_id: str) -> Reach | None:
        """The same where this process knows it already; None where `reach` has to look."""
        return self._known.get((program_id, merchant_id))

    async def merchant_name(self, program_id: str, merchant_id: str) -> str | None:
        """The name of a merchant that owns the program or is admitted to it; None for any other."""
        known = self._names.get((program_id, merchant_id))
        if known is None:
            async with self._database.read() as connection:
                known = await store.find_member_name(connection, program_id, merchant_id)
            if known is not None:
                self._names[program_id, merchant_id] = known
        return known

    def forget(self, program_id: str) -> None:
        """Read the program anew at the next question."""
        self._forgotten += 1
        for key in [key for key in list(self._known) if key[0] == program_id]:
            self._known.pop(key, None)


def forbidden() -> Forbidden:
    """The one answer for a program that is another merchant's and for one that does not exist."""
    return Forbidden("program_forbidden", "This token does not own the program and is not admitted to it.")
