"""Who runs a server, as far as a sign-in can say.

The operator is whoever has the machine and its commands. Where a server belongs to one merchant, that is the merchant:
an owner may look at the server, and change nothing of it. Where there are several, nobody who signs in is the operator.
"""

from kado.access import store
from kado.access.caller import Caller
from kado.access.permissions import Role
from kado.storage.database import Database


async def runs_server(database: Database, caller: Caller) -> bool:
    """Whether the caller is a person who owns the only merchant of this server."""
    if caller.role is not Role.OWNER or caller.person_id is None or caller.is_test or caller.lacks_second_factor:
        return False
    async with database.read() as connection:
        return await store.is_only_merchant(connection, caller.merchant_id)
