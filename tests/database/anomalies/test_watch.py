"""What is unusual is told once, whoever looks; what is over is told once too."""

import asyncio
from typing import Any

import pytest
import structlog
from tests.api.alerts import an_alert, traffic
from tests.database.cards.builders import open_shop

from kado.anomalies import watch
from kado.crypto import Keyring
from kado.errors import Unavailable
from kado.storage.database import Database


@pytest.fixture
async def program(database: Database, keyring: Keyring) -> str:
    shop = await open_shop(database, keyring)
    await shop.ledger.close()
    return str(shop.program_id)


async def alerts(superuser: Any) -> list[tuple[object, ...]]:
    found = await superuser.fetch(
        "SELECT type, severity, seen::int, usual::int, threshold::int, resolved_at IS NOT NULL"
        " FROM anomaly_alert ORDER BY opened_at, type"
    )
    return [tuple(row) for row in found]


async def quiet_for(superuser: Any, minutes: int) -> None:
    """As if everything so far had come that much earlier."""
    for column in ("opened_at", "last_seen_at"):
        await superuser.execute(f"UPDATE anomaly_alert SET {column} = {column} - $1 * interval '1 minute'", minutes)
    await superuser.execute("UPDATE request_minute SET minute = minute - $1 * interval '1 minute'", minutes)


async def test_an_attack_is_told_once_and_so_is_its_end(database: Database, superuser: Any, program: str) -> None:
    await traffic(superuser, program, requests=150, refused=150, auth_failures=101)
    with structlog.testing.capture_logs() as logs:
        assert await watch.look(database) == 1
        assert await watch.look(database) == 0
        assert await alerts(superuser) == [("AUTH_FAILURE_SPIKE", "warning", 101, 0, 100, False)]
        await quiet_for(superuser, 14)
        assert await watch.look(database) == 0
        assert await alerts(superuser) == [("AUTH_FAILURE_SPIKE", "warning", 101, 0, 100, False)]
        await quiet_for(superuser, 2)
        await watch.look(database)
        await watch.look(database)
    assert await alerts(superuser) == [("AUTH_FAILURE_SPIKE", "warning", 101, 0, 100, True)]
    told = [(one["log_level"], one["event"], one["program"], one["type"]) for one in logs]
    assert told == [
        ("warning", "anomaly.detected", program, "AUTH_FAILURE_SPIKE"),
        ("info", "anomaly.resolved", program, "AUTH_FAILURE_SPIKE"),
    ]


async def test_one_that_comes_back_is_another_one(database: Database, superuser: Any, program: str) -> None:
    await traffic(superuser, program, auth_failures=101)
    await watch.look(database)
    await quiet_for(superuser, 20)
    await watch.look(database)
    await traffic(superuser, program, auth_failures=102)
    assert await watch.look(database) == 1
    assert [(row[2], row[5]) for row in await alerts(superuser)] == [(101, True), (102, False)]


async def test_one_that_gets_worse_is_told_again_in_the_log_and_stays_as_bad(
    database: Database, superuser: Any, program: str
) -> None:
    with structlog.testing.capture_logs() as logs:
        for failures in (101, 1001, 500):
            await traffic(superuser, program, auth_failures=failures)
            await watch.look(database)
    assert await alerts(superuser) == [("AUTH_FAILURE_SPIKE", "critical", 1001, 0, 100, False)]
    assert [one["event"] for one in logs] == ["anomaly.detected", "anomaly.worse"]


async def test_many_who_look_at_once_tell_it_once(database: Database, superuser: Any, program: str) -> None:
    await traffic(superuser, program, requests=1000, errors=500, auth_failures=500)
    opened = await asyncio.gather(*(watch.look(database) for _ in range(8)))
    assert sum(opened) == 2
    assert [row[0] for row in await alerts(superuser)] == ["AUTH_FAILURE_SPIKE", "ERROR_RATE"]


async def test_what_is_usual_is_the_week_before_without_this_hour(
    database: Database, superuser: Any, program: str
) -> None:
    # 1,200 an hour are 100 in five minutes; an hour of ten days ago is forgotten, and the present one is no past.
    await traffic(superuser, program, requests=10**6, hours_ago=240)
    for hours_ago in (30, 10):
        await traffic(superuser, program, requests=18_000, auth_failures=1_800, hours_ago=hours_ago)
    await traffic(superuser, program, requests=10**6, hours_ago=0)
    await traffic(superuser, program, requests=1000, auth_failures=100)
    assert await watch.look(database) == 0
    await traffic(superuser, program, requests=1001, auth_failures=101)
    assert await watch.look(database) == 2
    assert await alerts(superuser) == [
        ("AUTH_FAILURE_SPIKE", "warning", 101, 10, 100, False),
        ("VOLUME_SPIKE", "warning", 1001, 100, 1000, False),
    ]


async def test_a_program_without_a_past_has_no_spike_of_volume(
    database: Database, superuser: Any, program: str
) -> None:
    await traffic(superuser, program, requests=10**6)
    assert await watch.look(database) == 0
    await traffic(superuser, program, requests=10, hours_ago=1)
    assert await watch.look(database) == 1


async def test_guesses_that_name_no_program_are_against_all_of_them(
    database: Database, keyring: Keyring, superuser: Any, program: str
) -> None:
    other = await open_shop(database, keyring)
    await other.ledger.close()
    await superuser.execute("INSERT INTO anywhere_rate VALUES (date_trunc('minute', clock_timestamp()), 101)")
    assert await watch.look(database) == 2
    told = await superuser.fetch("SELECT program_id FROM anomaly_alert")
    assert {row["program_id"] for row in told} == {program, other.program_id}


async def test_a_look_that_cannot_write_says_so_and_the_next_one_can(
    database_url: str, database: Database, superuser: Any, program: str
) -> None:
    await traffic(superuser, program, auth_failures=101)
    name = await superuser.fetchval("SELECT current_database()")
    await superuser.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    reading = await Database.open(database_url)
    with pytest.raises(Unavailable):
        await watch.look(reading)
    await reading.close()
    assert await watch.look(database) == 1


async def test_what_nothing_looks_at_any_more_is_forgotten(database: Database, superuser: Any, program: str) -> None:
    await superuser.execute(
        "INSERT INTO request_minute"
        " SELECT $1, date_trunc('minute', clock_timestamp() - n * interval '1 hour'), 1, 0, 0, 0"
        " FROM generate_series(0, 99) n",
        program,
    )
    await superuser.execute(
        "INSERT INTO request_hour SELECT $1, date_trunc('hour', clock_timestamp() - n * interval '1 day'), 1, 0, 0, 0"
        " FROM generate_series(0, 99) n",
        program,
    )
    await superuser.execute(
        "INSERT INTO anywhere_rate SELECT date_trunc('minute', clock_timestamp() - n * interval '1 hour'), 1"
        " FROM generate_series(0, 99) n"
    )
    alert = await an_alert(superuser, program)
    over = await an_alert(superuser, program)
    await superuser.execute("UPDATE anomaly_alert SET resolved_at = now() - interval '401 days' WHERE id = $1", over)
    await watch.forget(database)
    counted = "SELECT (SELECT count(*) FROM request_minute), (SELECT count(*) FROM request_hour),"
    left = await superuser.fetchrow(
        f"{counted} (SELECT count(*) FROM anywhere_rate), (SELECT string_agg(id, ',') FROM anomaly_alert)"
    )
    assert (left[0] in (48, 49), left[1] in (32, 33), left[2] in (48, 49), left[3]) == (True, True, True, alert)
