"""Processes that are killed at the worst moment: the database, its supervisor, both, and a start that was not done."""

import asyncio
import logging
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from tests.database.storage.embedded.conftest import (
    SERVER,
    Launch,
    connection_file,
    postgres_processes,
    sql,
    until,
)

from kado.storage import embedded
from kado.storage.embedded import processes
from kado.storage.embedded.binaries import find_binaries


@asynccontextmanager
async def watched(data_dir: Path) -> AsyncIterator[embedded.Embedded]:
    running = embedded.start(data_dir, role="server")
    watching = asyncio.create_task(running.watch())
    try:
        yield running
    finally:
        running.stop()
        await asyncio.wait_for(watching, 10)


async def connect(url: str) -> "asyncpg.Connection[asyncpg.Record]":
    """A connection, as soon as there is a database again."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await asyncpg.connect(url)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await asyncio.sleep(0.02)


class Writer:
    """Inserts numbers one by one and remembers those whose commit was acknowledged."""

    def __init__(self, url: str, first: int) -> None:
        self.url, self.next = url, first
        self.acknowledged: list[int] = []

    async def write_for_ever(self) -> None:
        while True:
            connection = await connect(self.url)
            try:
                while True:
                    self.next += 1
                    await connection.execute("INSERT INTO paid VALUES ($1)", self.next)
                    self.acknowledged.append(self.next)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
                connection.terminate()


async def test_after_a_kill_under_load_every_acknowledged_commit_is_there(data_dir: Path) -> None:
    async with watched(data_dir) as running:
        connection = await connect(running.url)
        await connection.execute("CREATE TABLE paid (n int PRIMARY KEY)")
        writers = [Writer(running.url, number * 1_000_000) for number in range(6)]
        tasks = [asyncio.create_task(writer.write_for_ever()) for writer in writers]
        async with asyncio.timeout(60):
            for _ in range(3):
                goals = [len(writer.acknowledged) + 50 for writer in writers]
                while any(len(writer.acknowledged) < goal for writer, goal in zip(writers, goals, strict=True)):
                    await asyncio.sleep(0.01)
                os.kill(connection_file(data_dir)["pid"], signal.SIGKILL)
            connection = await connect(running.url)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        there = {row["n"] for row in await connection.fetch("SELECT n FROM paid")}
        acknowledged = {n for writer in writers for n in writer.acknowledged}
        assert len(acknowledged) >= 900
        assert acknowledged <= there
        await connection.close()


async def test_a_backend_that_is_busy_does_not_hold_up_the_restart(
    data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "kado.storage")
    async with watched(data_dir) as running:
        connection = await connect(running.url)
        endless = asyncio.create_task(connection.fetchval("SELECT count(*) FROM generate_series(1, 100000000000)"))
        observer = await connect(running.url)
        async with asyncio.timeout(20):
            while not await observer.fetchval(
                "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%100000000000%' LIMIT 1"
            ):
                await asyncio.sleep(0.01)
        killed = connection_file(data_dir)["pid"]
        os.kill(killed, signal.SIGKILL)
        with pytest.raises((OSError, asyncpg.PostgresError, asyncpg.InterfaceError)):
            await endless
        async with asyncio.timeout(5):
            while not (data_dir / "database.json").exists() or connection_file(data_dir)["pid"] == killed:
                await asyncio.sleep(0.01)
        again = await connect(running.url)
        assert await again.fetchval("SELECT 1") == 1
        for opened in (connection, observer, again):
            opened.terminate()
    assert "PostgreSQL ended" in caplog.text
    assert "PostgreSQL is back" in caplog.text


async def test_the_watch_goes_on_trying_while_the_database_cannot_start(data_dir: Path) -> None:
    async with watched(data_dir) as running:
        killed = connection_file(data_dir)["pid"]
        settings = data_dir / "postgres" / "postgresql.conf"
        settings.rename(settings.with_suffix(".away"))
        os.kill(killed, signal.SIGKILL)
        async with asyncio.timeout(20):
            while (data_dir / "postgres.log").read_text().count("postgresql.conf") < 3:
                await asyncio.sleep(0.01)
        settings.with_suffix(".away").rename(settings)
        connection = await connect(running.url)
        await connection.close()


def test_a_killed_supervisor_takes_the_database_along_and_the_next_start_works(data_dir: Path, launch: Launch) -> None:
    server = launch(SERVER, data_dir)
    sql(server.line(), "CREATE TABLE kept AS SELECT 42 AS n")
    server.end()
    running = embedded.start(data_dir, role="server")
    assert sql(running.url, "SELECT n FROM kept") == 42
    assert postgres_processes(data_dir)
    running.stop()
    assert not postgres_processes(data_dir)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems cannot tie the database to its supervisor")
def test_a_database_without_its_supervisor_ends_by_itself(data_dir: Path, launch: Launch) -> None:
    server = launch(SERVER, data_dir)
    server.line()
    server.end()
    until(lambda: not postgres_processes(data_dir))


def test_a_killed_supervisor_leaves_no_socket_folder_once_the_next_has_started(folder: Path, launch: Launch) -> None:
    data_dir = folder / ("d" * 90)
    server = launch(SERVER, data_dir)
    server.line()
    left = Path(connection_file(data_dir)["socket"])
    server.end()
    embedded.start(data_dir, role="server").stop()
    assert not left.exists()


def test_an_interrupt_of_the_terminal_does_not_reach_the_database(data_dir: Path) -> None:
    running = embedded.start(data_dir, role="server")
    assert os.getpgid(connection_file(data_dir)["pid"]) != os.getpgid(0)
    running.stop()


@pytest.mark.parametrize("sign", ["postgres.new-*", "postgres.new-*/postgres/base/1", "postgres.new-*/postgres/base/5"])
def test_a_start_killed_while_the_cluster_is_made_leaves_nothing_that_passes_for_one(
    data_dir: Path, launch: Launch, sign: str
) -> None:
    program = launch(SERVER, data_dir)
    until(lambda: list(data_dir.glob(sign)))
    program.end()
    assert not (data_dir / "postgres").exists()
    running = embedded.start(data_dir, role="server")
    assert sql(running.url, "SELECT 1") == 1
    assert not list(data_dir.glob("postgres.new-*"))
    running.stop()


def test_an_orphan_on_the_cluster_is_stopped_and_replaced(data_dir: Path) -> None:
    embedded.start(data_dir, role="server").stop()
    owner = (data_dir / "postgres").stat()
    orphan = subprocess.Popen(
        [find_binaries().program("postgres"), "-D", str(data_dir / "postgres"), "-k", str(data_dir / "socket")],
        user=owner.st_uid if os.geteuid() == 0 else None,
        group=owner.st_gid if os.geteuid() == 0 else None,
        extra_groups=[] if os.geteuid() == 0 else None,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: "ready" in "".join(processes.status_lines(data_dir / "postgres")))
    running = embedded.start(data_dir, role="server")
    assert orphan.wait(1) == 0
    assert sql(running.url, "SELECT 1") == 1
    running.stop()


@pytest.mark.parametrize("ended", [True, False], ids=["zombie", "another program"])
def test_a_pid_file_that_names_no_postgres_is_no_obstacle(data_dir: Path, ended: bool) -> None:
    embedded.start(data_dir, role="server").stop()
    owner = (data_dir / "postgres").stat()
    other = subprocess.Popen(  # of the same user, so that PostgreSQL itself would take it for a running server
        ["true" if ended else "cat"],
        stdin=subprocess.PIPE,
        user=owner.st_uid if os.geteuid() == 0 else None,
    )
    if ended:
        until(lambda: ") Z " in Path(f"/proc/{other.pid}/stat").read_text())
    stale = data_dir / "postgres" / "postmaster.pid"
    stale.write_text(f"{other.pid}\n{data_dir / 'postgres'}\n1\n5432\n{data_dir / 'socket'}\n\n  1 1\nready   \n")
    shutil.chown(stale, owner.st_uid, owner.st_gid)
    running = embedded.start(data_dir, role="server")
    assert sql(running.url, "SELECT 1") == 1
    assert ended or other.poll() is None
    running.stop()
    other.kill()
    other.communicate()


def test_a_forked_worker_neither_keeps_the_lock_nor_stops_the_database(data_dir: Path) -> None:
    running = embedded.start(data_dir, role="server")
    gate, end = os.pipe()
    worker = os.fork()
    if worker == 0:
        os.close(end)
        running.stop()
        os.read(gate, 1)  # outlives the supervisor's lock
        os._exit(0)
    assert sql(running.url, "SELECT 1") == 1
    running.stop()
    embedded.start(data_dir, role="server").stop()
    os.write(end, b"!")
    os.waitpid(worker, 0)
    os.close(gate)
    os.close(end)


@pytest.mark.skipif(not shutil.which("ps"), reason="ps is how other systems than Linux are asked")
def test_other_systems_recognise_the_database_by_its_command_line(data_dir: Path) -> None:
    running = embedded.start(data_dir, role="server")
    pid = connection_file(data_dir)["pid"]
    assert processes._listed_by_ps(pid, data_dir / "postgres")
    assert not processes._listed_by_ps(os.getpid(), data_dir / "postgres")
    running.stop()
    assert not processes._listed_by_ps(pid, data_dir / "postgres")
