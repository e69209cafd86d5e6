"""Runs migrations step by step, so that none of them keeps a working server waiting.

A statement gives up when it has waited 150 ms for a lock, since whoever comes after it waits behind it. Its step is
rolled back then and tried again. Indexes on large tables are built outside a transaction, which locks nobody out.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import asyncpg

from kado.storage.connect import connect
from kado.storage.distribute import change_schema
from kado.storage.revisions import Chain, Schema, SchemaError

if TYPE_CHECKING:
    from kado.storage.migrate import Phase

    Connection = asyncpg.Connection[asyncpg.Record]

_LOCK_TIMEOUT: Final = "150ms"
_PATIENCE_SECONDS: Final = 600.0
_PAUSE_SECONDS: Final = (0.1, 0.6)


async def run_phase(url: str, connection: "Connection", schema: Schema, phase: "Phase", chain: Chain) -> None:
    """Run what a phase consists of on a database whose lock `connection` holds. Raises `SchemaError`."""
    pending = chain.after(schema.version)
    if phase == "pre":
        _refuse_what_needs_a_stop(schema, pending, chain)
    if phase == "post" and pending:
        raise SchemaError(
            f"the database has schema {schema.version or '(none)'}, and the second part belongs to {chain.head}; run "
            "`kado database migrate --pre` first, and update all servers"
        )
    if phase != "post":
        for revision in pending:
            await _raise_mark(connection, chain.oldest_beside(revision))
            await _patiently(lambda revision=revision: _upgrade(url, revision, chain), revision)  # type: ignore[misc]
    if phase != "pre":
        for revision in chain.posts:
            if schema.finished is None or revision > schema.finished:
                await _raise_mark(connection, revision)
                await _patiently(lambda revision=revision: _run_post(url, revision, chain), revision)  # type: ignore[misc]


def _refuse_what_needs_a_stop(schema: Schema, pending: tuple[str, ...], chain: Chain) -> None:
    if schema.version is None:
        return
    for revision in pending:
        if chain.oldest_beside(revision) > schema.version:
            raise SchemaError(
                f"older servers cannot work beside schema {revision}: stop all of them, run `kado database migrate` "
                "and start the new ones"
            )


async def _raise_mark(connection: "Connection", since: str) -> None:
    """From now on no Kado of an older schema starts here. Said before the change: a crash in between harms nobody."""
    if await connection.fetchval("SELECT to_regclass('schema_mark')") is not None:
        await connection.execute("UPDATE schema_mark SET since = $1 WHERE since < $1", since)


async def _patiently(step: Callable[[], Awaitable[None]], revision: str) -> None:
    deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
    while True:
        try:
            await step()
            return
        except asyncpg.LockNotAvailableError:
            if asyncio.get_running_loop().time() > deadline:
                raise SchemaError(
                    f"schema {revision} could not be made in {_PATIENCE_SECONDS / 60:.0f} minutes, because some "
                    "transaction holds a lock all the time; pg_stat_activity shows which one. Nothing of this step "
                    "was changed; run it again"
                ) from None
            await asyncio.sleep(random.uniform(*_PAUSE_SECONDS))  # noqa: S311 - jitter, not a secret


async def _upgrade(url: str, revision: str, chain: Chain) -> None:
    # Imported here: a start on a schema that fits needs none of this, and it takes half a second to load.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415
    from sqlalchemy.pool import NullPool  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(str(folder) for folder in chain.folders))
    engine = create_async_engine("postgresql+asyncpg://", async_creator=lambda: _connect(url), poolclass=NullPool)
    try:
        async with engine.connect() as connection:

            def upgrade(sync_connection: object) -> None:
                config.attributes["connection"] = sync_connection
                command.upgrade(config, revision)

            await connection.run_sync(upgrade)
    finally:
        await engine.dispose()


async def _run_post(url: str, revision: str, chain: Chain) -> None:
    (file,) = (file for folder in chain.folders for file in folder.glob(f"{revision}_*_post.sql"))
    connection = await _connect(url)
    try:
        async with connection.transaction():
            await connection.execute(file.read_text())
            await connection.execute("UPDATE schema_mark SET finished = $1", revision)
    finally:
        await connection.close()


async def _connect(url: str) -> "Connection":
    connection = await connect(url, timeout=10)
    await connection.execute(f"SET lock_timeout = '{_LOCK_TIMEOUT}'")
    await change_schema(connection)
    return connection
