"""From where reports read: figures perhaps from a copy of the database, the time from the database itself."""

from dataclasses import dataclass
from datetime import datetime

from kado.reports.states import States
from kado.storage.copies import Reader
from kado.storage.database import Database


@dataclass(frozen=True, slots=True)
class Source:
    """One for a process."""

    database: Database
    reader: Reader
    states: States

    async def now(self) -> datetime:
        """The moment by the clock that decides about money. Raises `Unavailable`."""
        async with self.database.read() as connection:
            moment: datetime = await connection.fetchval("SELECT clock_timestamp()")
        return moment


def source_of(database: Database, reader: Reader | None = None) -> Source:
    """A source that reads with this reader, or with the database alone."""
    reads = reader or database
    return Source(database, reads, States(reads))
