"""Look a shop up."""

from typing import Final

from kado.access.caller import MerchantSession
from kado.shops import store
from kado.shops.shop import Shop
from kado.storage.database import Database

SHOPS_MAX: Final = 100
"""Shops of one merchant that are listed."""


async def list_shops(database: Database, merchant_id: str) -> list[Shop]:
    """The merchant's shops on the platforms of tills and sites, with their locations; the first hundred."""
    async with database.read() as connection:
        ids = await store.list_ids(connection, merchant_id, SHOPS_MAX)
        return [await store.find(connection, one) for one in ids]


async def shop_of(database: Database, session: MerchantSession) -> Shop:
    """The shop in which the session's till stands."""
    async with database.read() as connection:
        return await store.find(connection, session.shop_id)
