"""PgBouncer before the database: what a session needs, and what is told to each transaction where there is none."""

from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest
from tests.serving.bouncer import Bouncer, bouncing

from kado.storage.database import APP_ROLE, KEYED_ONLY, LONG_READ, Connection, Database
from kado.storage.migrate import SchemaError, migrate

_TOLD = ("role", "TimeZone", "jit", "lock_timeout", "statement_timeout", "synchronous_commit", "enable_seqscan")
_USUAL = (APP_ROLE, "UTC", "off", "4s", "10s", "on", "on")


async def settings_of(connection: Connection) -> tuple[str, ...]:
    row = await connection.fetchrow("SELECT " + ", ".join(f"current_setting('{name}')" for name in _TOLD))
    assert row is not None
    return tuple(row)


@pytest.fixture
def transactions(database_url: str) -> Iterator[Bouncer]:
    with bouncing(database_url, "transaction") as bouncer:
        yield bouncer


@pytest.fixture
def sessions(database_url: str) -> Iterator[Bouncer]:
    with bouncing(database_url, "session") as bouncer:
        yield bouncer


@pytest.fixture
async def careless(database_url: str) -> None:
    """The database acknowledges what is not on its disk, unless it is told otherwise."""
    connection = await asyncpg.connect(database_url)
    name = database_url.rpartition("/")[2].partition("?")[0]
    await connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    await connection.close()


@pytest.fixture
async def pooled(database_url: str, transactions: Bouncer, careless: None) -> AsyncIterator[Database]:
    opened = await Database.open(database_url, pooled_url=transactions.url, size=6)
    yield opened
    await opened.close()


async def test_each_transaction_is_told_role_and_settings_and_leaves_nothing(
    pooled: Database, transactions: Bouncer, database_url: str
) -> None:
    async with pooled.read() as connection:
        assert await settings_of(connection) == _USUAL
    async with pooled.transaction() as connection:
        assert await settings_of(connection) == _USUAL
        async with connection.transaction():
            assert await settings_of(connection) == _USUAL
    async with pooled.read_list(in_order=True) as connection:
        assert await settings_of(connection) == (*_USUAL[:-1], "off")
    fresh = await asyncpg.connect(database_url)
    others = await asyncpg.connect(transactions.url, statement_cache_size=0)
    async with others.transaction():  # on one of the servers that were just told all that
        assert await settings_of(others) == await settings_of(fresh)
    for one in (fresh, others):
        await one.close()


async def test_a_connection_of_ones_own_is_a_session_past_the_pooler(pooled: Database) -> None:
    own = await pooled.connect(LONG_READ | KEYED_ONLY)
    assert own.get_server_pid() == await own.fetchval("SELECT pg_backend_pid()")
    assert await settings_of(own) == (APP_ROLE, "UTC", "off", "4s", "0", "on", "off")
    await own.close()


async def test_more_connections_than_the_pooler_has_servers_work_at_once(pooled: Database) -> None:
    import asyncio

    async def add(number: int) -> int:
        async with pooled.transaction() as connection:
            return int(await connection.fetchval("SELECT $1::int + $2::int", number, 1))

    assert await asyncio.gather(*(add(number) for number in range(60))) == list(range(1, 61))


async def test_a_pooler_that_changes_servers_is_refused_where_a_session_is_needed(transactions: Bouncer) -> None:
    with pytest.raises(SchemaError, match="KADO_DATABASE_POOLED_URL"):
        await migrate(transactions.url)


async def test_it_is_found_out_beside_others_who_use_it(transactions: Bouncer) -> None:
    others = [await asyncpg.connect(transactions.url, statement_cache_size=0) for _ in range(2)]
    async with others[0].transaction(), others[1].transaction():
        with pytest.raises(SchemaError, match="KADO_DATABASE_POOLED_URL"):
            await migrate(transactions.url)
    for other in others:
        await other.close()


async def test_a_pooler_that_keeps_servers_is_as_good_as_the_database(sessions: Bouncer, careless: None) -> None:
    assert await migrate(sessions.url) == sessions.url
    database = await Database.open(sessions.url)
    try:
        async with database.read() as connection:
            assert await settings_of(connection) == _USUAL
        named = await database.connect({"application_name": "kado-worker aa"})
        assert await named.fetchval("SHOW application_name") == "kado-worker aa"
        await named.close()
    finally:
        await database.close()
