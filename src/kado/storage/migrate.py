"""Bring the database's schema to the one this version was written for, or say why that cannot be done."""

import asyncio
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import asyncpg

from kado.storage.connect import connect
from kado.storage.database import APP_ROLE
from kado.storage.grants import GRANTS

REVISIONS: Final = ("0001", "0002", "0003", "0004", "0005", "0006", "0007")
"""Every schema that this version knows, oldest first."""

SCHEMA: Final = REVISIONS[-1]
"""The schema that this version needs."""

_LOCK: Final = 0x6B61646F  # "kado"


class SchemaError(Exception):
    """The database is not there, or its schema cannot be used or changed; the text says what to do next."""


async def migrate(url: str, app_url: str | None = None) -> str:
    """Migrate under a lock that all servers share, set the grants, and return the URL to work with.

    Raises `SchemaError`, or a connection error while the database is away.
    """
    connection = await _connect(url)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        version = await schema_version(connection)
        _refuse_unknown(version)
        role = await _app_role(connection, app_url)
        if version != SCHEMA:
            await _upgrade(url)
        await _grant(connection, role)
    finally:
        await connection.close()
    return app_url or url


async def schema_version(connection: "asyncpg.Connection[asyncpg.Record]") -> str | None:
    """Which schema the database has; None when it is empty."""
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        return None
    version = await connection.fetchval("SELECT version_num FROM alembic_version")
    return None if version is None else str(version)


async def _connect(url: str) -> "asyncpg.Connection[asyncpg.Record]":
    connection = await connect(url, timeout=10)
    number = connection.get_server_version().major
    if number < 15:
        await connection.close()
        raise SchemaError(f"Kado needs PostgreSQL 15 or later; this server is {number}")
    return connection


def _refuse_unknown(version: str | None) -> None:
    if version is not None and version not in REVISIONS:
        raise SchemaError(
            f"the database has schema {version}, which is newer than this version of Kado ({SCHEMA}); "
            "start the newer Kado that made it, or restore a backup from before its migration"
        )


async def _upgrade(url: str) -> None:
    # Imported here: a start on a schema that fits needs none of this, and it takes half a second to load.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415
    from sqlalchemy.pool import NullPool  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: connect(url, timeout=10), poolclass=NullPool
    )
    try:
        async with engine.connect() as connection:

            def upgrade(sync_connection: object) -> None:
                config.attributes["connection"] = sync_connection
                command.upgrade(config, "head")

            await connection.run_sync(upgrade)
    finally:
        await engine.dispose()


async def _app_role(connection: "asyncpg.Connection[asyncpg.Record]", app_url: str | None) -> str:
    """The role that the server works under: made here, or, where that is forbidden, the user of a second URL."""
    if app_url is None:
        await _make_role(connection)
        return APP_ROLE
    user = unquote(urlsplit(app_url).username or "")
    if not await connection.fetchval("SELECT count(*) FROM pg_roles WHERE rolname = $1", user):
        raise SchemaError(f"KADO_DATABASE_APP_URL names the user {user!r}, which this database does not have")
    return user


async def _make_role(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    try:
        if not await connection.fetchval("SELECT count(*) FROM pg_roles WHERE rolname = $1", APP_ROLE):
            await connection.execute(f"CREATE ROLE {APP_ROLE} NOLOGIN")
    except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
        pass  # another database of the same cluster was migrated at the same moment
    except asyncpg.InsufficientPrivilegeError:
        raise _no_role() from None
    try:
        # From 16 on, whoever makes a role may administer it but not yet become it.
        can_become, grant = ("MEMBER", "") if connection.get_server_version().major < 16 else ("SET", " WITH SET TRUE")
        if not await connection.fetchval("SELECT pg_has_role(current_user, $1, $2)", APP_ROLE, can_become):
            await connection.execute(f"GRANT {APP_ROLE} TO CURRENT_USER{grant}")
    except asyncpg.InsufficientPrivilegeError:
        raise _no_role() from None


def _no_role() -> SchemaError:
    return SchemaError(
        f"this database user may neither create the role {APP_ROLE} nor become it; let an administrator run "
        f"`CREATE ROLE {APP_ROLE} NOLOGIN; GRANT {APP_ROLE} TO <user>`, or set KADO_DATABASE_APP_URL"
    )


async def _grant(connection: "asyncpg.Connection[asyncpg.Record]", role: str) -> None:
    name = '"' + role.replace('"', '""') + '"'
    schema = await connection.fetchval("SELECT quote_ident(current_schema())")
    async with connection.transaction():
        # Set anew at each start, so there is nothing to lose; a command need not wait for a standby that is away.
        await connection.execute("SET LOCAL synchronous_commit = local")
        await connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO {name}")
        for table, rights in GRANTS.items():
            await connection.execute(f"GRANT {rights} ON {table} TO {name}")
        await connection.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {name}")


async def wait_for_database(url: str, seconds: float) -> None:
    """Return as soon as the database accepts connections, and writes where several servers are named.

    Raises `SchemaError` after `seconds`.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        try:
            await (await connect(url, timeout=5)).close()
            return
        except (
            OSError,
            asyncpg.CannotConnectNowError,
            asyncpg.PostgresConnectionError,
            asyncpg.TargetServerAttributeNotMatched,
        ) as error:
            if asyncio.get_running_loop().time() > deadline:
                raise SchemaError(
                    f"no database within {seconds:g} seconds: {error or type(error).__name__}. "
                    "Check KADO_DATABASE_URL, and that the server it names runs; of several, one must take writes"
                ) from error
            await asyncio.sleep(0.2)
