"""What only a real cluster shows: rows move and still prove themselves, and programs keep their promises apart."""

import asyncio
from typing import Any

import asyncpg
import pytest
from tests import cluster
from tests.database.cards.builders import open_shop

from kado.cards.seal import Sealer
from kado.cards.verify import verify
from kado.crypto import Keyring
from kado.storage.database import APP_ROLE, Database
from kado.storage.distribute import change_schema, distribute, place_table
from kado.storage.distribution import DISTRIBUTED, LOCAL, REFERENCE, is_distributed

pytestmark = cluster.needs_a_cluster


async def test_what_is_there_moves_and_still_proves_itself(undistributed: str, keyring: Keyring) -> None:
    database = await Database.open(undistributed)
    shop = await open_shop(database, keyring)
    cards = [await shop.card(1000, -10) for _ in range(20)]
    await shop.hold(cards[0], 50)
    await Sealer(database, keyring).run()
    await shop.ledger.close()
    await database.close()

    told: list[str] = []
    done = await distribute(undistributed, None, told.append)
    assert done.tables == (*REFERENCE, *DISTRIBUTED)
    assert (await distribute(undistributed, None, told.append)).tables == ()

    owner = await asyncpg.connect(undistributed)
    assert await is_distributed(owner)
    left = await owner.fetch("SELECT logicalrelid::text AS table FROM pg_dist_partition WHERE partmethod IN ('h', 'n')")
    assert {row["table"] for row in left} & LOCAL.keys() == set(), "the coordinator's own tables stay its own"
    for table in DISTRIBUTED:
        assert await owner.fetchval(f"SELECT pg_relation_size('{table}')") == 0, "no copy stays behind"
    await owner.close()

    database = await Database.open(undistributed)
    shop = await open_shop_again(database, keyring, shop)
    report = await verify(database, keyring)
    assert (report.findings, report.cards) == ([], 20)
    assert (await shop.redeem(cards[0], 940)).status == 200
    assert (await shop.redeem(cards[0], 1)).status == 400, "the rest is held"
    assert (await verify(database, keyring)).findings == []
    await shop.ledger.close()
    await database.close()


async def open_shop_again(database: Database, keyring: Keyring, shop: Any) -> Any:
    return type(shop)(database, keyring, type(shop.ledger)(database, keyring), shop.program, shop.caller)


async def test_postings_of_several_programs_that_come_together_are_all_settled(
    database: Database, keyring: Keyring
) -> None:
    shops = [await open_shop(database, keyring) for _ in range(6)]
    ledger = shops[0].ledger
    for shop in shops[1:]:
        await shop.ledger.close()
        shop.ledger = ledger
    cards = [(shop, await shop.card(1000)) for shop in shops]
    answers = await asyncio.gather(*(shop.redeem(card, 7) for _ in range(20) for shop, card in cards))
    assert [answer.status for answer in answers] == [200] * len(answers)
    async with database.read() as connection:
        for shop, card in cards:
            balance = await connection.fetchval(
                "SELECT balance FROM card WHERE program_id = $1 AND id = $2", shop.program.id, card
            )
            assert balance == 1000 - 20 * 7
    await ledger.close()
    assert (await verify(database, keyring)).findings == []


async def test_entries_stay_as_they_are_on_every_machine(database: Database, keyring: Keyring, superuser: Any) -> None:
    shop = await open_shop(database, keyring)
    await shop.card(100)
    await shop.ledger.close()
    for statement in ("UPDATE card_transaction SET amount = 0", "DELETE FROM card_transaction"):
        with pytest.raises(asyncpg.RestrictViolationError, match="entries are never"):
            await superuser.execute(statement)
    await superuser.execute(f"SET ROLE {APP_ROLE}")
    for statement in ("UPDATE card_transaction SET amount = 0", "DELETE FROM card_transaction", "DELETE FROM card"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await superuser.execute(statement)


async def test_verification_sees_one_moment_while_cards_are_spent(database: Database, keyring: Keyring) -> None:
    shops = [await open_shop(database, keyring) for _ in range(3)]
    cards = [(shop, await shop.card(100_000)) for shop in shops for _ in range(3)]
    done = asyncio.Event()

    async def spend(shop: Any, card: str) -> None:
        while not done.is_set():
            assert (await shop.redeem(card, 1)).status == 200

    spending = [asyncio.create_task(spend(shop, card)) for shop, card in cards]
    for _ in range(3):
        assert (await verify(database, keyring)).findings == []
    done.set()
    await asyncio.gather(*spending)
    for shop in shops:
        await shop.ledger.close()


async def test_a_new_table_is_placed_before_it_refers_to_cards(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kado.storage.distribute.DISTRIBUTED", [*DISTRIBUTED, "novelty"])
    owner = await asyncpg.connect(database_url)
    await change_schema(owner)
    async with owner.transaction():
        await owner.execute(
            "CREATE TABLE novelty (program_id kado_id NOT NULL REFERENCES program, card_id kado_id,"
            " PRIMARY KEY (program_id, card_id))"
        )
        await place_table(owner, "novelty")
        await owner.execute("ALTER TABLE novelty ADD FOREIGN KEY (program_id, card_id) REFERENCES card")
    assert (
        await owner.fetchval(
            "SELECT count(DISTINCT colocationid) FROM pg_dist_partition"
            " WHERE logicalrelid IN ('card'::regclass, 'novelty'::regclass)"
        )
        == 1
    )
    await owner.close()
