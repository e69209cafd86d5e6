"""The look at the books sees what it is there to see."""

from collections.abc import AsyncIterator
from typing import TypeAlias

import asyncpg
import pytest
from drills.conservation import books
from tests.database.cards.builders import Shop, open_shop

from kado.crypto import Keyring
from kado.storage.database import Database

Superuser: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@pytest.fixture
async def shop(database: Database, keyring: Keyring, superuser: Superuser) -> AsyncIterator[Shop]:
    shop = await open_shop(database, keyring)
    one, other = await shop.card(5000, -100, 250), await shop.card(2000, -2000)
    await shop.transfer(one, await shop.card(1000), 300)
    await shop.void(await shop.card(700))
    await shop.issue(100)
    assert other != one
    await superuser.execute("SET session_replication_role = replica")  # a thief switches the triggers off
    yield shop
    await shop.ledger.close()


@pytest.mark.usefixtures("shop")
async def test_right_books_have_no_deviation(superuser: Superuser) -> None:
    found = await books(superuser)
    assert (found.deviations, found.programs_off) == ([], [])
    assert (found.cards, found.sums["REDEMPTION"], found.sums["VOID"]) == (5, -2100, -700)
    assert found.entries == await superuser.fetchval("SELECT count(*) FROM card_transaction")


@pytest.mark.parametrize(
    ("change", "cards", "programs"),
    [
        ("UPDATE card SET balance = balance + 1 WHERE balance = 4850", 1, 1),
        ("UPDATE card SET seq = seq + 1 WHERE balance = 4850", 1, 0),
        ("DELETE FROM card_transaction WHERE type = 'RELOAD'", 2, 1),
        ("DELETE FROM card_transaction WHERE type = 'PURCHASE' AND card_id IN (SELECT id FROM card LIMIT 1)", 1, 0),
        (
            "UPDATE card_transaction SET amount = 301, balance_after = balance_after + 1 WHERE type = 'TRANSFER_IN'",
            1,
            1,
        ),
        ("UPDATE card SET balance = balance - 1 WHERE balance = 1300", 1, 1),
    ],
)
async def test_a_cent_that_is_wrong_is_seen(
    shop: Shop, superuser: Superuser, change: str, cards: int, programs: int
) -> None:
    assert (await superuser.execute(change)).split()[-1] == "1", change
    found = await books(superuser)
    assert (len(found.deviations), len(found.programs_off)) == (cards, programs), (found, shop.program_id)
