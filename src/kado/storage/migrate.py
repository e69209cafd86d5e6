"""Bring the database's schema to the one this version was written for, or say why that cannot be done."""

import asyncio
from collections.abc import Callable
from typing import Final, Literal
from urllib.parse import unquote

import asyncpg

from kado.settings import split_address
from kado.storage.connect import connect
from kado.storage.database import APP_ROLE
from kado.storage.distribute import change_schema, place_new
from kado.storage.distribution import is_a_worker
from kado.storage.grants import FUNCTIONS, GRANTS
from kado.storage.pooler import refuse_changing_servers
from kado.storage.revisions import CHAIN, REVISIONS, SCHEMA, Chain, Schema, SchemaError, read_schema
from kado.storage.steps import run_phase

__all__ = ["REVISIONS", "SCHEMA", "SchemaError", "migrate", "schema_version", "wait_for_database"]

_LOCK: Final = 0x6B61646F  # "kado"
_LOCK_SECONDS: Final = 0.1

Phase = Literal["all", "pre", "post", "none"]
"""Which parts of migrations are to be run: `pre` adds what the new version needs, `post` removes what it does not."""


def _say_nothing(_: str) -> None:
    """Nobody listens."""


async def migrate(
    url: str,
    app_url: str | None = None,
    *,
    phase: Phase = "all",
    chain: Chain = CHAIN,
    tell: Callable[[str], None] = _say_nothing,
) -> str:
    """Migrate under a lock that all servers share, set the grants, and return the URL to work with.

    On a distributed database new tables are put into their places, and `tell` hears of each. A newer schema that this
    version can work on is left as it is. With `none`, so is every other; an older one is refused. Raises `SchemaError`,
    or a connection error while the database is away.
    """
    connection = await _connect(url)
    try:
        await refuse_changing_servers(url, connection)
        await _lock(connection)
        schema = await read_schema(connection)
        if schema.is_newer_than(chain):
            _refuse_unfit(schema, chain)
            return app_url or url
        if phase == "none":
            _refuse_older(schema, chain)
            return app_url or url
        await change_schema(connection)
        role = await _app_role(connection, app_url)
        await run_phase(url, connection, schema, phase, chain)
        if (await read_schema(connection)).version == CHAIN.head:
            await place_new(url, tell)
        await _grant(connection, role)
    finally:
        await connection.close()
    return app_url or url


async def schema_version(connection: "asyncpg.Connection[asyncpg.Record]") -> str | None:
    """Which schema the database has; None when it is empty."""
    return (await read_schema(connection)).version


def _refuse_unfit(schema: Schema, chain: Chain) -> None:
    if not schema.fits(chain):
        raise SchemaError(
            f"the database has schema {schema.version}, which is newer than this version of Kado ({chain.head}); "
            "start the newer Kado that made it, or restore a backup from before its migration"
        )


def _refuse_older(schema: Schema, chain: Chain) -> None:
    if schema.version != chain.head:
        raise SchemaError(
            f"the database has schema {schema.version or '(none)'} and this version of Kado needs {chain.head}; "
            "KADO_MIGRATE is by-hand, so run `kado database migrate --pre` of this version first"
        )


async def _lock(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    # Not by waiting in a statement: its snapshot would keep CREATE INDEX CONCURRENTLY of whoever holds it waiting too.
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):  # noqa: ASYNC110 - see above
        await asyncio.sleep(_LOCK_SECONDS)


async def _connect(url: str) -> "asyncpg.Connection[asyncpg.Record]":
    # Prepared statements would stay behind in a pooler that is refused below.
    connection = await connect(url, timeout=10, statement_cache_size=0)
    number = connection.get_server_version().major
    if number < 15:
        await connection.close()
        raise SchemaError(f"Kado needs PostgreSQL 15 or later; this server is {number}")
    if await is_a_worker(connection):
        await connection.close()
        raise SchemaError("KADO_DATABASE_URL names a worker of a Citus cluster; it has to name the coordinator")
    return connection


async def _app_role(connection: "asyncpg.Connection[asyncpg.Record]", app_url: str | None) -> str:
    """The role that the server works under: made here, or, where that is forbidden, the user of a second URL."""
    if app_url is None:
        await _make_role(connection)
        return APP_ROLE
    user = unquote(split_address(app_url)[0].username or "")
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
        for table in await _lacking(connection, role):
            await connection.execute(f"GRANT {GRANTS[table]} ON {table} TO {name}")
        for function in FUNCTIONS:
            if await connection.fetchval("SELECT to_regprocedure($1)", function) is not None:
                # Dumps are restored without rights, and a function without any may be run by everybody.
                await connection.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
                await connection.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {name}")
        await connection.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {name}")


async def _lacking(connection: "asyncpg.Connection[asyncpg.Record]", role: str) -> list[str]:
    """The tables that are there and on which the role lacks some right.

    To grant again costs a call for each of a table's shards, and to ask table by table took longer than all else here.
    """
    rows = await connection.fetch(
        "SELECT name FROM unnest($2::text[], $3::text[]) AS wanted (name, rights) WHERE to_regclass(name) IS NOT NULL"
        " AND EXISTS (SELECT FROM unnest(string_to_array(rights, ', ')) AS one"
        " WHERE NOT has_table_privilege($1::text, to_regclass(name), one))",
        role,
        [*GRANTS],
        [*GRANTS.values()],
    )
    return [row["name"] for row in rows]


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
