"""The figures of a program with few cards: what is owed, sold and spent, and what ends soon; none for many."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from tests.database.cards.builders import open_shop

from kado.cards import few
from kado.crypto import Keyring
from kado.storage.database import Database

UTC = ZoneInfo("UTC")


async def test_what_is_owed_sold_and_spent_comes_from_the_cards(database: Database, keyring: Keyring) -> None:
    shop, other = await open_shop(database, keyring), await open_shop(database, keyring)
    await other.card(9900)
    await shop.issue(7700)  # worth nothing yet
    await shop.card(5000, 1000, -1500)
    gone = await shop.card(2000)
    await shop.void(gone)
    found = await few.figures_of_few(database, shop.program_id, UTC)
    assert found is not None
    assert found.owed == 4500
    assert len(found.days) == few.DAYS
    assert (found.days[-1].sold, found.days[-1].spent) == (8000, 1500)
    assert [(day.sold, day.spent) for day in found.days[:-1]] == [(0, 0)] * (few.DAYS - 1)
    assert [b.on - a.on for a, b in zip(found.days, found.days[1:], strict=False)] == [timedelta(days=1)] * 29
    await shop.ledger.close()
    await other.ledger.close()


async def test_where_there_are_many_nothing_is_counted(
    database: Database, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(few, "FEW", 1)
    shop = await open_shop(database, keyring)
    await shop.card(100)
    assert await few.figures_of_few(database, shop.program_id, UTC) is not None
    await shop.card(100)
    assert await few.figures_of_few(database, shop.program_id, UTC) is None
    await shop.ledger.close()


async def test_what_ends_within_thirty_days_comes_in_its_order(database: Database, keyring: Keyring) -> None:
    shop = await open_shop(database, keyring)
    async with database.read() as connection:
        now = await connection.fetchval("SELECT clock_timestamp()")
    later = await shop.card(100, expires_at=now + timedelta(days=20))
    sooner = await shop.card(100, expires_at=now + timedelta(days=2))
    await shop.card(100, expires_at=now + timedelta(days=31))
    spent = await shop.card(100, -100, expires_at=now + timedelta(days=3))
    assert [one.card.id for one in await few.expiring_soon(database, shop.program_id, 5)] == [sooner, later]
    assert [one.card.id for one in await few.expiring_soon(database, shop.program_id, 1)] == [sooner]
    assert spent
    await shop.ledger.close()
