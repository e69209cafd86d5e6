"""A migration goes by while older servers work: none of their requests fails, and none waits behind it for long."""

import asyncio
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError
from tests.recovery.pace import paced
from tests.recovery.steps import next_version
from tests.serving.server import Server, serving
from tests.serving.till import Till

from kado.storage.migrate import migrate
from kado.storage.revisions import REVISIONS, SCHEMA, Chain, Schema, SchemaError, read_schema


async def test_older_servers_work_beside_the_first_part_and_not_after_the_second(tmp_path: Path) -> None:
    chain = next_version(tmp_path)
    with serving() as server:
        merchant_id = server.merchant("Shop")
        async with Till(server, server.key("Shop"), merchant_id) as till:
            await till.open_program()
            cards = [(await till.card("100.00"))["id"] for _ in range(5)]
            url = server.database_url()
            before = await schema_of(url)
            async with paced(till, cards) as redeems:
                await redeems.more(20)
                # Somebody reads for long: whoever wants the table alone waits for him, and all others behind that.
                reader = await asyncpg.connect(url)
                reading = reader.transaction()
                await reading.start()
                await reader.fetchval("SELECT count(*) FROM card")
                migrating = asyncio.create_task(migrate(url, phase="pre", chain=chain))
                await redeems.more(100)
                assert not migrating.done()
                await reading.rollback()
                await reader.close()
                await migrating
                await redeems.more(20)
            assert redeems.outcomes.keys() == {200}, redeems.outcomes
        assert await schema_of(url) == Schema("9002", SCHEMA, before.finished)
        # The older version not only goes on, it can also be started again.
        server.stop()
        server.start()

        await migrate(server.database_url(), phase="post", chain=chain)
        assert await schema_of(server.database_url()) == Schema("9002", "9001", "9001")
        assert not server.is_ready()
        server.stop()
        does_not_start(server)


def does_not_start(server: Server) -> None:
    server.launch()
    assert server.process.wait(60) == 1
    assert f"schema 9002, which is newer than this version of Kado ({SCHEMA})" in server.said()


async def test_what_needs_a_stop_is_not_done_beside_servers(empty_database_url: str) -> None:
    older = Chain(revisions=REVISIONS[:-1])
    await migrate(empty_database_url, chain=older)
    with pytest.raises(SchemaError, match=r"run `kado database migrate --pre` of this version first"):
        await migrate(empty_database_url, phase="none")
    with pytest.raises(SchemaError, match="stop all of them, run `kado database migrate`"):
        await migrate(empty_database_url, phase="pre", chain=Chain(works_beside={}))
    with pytest.raises(SchemaError, match=r"run `kado database migrate --pre` first"):
        await migrate(empty_database_url, phase="post")
    assert (await schema_of(empty_database_url)).version == older.head
    await migrate(empty_database_url)
    assert (await schema_of(empty_database_url)).version == SCHEMA
    assert await migrate(empty_database_url, phase="none") == empty_database_url


async def test_a_first_part_needs_no_second_look_and_a_second_one_is_run_once(
    database_url: str, tmp_path: Path
) -> None:
    chain = next_version(tmp_path)
    await migrate(database_url, chain=chain)
    after = await schema_of(database_url)
    assert after == Schema("9002", "9001", "9001")
    for phase in ("all", "pre", "post", "none"):
        await migrate(database_url, phase=phase, chain=chain)
        assert await schema_of(database_url) == after


async def test_a_migration_that_is_broken_off_while_it_builds_an_index_is_done_at_the_next_start(
    empty_database_url: str,
) -> None:
    """An index of a table with millions of rows takes minutes, and much can end meanwhile."""
    await migrate(empty_database_url, chain=Chain(revisions=REVISIONS[: REVISIONS.index("0014") + 1]))
    reader, other = await asyncpg.connect(empty_database_url), await asyncpg.connect(empty_database_url)
    # What reads an old state of the database keeps an index waiting that is built beside the work.
    await reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM alembic_version")
    migrating = asyncio.create_task(migrate(empty_database_url))
    building = "FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'CREATE INDEX CONCURRENTLY%'"
    async with asyncio.timeout(60):
        while not await other.fetchval(f"SELECT count(*) {building} AND wait_event_type = 'Lock'"):
            await asyncio.sleep(0.02)
    await other.execute(f"SELECT pg_terminate_backend(pid) {building}")
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, DBAPIError)):
        await migrating
    await reader.close()
    await migrate(empty_database_url)
    assert (await schema_of(empty_database_url)).version == SCHEMA
    assert not await other.fetchval("SELECT count(*) FROM pg_index WHERE NOT indisvalid")
    await other.close()


async def test_servers_that_start_together_do_not_block_an_index_that_is_built(
    database_url: str, tmp_path: Path
) -> None:
    """CREATE INDEX CONCURRENTLY waits for all statements under way: also for those that wait for its own lock."""
    chain = next_version(tmp_path)
    async with asyncio.timeout(120):
        await asyncio.gather(*(migrate(database_url, chain=chain) for _ in range(4)))
    assert (await schema_of(database_url)).version == "9002"


async def test_an_index_that_was_left_half_built_is_built_anew(database_url: str, tmp_path: Path) -> None:
    chain = next_version(tmp_path)
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("CREATE INDEX card_transaction_colour ON card_transaction (program_id, created_at)")
        await connection.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'card_transaction_colour'::regclass"
        )
        await migrate(database_url, chain=chain)
        made = await connection.fetchval("SELECT pg_get_indexdef('card_transaction_colour'::regclass)")
        assert made.endswith("(program_id, created_at, cashier_id)")
    finally:
        await connection.close()


async def schema_of(url: str) -> Schema:
    connection = await asyncpg.connect(url)
    try:
        return await read_schema(connection)
    finally:
        await connection.close()
