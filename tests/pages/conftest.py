from collections.abc import AsyncIterator

import httpx2
import pytest
from starlette.applications import Starlette
from tests.database.cards.builders import Shop, open_shop

from kado.crypto import Keyring
from kado.doors.pages import routes
from kado.fraud.blocked import Blocks
from kado.storage.database import Database


@pytest.fixture
async def shop(database: Database, keyring: Keyring) -> AsyncIterator[Shop]:
    made = await open_shop(database, keyring)
    yield made
    await made.ledger.close()


@pytest.fixture
async def browser(database: Database) -> AsyncIterator[httpx2.AsyncClient]:
    app = Starlette(routes=[*routes(database, Blocks(database))])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://kado.test") as client:
        yield client
