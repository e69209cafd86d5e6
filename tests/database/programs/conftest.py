"""Two merchants: one that owns programs and one that does not."""

import pytest

from kado.ids import new_id
from kado.storage.database import Database


async def a_merchant(database: Database, name: str) -> str:
    merchant_id = new_id()
    async with database.read() as connection:
        await connection.execute("INSERT INTO merchant (id, name) VALUES ($1, $2)", merchant_id, name)
    return merchant_id


@pytest.fixture
async def owner(database: Database) -> str:
    return await a_merchant(database, "Flower Shop")


@pytest.fixture
async def other(database: Database) -> str:
    return await a_merchant(database, "Book Shop")
