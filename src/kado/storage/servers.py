"""Which servers work on a database, and under which secrets: each says so in the name of its worker's connection.

The versions of the secrets stand there, which reveal nothing of them. It is how a command finds out that a server would
meet rows that it cannot read.
"""

from collections.abc import Sequence
from typing import Final

from kado.storage.database import Database

_NAME: Final = "kado-worker"


def name_of(versions: Sequence[bytes]) -> str:
    """What a server calls its connection: the current secret first. PostgreSQL keeps 63 characters, six secrets."""
    return " ".join((_NAME, *(version.hex() for version in versions)))[:63]


async def list_servers(database: Database) -> list[list[str]]:
    """For each server that is connected at this moment: its secrets' versions in hexadecimal, the current one first.

    Those whose user this one may not look at are not seen. Raises what is in `AWAY` while the database is away.
    """
    connection = await database.connect()
    try:
        await connection.execute("RESET ROLE")  # the role that servers become may not see what they are called
        rows = await connection.fetch(
            "SELECT application_name AS name FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name LIKE $1",
            f"{_NAME}%",
        )
    finally:
        await connection.close()
    return [row["name"].split()[1:] for row in rows]
