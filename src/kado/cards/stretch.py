"""Walking through all cards of a program in pieces, however many there are and whatever happens to them meanwhile."""

from typing import Final, NamedTuple

from kado.storage.database import Database

BATCH: Final = 100
"""Cards that may be locked at a time, for some hundredths of a second."""

_LOOKED_AT: Final = 2000


class Stretch(NamedTuple):
    """Cards of a program, in the order of their ids: those that are wanted, and the last that was looked at."""

    card_ids: list[str]
    last: str

    def batches(self) -> list[list[str]]:
        """The wanted ones, in pieces that may be locked at a time."""
        return [self.card_ids[at : at + BATCH] for at in range(0, len(self.card_ids), BATCH)]


async def look(database: Database, wanted: str, version: bytes, program_id: str, after: str) -> Stretch | None:
    """The next cards of the program; None after its last card.

    `wanted` is a condition on a card `c`, in which `$1` is the version of a secret. Raises `Unavailable`.
    """
    async with database.read() as connection:
        rows = await connection.fetch(
            f"SELECT c.id, ({wanted}) IS TRUE AS is_wanted FROM card c"
            " WHERE c.program_id = $2 AND c.id > $3 ORDER BY c.id LIMIT $4",
            version,
            program_id,
            after,
            _LOOKED_AT,
        )
    return Stretch([row["id"] for row in rows if row["is_wanted"]], rows[-1]["id"]) if rows else None
