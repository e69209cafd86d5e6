"""Look a shop up."""

from kado.access.caller import MerchantSession
from kado.shops import store
from kado.shops.shop import Shop
from kado.storage.database import Database


async def shop_of(database: Database, session: MerchantSession) -> Shop:
    """The shop in which the session's till stands."""
    async with database.read() as connection:
        return await store.find(connection, session.shop_id)
