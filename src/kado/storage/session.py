"""What a session is told before anything else: settings on which statements rely, and the role they run under.

It is told by a statement and not as parameters of the connection's beginning, because a pooler such as PgBouncer
refuses those. And where a pooler gives a server to each transaction, nothing outlives a transaction: there each one is
told everything again, in the same message that begins it.
"""

from collections.abc import Mapping
from typing import Any, Final

from kado.storage.connect import Watched

# The hot statements find every row by a key. With these a plan made while the tables were small can never turn into a
# sequential scan as they grow, and Citus answers type look-ups quickly (plain PostgreSQL keeps the name unread).
_ALWAYS: Final = {
    "timezone": "UTC",
    "jit": "off",
    "lock_timeout": "4s",
    "statement_timeout": "10s",
    "idle_in_transaction_session_timeout": "15s",
    "citus.override_table_visibility": "off",
    "client_min_messages": "notice",  # the warning that a commit has no copy must arrive
}
# A default of the server or the user that acknowledges before the disk has it, or the standby, is not for money.
_INSIST: Final = (
    "SELECT set_config('synchronous_commit', 'on', {local})"
    " WHERE current_setting('synchronous_commit') IN ('off', 'local', 'remote_write')"
)


def told(settings: Mapping[str, str], role: str | None, *, for_transaction: bool = False) -> str:
    """Statements that put the usual settings, these and the role in force: for the session, or for a transaction."""
    local = "true" if for_transaction else "false"
    values = {**_ALWAYS, **settings, **({} if role is None else {"role": role})}  # the role last: it may less
    each = ", ".join(f"set_config('{name}', '{value}', {local})" for name, value in values.items())
    return f"SELECT {each}; {_INSIST.format(local=local)}"


class Shared(Watched):
    """A connection to a pooler that gives it another server for each transaction.

    Whatever begins a transaction here tells the server what `opening` says, at no further round trip.
    """

    opening: str = ""

    async def execute(self, query: str, *arguments: Any, timeout: float | None = None) -> str:  # noqa: ANN401, ASYNC109 - theirs
        """What asyncpg's own does."""
        if query.startswith("BEGIN"):
            begin, _, rest = query.partition(";")
            query = f"{begin}; {self.opening}; {rest}"
        return await super().execute(query, *arguments, timeout=timeout)
