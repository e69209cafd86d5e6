"""Customers of a merchant, looked up by their ids."""

from kado.access import customer_store
from kado.access.caller import Caller
from kado.errors import Invalid
from kado.storage.database import Database


async def require_customer(database: Database, caller: Caller, customer_id: str, field: str) -> None:
    """Raises `Invalid`, naming the field, unless the caller's merchant has this customer in the caller's mode."""
    async with database.read() as connection:
        is_known = await customer_store.customer_exists(connection, customer_id, caller.merchant_id, caller.is_test)
    if not is_known:
        raise Invalid(("body", field), "This merchant has no such customer.", "customer_not_found")
