"""BEGIN and COMMIT ride along: one transaction, whatever becomes of what they ride with."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kado.storage.database import HOT, Database
from kado.storage.literals import hashes, texts
from kado.storage.riding import Ride

FIRST = "SELECT unnest($1::text::text[]) AS word, unnest($2::text::bytea[]) AS hash"
LAST = "INSERT INTO attempt (kind, subject) SELECT 'login-email', unnest($1::text::bytea[])"

anything = st.one_of(st.none(), st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))


@pytest.fixture
async def ride(database: Database) -> AsyncIterator[Ride]:
    made = await Ride.on(await database.connect(HOT), FIRST, LAST)
    yield made
    await made.close()


async def written(superuser: Any) -> list[bytes]:
    return [row["subject"] for row in await superuser.fetch("SELECT subject FROM attempt ORDER BY subject")]


async def test_all_that_a_ride_does_is_one_transaction(ride: Ride, superuser: Any) -> None:
    rows = await ride.first(texts(["a", "b"]), hashes([b"1", b"2"]), begins=True)
    assert [tuple(row) for row in rows] == [("a", b"1"), ("b", b"2")]
    assert ride.connection.is_in_transaction()
    await ride.last(hashes([b"one"]))
    assert await written(superuser) == []
    await ride.commit([hashes([b"two", b"three"])])
    assert not ride.connection.is_in_transaction()
    assert await written(superuser) == [b"one", b"three", b"two"]


async def test_where_the_first_statement_fails_the_transaction_has_begun(ride: Ride) -> None:
    with pytest.raises(asyncpg.DataError):
        await ride.first("no list", None, begins=True)
    assert ride.connection.is_in_transaction()
    await ride.connection.execute("ROLLBACK")
    assert [row["word"] for row in await ride.first("{a}", None, begins=True)] == ["a"]
    await ride.commit()


async def test_where_the_last_statement_fails_nothing_is_committed(ride: Ride, superuser: Any) -> None:
    await ride.first("{}", "{}", begins=True)
    await ride.last(hashes([b"one"]))
    with pytest.raises(asyncpg.UniqueViolationError):
        await ride.commit([hashes([b"two", b"two"])])
    assert ride.connection.is_in_transaction()
    await ride.connection.execute("ROLLBACK")
    assert await written(superuser) == []


async def test_what_cannot_be_sent_leaves_the_connection_as_it_was(ride: Ride) -> None:
    await ride.first("{}", "{}", begins=True)
    with pytest.raises(UnicodeError):
        await ride.commit(["\ud800"])
    await ride.connection.execute("ROLLBACK")
    assert await ride.first("{}", "{}", begins=True) == []
    await ride.commit()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(st.tuples(anything, st.one_of(st.none(), st.binary()))))
async def test_lists_arrive_as_they_were(ride: Ride, values: list[tuple[str | None, bytes | None]]) -> None:
    rows = await ride.first(texts([text for text, _ in values]), hashes([value for _, value in values]), begins=True)
    await ride.commit()
    found = [tuple(row) for row in rows]
    assert found == (values if any(pair != (None, None) for pair in values) else [])
