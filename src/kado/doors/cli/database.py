"""`kado database`: how it is, its schema, and its version of PostgreSQL."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer

from kado import settings as configuration
from kado.cards.verify import verify
from kado.doors.cli.backup import progress
from kado.doors.cli.output import AsJson, example, fail, print_state, wrong_usage
from kado.doors.cli.session import command, in_one_sentence, note, session, try_to_note
from kado.doors.cli.verify import print_report
from kado.settings import Settings
from kado.storage import embedded
from kado.storage.connect import connect
from kado.storage.distribute import distribute as distribute_tables
from kado.storage.distribute import plan as plan_distribution
from kado.storage.embedded import majors
from kado.storage.embedded.archive import SLOT
from kado.storage.embedded.majors import Moved
from kado.storage.migrate import Phase
from kado.storage.migrate import migrate as migrate_schema
from kado.storage.revisions import CHAIN, Schema, read_schema

app: Final = typer.Typer(
    name="database",
    help="The database: its state, its schema, its version of PostgreSQL.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_DAMAGED: Final = 3
_BEHIND_BYTES: Final = 64 * 2**20
T = TypeVar("T")


@app.command("status", epilog=example("kado database status --json"))
@command
async def status(json: AsJson = False) -> None:
    """Show version, schema and archive. Changes nothing. Exit code 1: something needs attention, and it says what."""
    settings = configuration.load(make_secret=False)
    facts, complaints = await _status(settings)
    print_state(facts, complaints, lambda value: "-" if value is None else str(value), as_json=json)


async def _status(settings: Settings) -> tuple[dict[str, object], list[str]]:
    complaints = []
    with ExitStack() as stack:
        url = settings.database_url or stack.enter_context(embedded.connect_or_start(settings.data_dir))
        connection = await connect(url, timeout=10)
        try:
            schema = await read_schema(connection)
            facts: dict[str, object] = {
                "postgres": await connection.fetchval("SHOW server_version"),
                "schema": schema.version,
                "worksSince": schema.since,
                "archive": None if settings.archive is None else str(settings.archive),
            }
            if schema.version is not None and not schema.fits(CHAIN):
                complaints.append(f"This version of Kado needs schema {CHAIN.head}: `kado database migrate` makes it.")
            if settings.archive is not None and settings.database_url is None:
                behind = await connection.fetchrow(
                    "SELECT active, pg_current_wal_lsn() - restart_lsn AS bytes FROM pg_replication_slots"
                    " WHERE slot_name = $1 AND wal_status NOT IN ('lost', 'unreserved')",
                    SLOT,
                )
                facts["archiveBehindBytes"] = None if behind is None else int(behind["bytes"])
                if behind is None or not behind["active"] or behind["bytes"] > _BEHIND_BYTES:
                    complaints.append("The archive does not go on; the log of the server says why.")
        finally:
            await connection.close()
    return facts, complaints


@app.command("migrate", epilog=example("kado database migrate --pre"))
@command
async def migrate(
    pre: Annotated[
        bool, typer.Option("--pre", help="Only what this version needs; older servers go on working.")
    ] = False,
    post: Annotated[
        bool, typer.Option("--post", help="Remove what only older servers needed. None of them may run any more.")
    ] = False,
) -> None:
    """Bring the schema to this version: all of it, or one of the two parts of a change without downtime.

    With several servers and KADO_MIGRATE=by-hand: run --pre with the new version, exchange the servers one by one, run
    --post. A single server does all of it by itself when it starts.
    """
    if pre and post:
        raise wrong_usage("Choose one: --pre or --post. Without either, both are run.")
    settings = configuration.load(make_secret=False)
    with ExitStack() as stack:
        url = settings.database_url or stack.enter_context(embedded.connect_or_start(settings.data_dir))
        before = await _schema(url)
        phase: Phase = "pre" if pre else "post" if post else "all"
        await migrate_schema(url, settings.database_app_url, phase=phase, tell=print)
        schema = await _schema(url)
        if schema != before:
            facts = {"from": before.version, "to": schema.version, "worksSince": schema.since, "part": phase}
            await try_to_note(url, "database:migrated", **facts)
    print(f"The schema is {schema.version}; Kado of schema {schema.since} or later can work on it.")


async def _schema(url: str) -> Schema:
    connection = await connect(url, timeout=10)
    try:
        return await read_schema(connection)
    finally:
        await connection.close()


@app.command("distribute", epilog=example("kado database distribute --dry-run"))
@command
async def distribute(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and change nothing.")] = False,
) -> None:
    """Spread the tables over the machines of a Citus cluster, by program. Stop the servers first, and back up.

    KADO_DATABASE_URL names the coordinator. All is done in one transaction, or nothing; what is in its place already
    stays there, so that it can be run again at any time.
    """
    settings = configuration.load(make_secret=False)
    if settings.database_url is None:
        fail("The embedded database is one machine. KADO_DATABASE_URL has to name the coordinator of a Citus cluster.")
    if dry_run:
        connection = await connect(settings.database_url, timeout=10)
        try:
            todo = await plan_distribution(connection)
        finally:
            await connection.close()
        print("\n".join(todo.lines()))
        return
    done = await distribute_tables(settings.database_url, settings.database_app_url, print)
    if done.tables:
        await try_to_note(settings.database_url, "database:distributed", tables=done.tables, machines=done.nodes)
    print(f"{len(done.in_place) + len(done.tables)} tables are in their places on {len(done.nodes)} machines.")


@app.command("upgrade", epilog=example("kado database upgrade"))
def upgrade() -> None:
    """Move the embedded database to the newest PostgreSQL that is here, and verify it. Stop the server first.

    The old one is kept beside it, untouched: `downgrade` goes back to it, `forget-old` removes it. Exit code 3: moved,
    but the ledger does not agree.
    """
    moved = _run(majors.upgrade)
    print(
        f"The database is on PostgreSQL {moved.after} now. That of PostgreSQL {moved.before} is kept in {moved.kept}:"
    )
    print("`kado database downgrade` goes back to it, `kado database forget-old` removes it when you are sure.")
    _verify("database:upgraded", moved)


@app.command("downgrade", epilog=example("kado database downgrade"))
def downgrade(
    lose_them: Annotated[
        bool, typer.Option("--lose-them", help="Go back although something was made since; it is named before.")
    ] = False,
) -> None:
    """Go back to the database of before the last upgrade, as long as nothing was made since. Stop the server first."""
    moved = _run(lambda data_dir: majors.downgrade(data_dir, may_lose=lose_them))
    print(
        f"The database is on PostgreSQL {moved.after} again. That of PostgreSQL {moved.before} is kept in {moved.kept}."
    )
    _verify("database:downgraded", moved)


@app.command("forget-old", epilog=example("kado database forget-old"))
def forget_old() -> None:
    """Remove the databases that upgrades have left behind. After that there is no way back but a backup."""
    removed = _run(majors.forget_old)
    if removed:
        _note_removed([str(cluster) for cluster in removed])
    print("\n".join(f"{cluster} is removed." for cluster in removed) or "There is nothing to remove.")


@in_one_sentence()
def _run(work: Callable[[Path], T]) -> T:
    """Do it to the embedded database, or say in one sentence why not."""
    settings = configuration.load(make_secret=False)
    if settings.database_url is not None:
        fail("KADO_DATABASE_URL names a database of your own; this is for the embedded one.")
    return work(settings.data_dir)


@command
async def _note_removed(clusters: list[str]) -> None:
    async with session(make_secret=False) as (database, _):
        await note(database, "database:old-removed", clusters=clusters)


@command
async def _verify(action: str, moved: Moved) -> None:
    async with session(make_secret=False) as (database, settings):
        await note(database, action, **{"from": moved.before, "to": moved.after, "kept": str(moved.kept)})
        with progress("verifying") as tell:
            report = await verify(database, settings.keyring, progress=tell)
    print_report(report)
    if not report.is_clean:
        raise typer.Exit(_DAMAGED)
