"""A shop of the test's own."""

from collections.abc import AsyncIterator

import pytest
from tests.database.cards.builders import Shop, open_shop

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
