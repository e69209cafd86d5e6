"""Answers are counted in memory and arrive in the database: all of them, in the minute that they had, and no others."""

import asyncio
from typing import Any

import pytest
import structlog
from tests.database.cards.builders import open_shop

from kado.anomalies import counts as counting
from kado.anomalies.counts import RequestCounts
from kado.crypto import Keyring
from kado.errors import Unavailable
from kado.ids import new_id
from kado.storage.database import Database


async def rows(superuser: Any, table: str = "request_minute") -> list[tuple[object, ...]]:
    found = await superuser.fetch(
        f"SELECT program_id, sum(requests)::int, sum(refused)::int, sum(errors)::int, sum(auth_failures)::int"
        f" FROM {table} GROUP BY 1 ORDER BY 1"
    )
    return [tuple(row) for row in found]


@pytest.fixture
async def program(database: Database, keyring: Keyring) -> str:
    shop = await open_shop(database, keyring)
    await shop.ledger.close()
    return str(shop.program_id)


async def test_everything_that_is_counted_arrives(database: Database, superuser: Any, program: str) -> None:
    counts = RequestCounts(database)
    for status, proved_nothing in ((200, False), (499, False), (401, True), (404, True), (503, False)):
        counts.note(program, status, proved_nothing=proved_nothing)
    assert await rows(superuser) == []
    await counts.flush()
    expected = [(program, 5, 3, 1, 2)]
    assert (await rows(superuser), await rows(superuser, "request_hour")) == (expected, expected)
    await counts.flush()
    assert await rows(superuser) == expected
    counts.note(program, 200, proved_nothing=False)
    await counts.close()
    assert await rows(superuser) == [(program, 6, 3, 1, 2)]


async def test_two_processes_add_up(database: Database, superuser: Any, program: str) -> None:
    both = RequestCounts(database), RequestCounts(database)
    for _ in range(10):
        for one in both:
            for _ in range(7):
                one.note(program, 200, proved_nothing=False)
        await asyncio.gather(*(one.flush() for one in both))
    assert await rows(superuser) == [(program, 140, 0, 0, 0)]


async def test_made_up_programs_fill_nothing(database: Database, superuser: Any, program: str) -> None:
    counts = RequestCounts(database)
    for _ in range(counting._STRANGERS_MAX):
        counts.note(new_id(), 403, proved_nothing=False)
    counts.note(program, 200, proved_nothing=False)  # too late: it is a stranger too, as yet
    assert len(counts._counts) == counting._STRANGERS_MAX
    await counts.flush()
    assert await rows(superuser) == []
    counts.note(program, 200, proved_nothing=False)
    await counts.flush()
    for _ in range(counting._STRANGERS_MAX + 1):
        counts.note(new_id(), 403, proved_nothing=False)
    counts.note(program, 200, proved_nothing=False)
    await counts.flush()
    assert await rows(superuser) == [(program, 2, 0, 0, 0)]


async def test_what_cannot_be_written_waits(
    database_url: str, database: Database, superuser: Any, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = await superuser.fetchval("SELECT current_database()")
    await superuser.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    reading = await Database.open(database_url)
    counts = RequestCounts(reading)
    counts.note(program, 200, proved_nothing=False)
    with pytest.raises(Unavailable):
        await counts.flush()
    counts.note(program, 401, proved_nothing=True)
    # A process that runs on says so and goes on.
    monkeypatch.setattr(counting, "FLUSH_SECONDS", 0.01)
    with structlog.testing.capture_logs() as logs:
        running = asyncio.create_task(counts.run())
        while not logs:
            await asyncio.sleep(0.01)
    assert [(one["log_level"], one["event"]) for one in logs] == [("warning", "anomalies.counts_wait")]
    assert not running.done()
    await superuser.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    for _ in range(500):
        if await rows(superuser):
            break
        await reading._pool.expire_connections()
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait([running])
    assert await rows(superuser) == [(program, 2, 1, 0, 1)]
    await reading.close()


async def test_while_the_database_is_away_an_hour_is_kept(
    database: Database, superuser: Any, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = await Database.open("postgresql://nobody@127.0.0.1:1/none")
    counts, minute = RequestCounts(away), [counting._minute()]
    monkeypatch.setattr(counting, "_minute", lambda: minute[0])
    for _ in range(70):
        counts.note(program, 200, proved_nothing=False)
        with pytest.raises(Unavailable):
            await counts.flush()
        minute[0] += 1
    assert len(counts._counts) == counting._KEPT_MINUTES + 1
    await away.close()


async def test_what_was_counted_keeps_its_minute(
    database: Database, superuser: Any, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts, real = RequestCounts(database), counting._minute()
    for ago, times in ((0, 1), (3, 2), (90, 4)):
        monkeypatch.setattr(counting, "_minute", lambda ago=ago: real - ago)
        for _ in range(times):
            counts.note(program, 200, proved_nothing=False)
    await counts.flush()
    apart = await superuser.fetch(
        "SELECT requests, round(extract(epoch FROM max(minute) OVER () - minute) / 60)::int AS ago"
        " FROM request_minute ORDER BY minute DESC"
    )
    assert [(row["requests"], row["ago"]) for row in apart] == [(1, 0), (2, 3), (4, 90)]
