"""Counting before comparing: windows, several limits at once, and what is taken back."""

import asyncio
from datetime import datetime, timedelta

import pytest

from kado.access import attempts
from kado.access.attempts import Exhausted, Limit, Reservation, Subject
from kado.storage.database import Database

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SUBJECT = b"s" * 32


async def reserve(database: Database, *limits: Limit, about: bytes = SUBJECT) -> Reservation | Exhausted:
    async with database.transaction() as connection:
        return await attempts.reserve(connection, "balance-check", Subject(about), limits)


async def failed_ago(database: Database, *ages: timedelta) -> None:
    """Pretend that tries failed that long ago."""
    async with database.read() as connection:
        await connection.execute(
            "INSERT INTO attempt (kind, subject, failed_at) VALUES ('balance-check', $1,"
            " ARRAY(SELECT clock_timestamp() - age FROM unnest($2::interval[]) AS age ORDER BY age DESC))",
            SUBJECT,
            list(ages),
        )


async def kept(database: Database) -> list[datetime]:
    async with database.read() as connection:
        return list(await connection.fetchval("SELECT failed_at FROM attempt WHERE subject = $1", SUBJECT) or [])


async def test_exactly_the_limit_is_let_through_however_many_try_at_once(database: Database) -> None:
    outcomes = await asyncio.gather(*(reserve(database, Limit(5, HOUR)) for _ in range(60)))
    assert sum(isinstance(outcome, Reservation) for outcome in outcomes) == 5
    assert len(await kept(database)) == 5


async def test_what_left_the_window_no_longer_counts_and_is_forgotten(database: Database) -> None:
    await failed_ago(database, timedelta(minutes=61), timedelta(minutes=59))
    assert isinstance(await reserve(database, Limit(2, HOUR)), Reservation)
    assert isinstance(await reserve(database, Limit(2, HOUR)), Exhausted)
    assert len(await kept(database)) == 2


async def test_every_limit_holds_and_the_longest_window_decides_what_is_kept(database: Database) -> None:
    both = (Limit(3, HOUR), Limit(4, DAY))
    await failed_ago(database, timedelta(hours=25), timedelta(hours=23), timedelta(hours=2))
    assert isinstance(await reserve(database, *both), Reservation)
    assert isinstance(await reserve(database, *both), Reservation)
    assert isinstance(await reserve(database, *both), Exhausted)
    assert len(await kept(database)) == 4


@pytest.mark.parametrize(
    ("minutes_ago", "limits", "wait_minutes"),
    [
        ([50], [Limit(1, HOUR)], 10),
        ([50, 20], [Limit(2, HOUR)], 10),
        ([50, 20], [Limit(1, HOUR)], 40),
        ([120, 50], [Limit(1, HOUR), Limit(2, DAY)], 24 * 60 - 120),
        ([120, 50], [Limit(1, HOUR), Limit(3, DAY)], 10),
    ],
)
async def test_the_wait_is_until_every_limit_has_room(
    database: Database, minutes_ago: list[int], limits: list[Limit], wait_minutes: int
) -> None:
    await failed_ago(database, *(timedelta(minutes=m) for m in minutes_ago))
    outcome = await reserve(database, *limits)
    assert isinstance(outcome, Exhausted)
    assert wait_minutes * 60 - 20 <= outcome.retry_after_seconds <= wait_minutes * 60


async def test_a_clock_that_stepped_back_unlocks_nothing(database: Database) -> None:
    await failed_ago(database, -timedelta(hours=5))
    assert isinstance(await reserve(database, Limit(1, HOUR)), Exhausted)


async def test_a_success_takes_back_its_own_count_and_no_other(database: Database) -> None:
    first, second, third = [await reserve(database, Limit(9, HOUR)) for _ in range(3)]
    assert isinstance(first, Reservation)
    assert isinstance(second, Reservation)
    assert isinstance(third, Reservation)
    await attempts.release(database, [second])
    await attempts.release(database, [second])
    assert await kept(database) == [first.reserved_at, third.reserved_at]
    await attempts.release(database, [third, first])
    assert await kept(database) == []


async def test_of_two_counts_of_the_same_microsecond_one_is_taken_back(database: Database) -> None:
    reservation = await reserve(database, Limit(9, HOUR))
    assert isinstance(reservation, Reservation)
    async with database.read() as connection:
        await connection.execute("UPDATE attempt SET failed_at = failed_at || failed_at")
    await attempts.release(database, [reservation])
    assert await kept(database) == [reservation.reserved_at]


async def test_subjects_are_counted_apart(database: Database) -> None:
    assert isinstance(await reserve(database, Limit(1, HOUR)), Reservation)
    assert isinstance(await reserve(database, Limit(1, HOUR)), Exhausted)
    assert isinstance(await reserve(database, Limit(1, HOUR), about=b"t" * 32), Reservation)


async def test_a_refused_try_writes_nothing(database: Database) -> None:
    await reserve(database, Limit(1, HOUR))
    before = await kept(database)
    for _ in range(5):
        await reserve(database, Limit(1, HOUR))
    assert await kept(database) == before


async def test_the_sweep_removes_what_is_older_than_a_day(database: Database) -> None:
    await failed_ago(database, timedelta(hours=25))
    await reserve(database, Limit(1, HOUR), about=b"t" * 32)
    assert await attempts.sweep(database) == 1
    assert await attempts.sweep(database) == 0
