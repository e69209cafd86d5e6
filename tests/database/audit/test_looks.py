"""Looks at card numbers on their way to the log: none is lost while the database takes no writes, within bounds."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
import structlog.testing

from kado.audit import looks as module
from kado.audit.looks import Looks
from kado.audit.origin import Origin, coming_from
from kado.ids import new_id
from kado.storage.database import Database

ACTOR, MERCHANT, PROGRAM = "staff:aaaaaaaaaaaaaaaaaaaaaaaa", "b" * 24, "c" * 24


@asynccontextmanager
async def read_only(superuser: Any, database: Database) -> AsyncIterator[None]:
    """The database takes no writes, from connections that are made from now on."""
    name = await superuser.fetchval("SELECT current_database()")
    await superuser.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    await database._pool.expire_connections()
    try:
        yield
    finally:
        await superuser.execute("SET default_transaction_read_only = off")
        await superuser.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        await database._pool.expire_connections()


async def rows(superuser: Any) -> list[dict[str, Any]]:
    found = await superuser.fetch("SELECT * FROM audit_log WHERE action = 'pii_access' ORDER BY at")
    return [dict(row) | {"details": json.loads(row["details"])} for row in found]


async def test_looks_are_written_together_with_who_and_from_where(database: Database, superuser: Any) -> None:
    looks, cards = Looks(database), [new_id() for _ in range(3)]
    for number, card in enumerate(cards):
        with coming_from(Origin("192.0.2.7", "till/7", f"look-{number}")):
            looks.note(ACTOR, MERCHANT, [(PROGRAM, card)])
    other = "d" * 24
    looks.note(ACTOR, MERCHANT, [(PROGRAM, cards[0]), (other, cards[1]), (PROGRAM, cards[2])])
    await looks.written()
    written = await rows(superuser)
    assert len({row["id"] for row in written}) == 5
    assert [(row["subject"], row["request_id"], row["address"]) for row in written[:3]] == [
        (card, f"look-{number}", "192.0.2.7") for number, card in enumerate(cards)
    ]
    assert [(row["program_id"], row["subject"], row["details"]["cards"]) for row in written[3:]] == [
        (PROGRAM, None, [cards[0], cards[2]]),
        (other, cards[1], [cards[1]]),
    ]
    assert {(row["actor"], row["merchant_id"]) for row in written} == {(ACTOR, MERCHANT)}
    assert await superuser.fetchval("SELECT count(DISTINCT xmin::text) FROM audit_log") == 1


async def test_a_look_has_the_time_at_which_it_was_taken(
    database: Database, superuser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PAUSE_SECONDS", 0.01)
    looks = Looks(database)
    async with read_only(superuser, database):
        before = await superuser.fetchval("SELECT clock_timestamp()")
        looks.note(ACTOR, MERCHANT, [(PROGRAM, new_id())])
        after = await superuser.fetchval("SELECT clock_timestamp()")
        await asyncio.sleep(0.3)
        assert await rows(superuser) == []
    await looks.written()
    (row,) = await rows(superuser)
    assert before - timedelta(milliseconds=50) <= row["at"] <= after + timedelta(milliseconds=50)


async def test_looks_wait_while_nothing_can_be_written_and_say_so_once(
    database: Database, superuser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PAUSE_SECONDS", 0.01)
    looks, cards = Looks(database), [new_id() for _ in range(20)]
    with structlog.testing.capture_logs() as logs:
        async with read_only(superuser, database):
            for card in cards:
                looks.note(ACTOR, MERCHANT, [(PROGRAM, card)])
            while not logs:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            assert [line["event"] for line in logs] == ["looks at numbers wait"]
        await looks.written()
    assert {row["subject"] for row in await rows(superuser)} == set(cards)
    assert [line["event"] for line in logs] == ["looks at numbers wait", "looks at numbers are written again"]


async def test_what_goes_beyond_the_bound_becomes_a_line_of_the_log(database: Database, superuser: Any) -> None:
    looks, cards = Looks(database, most=3), [new_id() for _ in range(5)]
    with structlog.testing.capture_logs() as logs, coming_from(Origin("192.0.2.7", "till/7", "look-1")):
        looks.note(ACTOR, MERCHANT, [(PROGRAM, card) for card in cards[:2]])
        looks.note(ACTOR, MERCHANT, [(PROGRAM, card) for card in cards[2:]])
        looks.note(ACTOR, MERCHANT, [(PROGRAM, cards[4])])
    (line,) = logs
    assert (line["event"], line["log_level"]) == ("look at numbers not in the audit log", "warning")
    assert (line["actor"], line["program"], line["request_id"]) == (ACTOR, PROGRAM, "look-1")
    assert line["cards"] == cards[2:]
    assert "192.0.2.7" not in repr(line)
    await looks.written()
    assert len(await rows(superuser)) == 2
    looks.note(ACTOR, MERCHANT, [(PROGRAM, card) for card in cards[2:]])  # there is room again
    await looks.written()
    assert len(await rows(superuser)) == 3


async def test_a_stop_writes_what_waits(database: Database, superuser: Any) -> None:
    looks, cards = Looks(database), [new_id() for _ in range(700)]
    for card in cards:
        looks.note(ACTOR, MERCHANT, [(PROGRAM, card)])
    await looks.close()
    assert {row["subject"] for row in await rows(superuser)} == set(cards)


async def test_a_stop_without_a_database_leaves_lines(
    database: Database, superuser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_STOP_SECONDS", 0.2)
    looks, card = Looks(database), new_id()
    with structlog.testing.capture_logs() as logs:
        async with read_only(superuser, database):
            looks.note(ACTOR, MERCHANT, [(PROGRAM, card)])
            await looks.close()
    assert [line["cards"] for line in logs if line["event"] == "look at numbers not in the audit log"] == [[card]]
    assert await rows(superuser) == []


async def test_a_list_whose_commit_was_not_heard_of_is_written_once(
    database: Database, superuser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PAUSE_SECONDS", 0.01)
    repeat = database.repeat
    lost: list[bool] = []

    async def once_lost(work: Any) -> Any:
        done = await repeat(work)
        if not lost:
            lost.append(True)
            raise asyncpg.ConnectionDoesNotExistError("the answer to the commit did not arrive")
        return done

    monkeypatch.setattr(database, "repeat", once_lost)
    looks = Looks(database)
    looks.note(ACTOR, MERCHANT, [(PROGRAM, new_id())])
    await looks.written()
    assert lost
    assert len(await rows(superuser)) == 1
