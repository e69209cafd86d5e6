"""The database as a running server uses it."""

from typing import Final

import structlog

from kado.settings import Settings
from kado.storage.copies import Copies
from kado.storage.database import Database

_WORKER_CONNECTIONS: Final = 12
_OWN_CONNECTIONS: Final = 2
"""Of each process that answers, beside its pool: the ledger's, and that of glances at cards."""
_OTHERS: Final = 20
"""For commands, a backup, and whoever looks after the database."""

log = structlog.get_logger("kado.serve")


def connections_needed(settings: Settings) -> int:
    """How many connections this server may have at once to the database itself."""
    pool = 0 if settings.database_pooled_url else settings.database_connections
    return settings.processes * (pool + _OWN_CONNECTIONS) + _WORKER_CONNECTIONS + _OTHERS


async def warn_of_too_few_connections(settings: Settings, database: Database) -> None:
    """Say so in the log where the database takes fewer; others may work on it too."""
    async with database.read() as connection:
        allowed = int(await connection.fetchval("SHOW max_connections"))
    if allowed < (needed := connections_needed(settings)):
        log.warning("the database takes too few connections", max_connections=allowed, needed=needed)


async def open_database(settings: Settings, url: str) -> Database:
    """The database under the rights that a running server has; a second URL names a user that has only those."""
    return await Database.open(url, as_app=settings.database_app_url is None, places=settings.waiting_max)


async def open_for_requests(settings: Settings, url: str) -> Database:
    """The same for a process that answers requests, of which there may be many."""
    return await Database.open(
        url,
        as_app=settings.database_app_url is None,
        size=settings.database_connections,
        places=settings.waiting_max,
        pooled_url=settings.database_pooled_url,
    )


async def open_copies(settings: Settings, database: Database) -> Copies | None:
    """What reads from copies of this database, where there are any."""
    if settings.database_read_url is None:
        return None
    copy = await Database.open(
        settings.database_read_url,
        as_app=settings.database_app_url is None,
        size=settings.database_connections,
        places=settings.waiting_max,
        is_copy=True,
    )
    return Copies(database, copy, settings.database_read_wait_seconds)
