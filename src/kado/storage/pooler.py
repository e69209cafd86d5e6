"""Finding out that a pooler stands before the database which gives a connection another server for each transaction."""

import asyncpg

from kado.storage.connect import Own, connect
from kado.storage.revisions import SchemaError


async def refuse_changing_servers(url: str, connection: Own) -> None:
    """Raise `SchemaError` where `connection`, made to this URL, does not keep its server.

    A pooler that is busy with others may go unnoticed; one that is not, and any that keeps servers, is never mistaken.
    """
    first = await _server(connection)
    if first == connection.get_server_pid():  # a pooler makes up a number of its own
        return
    other = await connect(url, timeout=10, statement_cache_size=0)
    try:
        async with other.transaction():
            has_changed = await _server(other) == first or await _server(connection) != first
    except asyncpg.InvalidSQLStatementNameError:
        has_changed = True  # between two messages of one question
    finally:
        await other.close()
    if has_changed:
        raise SchemaError(
            "KADO_DATABASE_URL leads to a pooler that gives each transaction another server (PgBouncer with "
            "pool_mode = transaction). Name the database itself there, and the pooler in KADO_DATABASE_POOLED_URL"
        )


async def _server(connection: "asyncpg.Connection[asyncpg.Record]") -> int:
    """The process that answers."""
    found: int = await connection.fetchval("SELECT pg_backend_pid()")
    return found
