"""Spreads the tables over the machines of a Citus cluster, each to its place (`distribution.py`).

All of it is one transaction: it is done, or nothing was, and it can be run again at any time. What is in its place
already stays there; what a migration has added since is put into its place then.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

import asyncpg

from kado.settings import split_address
from kado.storage.connect import connect
from kado.storage.database import APP_ROLE
from kado.storage.distribution import DISTRIBUTED, KEY, LOCAL, REFERENCE, is_a_worker, is_distributed
from kado.storage.revisions import CHAIN, SchemaError, read_schema

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

Tell = Callable[[str], None]

# Triggers are the second lock on the ledger, behind the grants. Citus creates them when it is told that they look at
# nothing but their own row, and these do. Tables of both sorts are changed in one transaction, so one after the other.
_SESSION: Final = "SET citus.enable_unsafe_triggers = on; SET citus.multi_shard_modify_mode = 'sequential'"
_APART_SECONDS: Final = 1.0
_HELP: Final = "docs/how-to/citus.md says how to get there"


class NotACluster(SchemaError):
    """There is no Citus here, or not yet one that tables can be spread over; the text says what to do."""


@dataclass(frozen=True)
class Plan:
    """What is to be done: tables in the order in which they are put into their places, and what stands in the way."""

    nodes: tuple[str, ...]
    to_copy: tuple[str, ...]
    to_spread: tuple[str, ...]
    in_place: tuple[str, ...]

    @property
    def tables(self) -> tuple[str, ...]:
        """All that have to move."""
        return self.to_copy + self.to_spread

    def lines(self) -> Iterator[str]:
        """What it says to an operator."""
        yield f"{len(self.nodes)} machines hold rows: {', '.join(self.nodes)}."
        if self.in_place:
            yield f"In their places already: {', '.join(self.in_place)}."
        for table in self.to_copy:
            yield f"{table}: copied to every machine."
        for table in self.to_spread:
            yield f"{table}: spread by {KEY}, together with card."


async def change_schema(connection: "Connection") -> None:
    """Let this session change a schema that may be spread; a single PostgreSQL keeps the settings unread."""
    await connection.execute(_SESSION)


async def plan(connection: "Connection") -> Plan:
    """What there is to do. Raises `NotACluster`, and `SchemaError` where the schema is not this version's."""
    nodes = await _nodes(connection)
    schema = await read_schema(connection)
    if schema.version != CHAIN.head:
        raise SchemaError(
            f"the database has schema {schema.version or '(none)'} and this is for {CHAIN.head}; "
            "run `kado database migrate` first"
        )
    placed = await _placed(connection)
    return Plan(
        nodes=nodes,
        to_copy=tuple(table for table in REFERENCE if table not in placed),
        to_spread=tuple(table for table in DISTRIBUTED if table not in placed),
        in_place=tuple(table for table in (*REFERENCE, *DISTRIBUTED) if table in placed),
    )


async def distribute(url: str, app_url: str | None, tell: Tell) -> Plan:
    """Put every table into its place, and say so; what was done. `app_url` is the servers' own, if there is one.

    Raises `NotACluster` or `SchemaError`, and then no table was moved, or all of them are in their places.
    """
    connection = await connect(url, timeout=10)
    await change_schema(connection)
    try:
        todo = await plan(connection)
        await _refuse_company(connection)
        await _move(connection, todo, tell)
        await _let_in(connection, unquote(split_address(app_url)[0].username or "") if app_url else APP_ROLE, tell)
    finally:
        await connection.close()
    await _prove(app_url or url, is_app=app_url is not None)
    return todo


async def place_new(url: str, tell: Tell) -> None:
    """Put what a migration has added to a distributed database into its place, while servers work; it is empty yet."""
    connection = await connect(url, timeout=10)
    await change_schema(connection)
    try:
        if not await is_distributed(connection):
            return
        await _move(connection, await plan(connection), tell)
    finally:
        await connection.close()


async def place_table(connection: "Connection", table: str) -> None:
    """Put one new table into its place, on this transaction (`change_schema` before); elsewhere nothing."""
    if await is_distributed(connection):
        to_copy = [table] if table in REFERENCE else []
        await _place(connection, to_copy, [table] if table in DISTRIBUTED else [], lambda _: None)


async def _move(connection: "Connection", todo: Plan, tell: Tell) -> None:
    if not todo.tables:
        return
    try:
        async with connection.transaction():
            await _place(connection, todo.to_copy, todo.to_spread, tell)
    except asyncpg.PostgresError as error:
        raise SchemaError(f"the cluster refused, and nothing was changed: {error}") from error


async def _place(connection: "Connection", to_copy: Sequence[str], to_spread: Sequence[str], tell: Tell) -> None:
    """Put these tables into their places, in this order, on the transaction of a session that may `change_schema`."""
    tables = [*to_copy, *to_spread]
    await connection.execute("SET LOCAL lock_timeout = '10s'; SET LOCAL client_min_messages = warning")
    # Keys between tables that are not yet in their places are in the way of each of them; triggers, of what is
    # emptied. Both come back as they were before the transaction ends, and rows are checked against the keys anew.
    keys, triggers = await _foreign_keys(connection, tables), await _triggers(connection, tables)
    for one in keys:
        await connection.execute(f"ALTER TABLE {one['table']} DROP CONSTRAINT {one['name']}")
    for one in triggers:
        await connection.execute(f"DROP TRIGGER {one['name']} ON {one['table']}")
    for table in to_copy:
        await connection.execute("SELECT create_reference_table($1::text::regclass)", table)
        tell(f"{table}: copied to every machine.")
    for table in to_spread:
        # Citus takes a domain with a CHECK for no value of its shards and finds no row there, without a word. What the
        # domain checks is still held: a program_id is a program's, by a foreign key or by its card's.
        await connection.execute(f'ALTER TABLE {table} ALTER {KEY} TYPE text COLLATE "C"')
        together = "card" if table != "card" else "none"
        await connection.execute(
            "SELECT create_distributed_table($1::text::regclass, $2, colocate_with => $3)", table, KEY, together
        )
        tell(f"{table}: spread by {KEY}.")
    for table in tables:
        # The rows have moved; without this the old ones stay on the disk, unseen.
        await connection.execute("SELECT truncate_local_data_after_distributing_table($1::text::regclass)", table)
    # Citus would take over a table of the coordinator's that refers to a copied one, with rules for its statements.
    # Nothing that is referred to can be deleted by a server: it has no right to.
    kept = [one for one in keys if one["table"] not in LOCAL]
    for one in kept:
        await connection.execute(f"ALTER TABLE {one['table']} ADD CONSTRAINT {one['name']} {one['definition']}")
    tell(f"{len(kept)} foreign keys are checked and hold on all machines.")
    if let_go := sorted({one["table"] for one in keys} & LOCAL.keys()):
        tell(f"Foreign keys to copied tables are given up on the coordinator's own: {', '.join(let_go)}.")
    for one in triggers:
        await connection.execute(one["definition"])


async def _nodes(connection: "Connection") -> tuple[str, ...]:
    if await connection.fetchval("SELECT count(*) FROM pg_extension WHERE extname = 'citus'") == 0:
        raise NotACluster(f"this database has no Citus: its extension `citus` is not there; {_HELP}")
    if await is_a_worker(connection):
        raise NotACluster("this is not the coordinator of the cluster; KADO_DATABASE_URL has to name that one")
    if not await connection.fetchval("SELECT count(*) FROM pg_dist_node WHERE groupid = 0"):
        raise NotACluster(
            "the cluster does not know its coordinator's address; "
            "run `SELECT citus_set_coordinator_host('<its name>', <its port>)`"
        )
    rows = await connection.fetch(
        "SELECT nodename || ':' || nodeport AS address FROM pg_dist_node"
        " WHERE isactive AND shouldhaveshards AND noderole = 'primary' ORDER BY nodeid"
    )
    if not rows:
        raise NotACluster(f"no machine of the cluster takes rows: `SELECT citus_add_node('<name>', <port>)`; {_HELP}")
    await _compare_clocks(connection)
    return tuple(row["address"] for row in rows)


async def _compare_clocks(connection: "Connection") -> None:
    """What is sealed and what is over rests on the time, which each card takes from the machine that it lies on."""
    apart = await connection.fetchval(
        "SELECT max(abs(extract(epoch FROM result::timestamptz - clock_timestamp())))::float8"
        " FROM run_command_on_workers('SELECT clock_timestamp()') WHERE success"
    )
    if apart is not None and apart > _APART_SECONDS:
        raise NotACluster(f"the machines' clocks are {apart:.0f} seconds apart; run NTP on all of them")


async def _placed(connection: "Connection") -> dict[str, str]:
    """Tables that Citus knows as copied or spread."""
    rows = await connection.fetch(
        "SELECT c.relname AS table, p.partmethod::text AS method FROM pg_dist_partition p"
        " JOIN pg_class c ON c.oid = p.logicalrelid WHERE c.relnamespace = current_schema()::regnamespace"
        " AND (p.partmethod = 'h' OR (p.partmethod = 'n' AND p.repmodel = 't'))"
    )
    return {row["table"]: row["method"] for row in rows}


async def _refuse_company(connection: "Connection") -> None:
    count = await connection.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'kado%'"
        " AND pid <> pg_backend_pid()"
    )
    if count:
        raise SchemaError(f"{count} connections of Kado servers are open; stop the servers first, and start them after")


async def _foreign_keys(connection: "Connection", tables: Sequence[str]) -> list["asyncpg.Record"]:
    """Of and to these tables, those first that others may rest on."""
    return await connection.fetch(
        """
        SELECT k.conrelid::regclass::text AS table, quote_ident(k.conname) AS name, pg_get_constraintdef(k.oid)
               AS definition
        FROM pg_constraint k
        WHERE k.contype = 'f' AND k.conparentid = 0 AND k.connamespace = current_schema()::regnamespace
          AND (k.conrelid = ANY ($1::text[]::regclass[]) OR k.confrelid = ANY ($1::text[]::regclass[]))
        ORDER BY k.oid""",
        list(tables),
    )


async def _triggers(connection: "Connection", tables: Sequence[str]) -> list["asyncpg.Record"]:
    return await connection.fetch(
        """
        SELECT t.tgrelid::regclass::text AS table, quote_ident(t.tgname) AS name, pg_get_triggerdef(t.oid) AS definition
        FROM pg_trigger t
        WHERE NOT t.tgisinternal AND t.tgrelid = ANY ($1::text[]::regclass[])
        ORDER BY t.oid""",
        list(tables),
    )


async def _let_in(connection: "Connection", app_role: str, tell: Tell) -> None:
    """The coordinator calls the others as whoever asks it, so that user has to be let in there."""
    if await connection.fetchval("SELECT rolcanlogin FROM pg_roles WHERE rolname = $1", app_role):
        return
    name = await connection.fetchval("SELECT quote_ident($1)", app_role)
    await connection.execute(f"ALTER ROLE {name} LOGIN")
    tell(f"The role {app_role} may log in: the coordinator calls the other machines as it.")


async def _prove(url: str, *, is_app: bool) -> None:
    """Read every card's shard once as the server would. Raises `SchemaError` where a machine does not let it in."""
    connection = await connect(url, timeout=10)
    try:
        if not is_app:
            await connection.execute(f"SET ROLE {APP_ROLE}")
        await connection.fetchval("SELECT count(*) FROM card WHERE balance < 0")
    except asyncpg.PostgresError as error:
        raise SchemaError(
            f"the tables are in their places, but as the server's user the coordinator is not let in by the others "
            f"({error}); allow it in their pg_hba.conf, then run this again"
        ) from error
    finally:
        await connection.close()
