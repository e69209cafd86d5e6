"""What merchants in a report are called, those as well that have left the program."""

from collections.abc import Iterable, Mapping

from kado.reports.source import Source
from kado.storage.database import Connection


async def names_of(source: Source, merchant_ids: Iterable[str]) -> Mapping[str, str]:
    """Their names by their ids. Raises `Unavailable`."""
    wanted = list(merchant_ids)

    async def work(connection: Connection) -> dict[str, str]:
        rows = await connection.fetch("SELECT id, name FROM merchant WHERE id = ANY($1::text[])", wanted)
        return {row["id"]: row["name"] for row in rows}

    return await source.reader.looking(work)
