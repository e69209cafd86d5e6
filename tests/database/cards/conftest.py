"""A shop of the test's own, and one that a thief has been to."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.database.cards.builders import Shop, open_shop
from tests.database.cards.commands import Office
from tests.database.cards.tampering import World, free, keep_copies

from kado.cards.seal import Sealer
from kado.crypto import Keyring
from kado.storage.database import Database


@pytest.fixture
async def shop(database: Database, keyring: Keyring) -> AsyncIterator[Shop]:
    shop = await open_shop(database, keyring)
    yield shop
    await shop.ledger.close()


@pytest.fixture
def sealer(database: Database, keyring: Keyring) -> Sealer:
    return Sealer(database, keyring)


@pytest.fixture
async def world(shop: Shop, sealer: Sealer, superuser: Any) -> World:
    cards = [
        await shop.card(5000, -100, 250, -300, -1000),
        await shop.card(2000, -2000),
        await shop.card(3000, -5),
        await shop.issue(1000),
        await shop.card(4000, -1, -2, -3),
    ]
    await shop.redeem(cards[0], 7, pos_transaction_id="T-1", cashier_id="anna", terminal_id="till 2")
    await shop.reload(cards[0], 70, reference_id="order 1")
    await shop.void(cards[2])
    await sealer.run()
    await shop.redeem(cards[0], 8)
    await shop.redeem(cards[4], 4)
    await sealer.run()
    await free(superuser)
    await keep_copies(superuser)
    return World(shop, sealer, superuser, cards)


@pytest.fixture
def office(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Office:
    return Office(database_url, tmp_path, monkeypatch)
