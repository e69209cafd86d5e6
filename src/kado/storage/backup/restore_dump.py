"""Restoring a dump into any database: in one transaction, into a schema in which there is nothing yet."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import asyncpg

from kado.storage.backup.errors import BackupError
from kado.storage.backup.file import Backup
from kado.storage.backup.programs import Program, Target, programs_for
from kado.storage.migrate import schema_version

# Since then a dump begins with a setting that older servers refuse.
_NEWER_WORDS: Final = 17

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]


async def restore_dump(backup: Backup, url: str, *, may_replace: bool = False) -> str | None:
    """Put a dump that was checked into the database. What was there stays, in a schema of another name.

    Returns that name, None when there was nothing. Raises `BackupError`; then everything is as it was.
    """
    connection: Connection = await asyncpg.connect(url)
    try:
        target = Target.of(url)
        server = connection.get_server_version().major
        if backup.head.major >= _NEWER_WORDS > server:
            raise BackupError(
                f"This dump was made by pg_dump {backup.head.postgres}, whose words PostgreSQL {server} does not "
                f"understand. Restore it into PostgreSQL {_NEWER_WORDS} or later."
            )
        programs = programs_for(target, server, oldest=backup.head.major)
        schema = await connection.fetchval("SELECT quote_ident(current_schema())")
        kept = await _make_room(connection, schema, may_replace=may_replace)
        command = [
            programs.program("pg_restore"),
            *("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", "--no-password"),
            *("--schema", schema, "--dbname", target.url),
        ]
        try:
            Program(command, target.password).feed(backup.data())
            if await schema_version(connection) is None:
                raise BackupError(f"{backup.path} has nothing for the schema {schema}, which this database uses.")
        except BaseException:
            if kept is not None:
                await connection.execute(f"DROP SCHEMA {schema} CASCADE; ALTER SCHEMA {kept} RENAME TO {schema}")
            raise
        return kept
    finally:
        await connection.close()


async def _make_room(connection: "Connection", schema: str, *, may_replace: bool) -> str | None:
    """The new name of what was there; None when there was nothing."""
    if not await connection.fetchval(
        "SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace"
    ):
        return None
    if not may_replace:
        raise BackupError(
            f"The database is not empty: there are tables in its schema {schema}. Restore into an empty database, or "
            "say --replace: then what is there moves to another schema and is not deleted. Stop all servers first."
        )
    kept = f"before_restore_{datetime.now(UTC):%Y%m%dt%H%M%S}"
    owner = await connection.fetchval(
        "SELECT quote_ident(nspowner::regrole::text) FROM pg_namespace WHERE oid = current_schema()::regnamespace"
    )
    await connection.execute(f"ALTER SCHEMA {schema} RENAME TO {kept}; CREATE SCHEMA {schema} AUTHORIZATION {owner}")
    return kept
