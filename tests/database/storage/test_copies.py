"""Lists from a copy: as fresh as from the database, and from that where the copy lags, is gone or is none any more."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from tests.serving.nodes import Node, site

from kado.errors import Unavailable
from kado.storage.copies import Copies
from kado.storage.database import APP_ROLE, Connection, Database

_WHERE = "SELECT CASE WHEN pg_is_in_recovery() THEN 'copy' ELSE 'database' END"


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Node, Node]]:
    """A database and its copy, which is asynchronous: it may lag."""
    with site() as place:
        leader, copy = Node(place, "n1"), Node(place, "n2")
        leader.initialise()
        place.run("psql", f"--dbname={leader.url}", f"--command=CREATE ROLE {APP_ROLE}; CREATE TABLE seen (word text);"
                  f" GRANT ALL ON seen TO {APP_ROLE}")  # fmt: skip
        copy.copy(leader)
        yield leader, copy
        leader.kill()
        copy.kill()


@asynccontextmanager
async def reading(leader: Node, copy: str, wait_seconds: float = 0.2) -> AsyncIterator[tuple[Database, Copies]]:
    database = await Database.open(leader.url)
    copies = Copies(database, await Database.open(copy, is_copy=True), wait_seconds)
    try:
        yield database, copies
    finally:
        await copies.close()
        await database.close()


async def where(connection: Connection) -> str:
    return str(await connection.fetchval(_WHERE))


async def until_read_from(copies: Copies, source: str) -> None:
    async with asyncio.timeout(20):
        while await copies.looking(where) != source:
            await asyncio.sleep(0.02)


async def write(database: Database, word: str) -> None:
    async with database.transaction() as connection:
        await connection.execute("INSERT INTO seen VALUES ($1)", word)


async def is_there(connection: Connection, word: str) -> bool:
    return bool(await connection.fetchval("SELECT count(*) > 0 FROM seen WHERE word = $1", word))


async def test_a_list_has_all_that_was_committed_when_it_was_asked_for(pair: tuple[Node, Node]) -> None:
    leader, copy = pair
    async with reading(leader, copy.url, wait_seconds=4) as (database, copies):
        await until_read_from(copies, "copy")

        async def look(connection: Connection, word: str) -> tuple[str, bool]:
            return await where(connection), await is_there(connection, word)

        for _ in range(50):
            word = secrets.token_hex(8)
            await write(database, word)
            assert await copies.listing(lambda c, word=word: look(c, word), in_order=True) == ("copy", True)  # type: ignore[misc]
            assert await copies.looking(lambda c, word=word: look(c, word)) == ("copy", True)  # type: ignore[misc]


async def test_a_copy_that_stands_still_is_not_asked_and_is_again_when_it_goes_on(pair: tuple[Node, Node]) -> None:
    leader, copy = pair
    async with reading(leader, copy.url) as (database, copies):
        await until_read_from(copies, "copy")
        await copy.say("SELECT pg_wal_replay_pause()")
        try:
            word = secrets.token_hex(8)
            await write(database, word)
            assert await copies.listing(lambda connection: is_there(connection, word), in_order=True)
            assert await copies.looking(where) == "database"
        finally:
            await copy.say("SELECT pg_wal_replay_resume()")
        await until_read_from(copies, "copy")
        assert await copies.looking(lambda connection: is_there(connection, word))


async def test_what_the_copy_broke_off_is_answered_by_the_database(pair: tuple[Node, Node]) -> None:
    leader, copy = pair
    async with reading(leader, copy.url) as (_, copies):
        await until_read_from(copies, "copy")
        asked: list[str] = []

        async def dies_with_its_server(connection: Connection) -> str:
            asked.append(await where(connection))
            if asked[-1] == "copy":
                await connection.execute("RESET ROLE; SELECT pg_terminate_backend(pg_backend_pid())")
            return asked[-1]

        assert await copies.listing(dies_with_its_server, in_order=False) == "database"
        assert asked == ["copy", "database"]


async def test_a_copy_that_dies_is_missed_by_nobody_and_comes_back(pair: tuple[Node, Node]) -> None:
    leader, copy = pair
    async with reading(leader, copy.url) as (_, copies):
        await until_read_from(copies, "copy")
        copy.kill()
        try:
            answers = await asyncio.gather(*(copies.looking(where) for _ in range(8)))
            assert set(answers) == {"database"}
        finally:
            copy.start()
        await until_read_from(copies, "copy")


async def test_the_database_itself_is_never_taken_for_a_copy(pair: tuple[Node, Node]) -> None:
    leader, _ = pair
    async with reading(leader, leader.url) as (_, copies):
        assert await copies.looking(where) == "database"
        with pytest.raises(Unavailable):
            await copies._copy.looking(where)


async def test_a_question_that_takes_too_long_is_not_put_to_the_database_too(pair: tuple[Node, Node]) -> None:
    leader, copy = pair
    async with reading(leader, copy.url) as (_, copies):
        await until_read_from(copies, "copy")
        asked: list[str] = []

        async def takes_long(connection: Connection) -> None:
            asked.append(await where(connection))
            await connection.execute("SET LOCAL statement_timeout = '20ms'")
            await connection.execute("SELECT pg_sleep(10)")

        with pytest.raises(Unavailable):
            await copies.listing(takes_long, in_order=False)
        assert asked == ["copy"]
        assert await copies.looking(where) == "copy"


async def test_nothing_can_be_written_there(pair: tuple[Node, Node]) -> None:
    leader, copy = pair
    async with reading(leader, copy.url) as (_, copies):
        await until_read_from(copies, "copy")

        async def writes(connection: Connection) -> str:
            with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
                await connection.execute("INSERT INTO seen VALUES ('x')")
            return await where(connection)

        assert await copies.looking(writes) == "copy"
