from collections.abc import AsyncIterator

import httpx2
import pytest
from starlette.applications import Starlette
from tests.database.cards.builders import Shop, open_shop

from kado.access.captcha import NoCaptcha
from kado.audit.looks import Looks
from kado.cards.balance_check import BalanceChecks
from kado.cards.page_check import PageChecks
from kado.crypto import Keyring
from kado.doors.pages import Rooms, routes
from kado.fraud.blocked import Blocks
from kado.storage.database import Database


@pytest.fixture
async def shop(database: Database, keyring: Keyring) -> AsyncIterator[Shop]:
    made = await open_shop(database, keyring)
    yield made
    await made.ledger.close()


@pytest.fixture
async def rooms(database: Database, keyring: Keyring, shop: Shop) -> AsyncIterator[Rooms]:
    blocks, looks = Blocks(database), Looks(database)
    checks = BalanceChecks(database, keyring, NoCaptcha(), blocks)
    yield Rooms(
        database=database,
        keyring=keyring,
        public_url="https://cards.example.com",
        blocks=blocks,
        ledger=shop.ledger,
        checks=checks,
        page_checks=PageChecks(database, keyring, checks),
        looks=looks,
    )
    await looks.close()


@pytest.fixture
async def browser(rooms: Rooms) -> AsyncIterator[httpx2.AsyncClient]:
    app = Starlette(routes=[*routes(rooms)])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://kado.test") as client:
        yield client
