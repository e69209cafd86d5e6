"""What of the audit log a caller may see."""

from kado.access.caller import Caller
from kado.access.permissions import Permission
from kado.programs.find import list_owned
from kado.storage.database import Database
from kado.trail.wanted import Scope


async def scope_of(database: Database, caller: Caller) -> Scope:
    """The rows of the caller's merchant and of the programs that it owns.

    Whoever may not list cards sees nothing of what others did with them.
    """
    programs = await list_owned(database, caller.merchant_id)
    is_narrow = Permission.CARDS_LIST not in caller.permissions
    return Scope(caller.merchant_id, tuple(one.id for one in programs), caller.subject if is_narrow else None)
