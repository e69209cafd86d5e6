"""The database as a running server uses it."""

from kado.settings import Settings
from kado.storage.copies import Copies
from kado.storage.database import Database


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
