"""A database of an earlier version, with cards and entries in it, is migrated and still proves every one of them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from tests.database.cards.builders import Shop, open_shop

from kado.cards.seal import Sealer
from kado.cards.verify import verify
from kado.crypto import Keyring
from kado.storage import migrate
from kado.storage.database import Database

FILLED = ("merchant", "program", "card", "card_transaction", "idempotency_key", "ledger_seal", "seal_progress")


@pytest.fixture
async def shop(database: Database, keyring: Keyring) -> AsyncIterator[Shop]:
    made = await open_shop(database, keyring)
    yield made
    await made.ledger.close()


async def upgrade(url: str, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url), poolclass=NullPool
    )

    def run(connection: Any) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()


async def copy(source: Any, target: Any, table: str) -> None:
    """The rows as the earlier schema can hold them."""
    columns = await target.fetch(
        "SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped", table
    )
    names = ", ".join(row["attname"] for row in columns)
    await target.execute(f"DELETE FROM {table}")
    places = ", ".join(f"${place}" for place in range(1, len(columns) + 1))
    rows = await source.fetch(f"SELECT {names} FROM {table}")
    await target.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", [tuple(row) for row in rows])


async def test_the_entries_and_seals_of_the_first_schema_stay_valid(
    shop: Shop, superuser: Any, empty_database_url: str, keyring: Keyring
) -> None:
    one, other = await shop.card(5000, -100, 250), await shop.card(2000, -2000)
    await shop.reload(one, 70, reference_id="order 1")
    await shop.redeem(one, 7, pos_transaction_id="T-1", cashier_id="anna", key="k")
    await shop.suspend(one)
    await shop.void(other)
    await Sealer(shop.database, keyring).run()
    await upgrade(empty_database_url, "0001")
    earlier = await asyncpg.connect(empty_database_url)
    await earlier.execute("SET session_replication_role = replica")
    for table in FILLED:
        await copy(superuser, earlier, table)
    await earlier.close()

    await migrate.migrate(empty_database_url)
    database = await Database.open(empty_database_url)
    report = await verify(database, keyring)
    assert report.findings == []
    assert (report.cards, report.entries > 8, report.seals) == (2, True, 1)
    # And its cards go on.
    again = Shop(database, keyring, type(shop.ledger)(database, keyring), shop.program, shop.caller)
    await again.unsuspend(one)
    third = await again.card(100)
    assert (await again.transfer(one, third, 100)).status == 200
    await again.hold(one, 50)
    assert (await verify(database, keyring)).findings == []
    await again.ledger.close()
    await database.close()
