"""Reaching the database: several servers in one address, silent ones, and one that takes no writes any more."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest
import uvloop
from tests.serving.server import free_port

from kado.errors import Unavailable
from kado.storage.connect import connect, one_by_one
from kado.storage.database import Database
from kado.storage.migrate import SchemaError, wait_for_database


@asynccontextmanager
async def way_in(database_url: str) -> AsyncIterator[int]:
    """A TCP port that leads to the test's PostgreSQL, which may listen on a socket in a folder only."""
    parts, query = urlsplit(database_url), parse_qs(urlsplit(database_url).query)

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(2**16):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if "host" in query:
            there = asyncio.open_unix_connection(f"{query['host'][0]}/.s.PGSQL.{query.get('port', ['5432'])[0]}")
        else:
            there = asyncio.open_connection(parts.hostname, parts.port or 5432)
        other_reader, other_writer = await there
        await asyncio.gather(copy(reader, other_writer), copy(other_reader, writer))

    server = await asyncio.start_server(lead, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture
async def port(database_url: str) -> AsyncIterator[int]:
    async with way_in(database_url) as port:
        yield port


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that answers nothing, not even a no, as if its machine were gone: its queue of callers is full."""
    callers = []
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(4):
            callers.append(socket.socket())
            callers[-1].settimeout(0)
            callers[-1].connect_ex(listening.getsockname())
        yield listening.getsockname()[1]
        for caller in callers:
            caller.close()


def address(database_url: str, *ports: int) -> str:
    parts = urlsplit(database_url)
    user = parts.netloc.rpartition("@")[0]
    return f"postgresql://{user}@{','.join(f'127.0.0.1:{port}' for port in ports)}{parts.path}"


def test_an_address_is_taken_apart_by_server() -> None:
    assert one_by_one("postgresql://u:p,w@a,b:1,[::1]:2/x?y=z") == [
        "postgresql://u:p,w@a/x?y=z",
        "postgresql://u:p,w@b:1/x?y=z",
        "postgresql://u:p,w@[::1]:2/x?y=z",
    ]
    alone = "postgresql://u@/x?host=/some/where"
    assert one_by_one(alone) == [alone]


async def test_a_machine_that_is_gone_keeps_nobody_from_the_others(database_url: str, port: int, silent: int) -> None:
    connection = await connect(address(database_url, silent, silent, free_port(), port), timeout=8)
    assert await connection.fetchval("SELECT true")
    await connection.close()


async def test_where_nobody_answers_there_is_an_end(database_url: str, silent: int) -> None:
    with pytest.raises(TimeoutError):
        await connect(address(database_url, silent, silent), timeout=0.5)
    with pytest.raises(ConnectionRefusedError):
        await connect(address(database_url, free_port(), free_port()), timeout=8)


async def test_what_tells_most_is_said(database_url: str, port: int) -> None:
    nowhere = address(database_url, free_port(), port, free_port()) + "_that_does_not_exist"
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await connect(nowhere, timeout=8)


async def test_a_server_that_takes_no_writes_is_passed_over(
    database_url: str, port: int, superuser: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    name = urlsplit(database_url).path[1:]
    await superuser.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with pytest.raises(asyncpg.TargetServerAttributeNotMatched):
        await connect(address(database_url, port, port), timeout=8)
    await (await connect(address(database_url, port), timeout=8)).close()
    await (await connect(address(database_url, port, port) + "?target_session_attrs=primary", timeout=8)).close()


async def test_a_start_waits_for_a_leader_and_then_says_what_is_lacking(
    database_url: str, port: int, superuser: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    name = urlsplit(database_url).path[1:]
    await superuser.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    url = address(database_url, port, port)
    with pytest.raises(SchemaError, match=r"no database within 0\.1 seconds: None of the hosts match"):
        await wait_for_database(url, 0.1)
    with pytest.raises(SchemaError, match="Check KADO_DATABASE_URL"):
        await wait_for_database(address(database_url, free_port()), 0.1)
    waiting = asyncio.create_task(wait_for_database(url, 20))
    await superuser.execute("SET default_transaction_read_only = off")
    await superuser.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    await waiting


@pytest.mark.parametrize("make_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_the_other_end_is_watched(database_url: str, make_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """Nobody here can pull a plug: what the kernel was told has to do."""

    async def told(port: int) -> list[int]:
        connection = await connect(address(database_url, port), timeout=8)
        its = connection._transport.get_extra_info("socket")  # type: ignore[attr-defined]
        try:
            return [
                its.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                its.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
                its.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
            ]
        finally:
            await connection.close()

    async def run() -> list[int]:
        async with way_in(database_url) as port:
            return await told(port)

    with asyncio.Runner(loop_factory=make_loop) as runner:
        assert runner.run(run()) == [1, 5, 5000]


async def test_a_connection_to_a_demoted_server_is_not_used_again(database: Database) -> None:
    """As behind a proxy, which may keep connections that lead to a server with another role by now."""
    async with database.read() as first, database.read() as second:
        for connection in (first, second):
            await connection.execute("SET default_transaction_read_only = on")
    with pytest.raises(Unavailable):
        async with database.transaction() as connection:
            await connection.execute("UPDATE seal_progress SET sealed_until = sealed_until")
    async with database.read() as first, database.read() as second:
        for connection in (first, second):
            await connection.execute("UPDATE seal_progress SET sealed_until = sealed_until")


@pytest.mark.parametrize(("default", "ours"), [("off", "on"), ("local", "on"), ("remote_apply", "remote_apply")])
async def test_commits_wait_for_the_disk_and_the_standby_whatever_the_default(
    database: Database, superuser: "asyncpg.Connection[asyncpg.Record]", default: str, ours: str
) -> None:
    name = await superuser.fetchval("SELECT current_database()")
    await superuser.execute(f"ALTER DATABASE {name} SET synchronous_commit = {default}")
    async with database.read() as connection:
        assert await connection.fetchval("SHOW synchronous_commit") == ours
    own = await database.connect()
    assert await own.fetchval("SHOW synchronous_commit") == ours
    await own.close()
