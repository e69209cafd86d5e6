"""What tills took without a line, and what became of it: for the shop to read."""

from dataclasses import dataclass

from kado.cards.offline import store
from kado.cards.offline.store import Reported
from kado.programs.program import Program
from kado.storage.database import Database


@dataclass(frozen=True, slots=True)
class Away:
    """A part of the list, newest first, and what may still come: amounts in minor units of the program's currency."""

    takes: list[Reported]
    has_more: bool
    tills: int
    """How many of them may take without a line now."""
    exposed: int
    """How much they may take in all."""


async def away_of(database: Database, program: Program, merchant_id: str, *, limit: int, start: int = 0) -> Away:
    """Of all tills of the program for its owner, of its own for a merchant that is admitted. Raises `Unavailable`."""
    of_whom = None if merchant_id == program.merchant_id else merchant_id
    async with database.read() as connection:
        takes = await store.list_takes(connection, program.id, of_whom, limit + 1, start)
        tills, exposed = await store.exposed(connection, program.id, of_whom)
    return Away(takes[:limit], len(takes) > limit, tills, exposed)
