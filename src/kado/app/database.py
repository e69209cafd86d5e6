"""The database as a running server uses it."""

from kado.settings import Settings
from kado.storage.database import Database


async def open_database(settings: Settings, url: str) -> Database:
    """The database under the rights that a running server has; a second URL names a user that has only those."""
    return await Database.open(url, as_app=settings.database_app_url is None, places=settings.waiting_max)
