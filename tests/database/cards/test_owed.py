"""What is owed is right at every moment, and all cards are read for it no more than once."""

import asyncio
from typing import Any

import pytest
from tests.database.cards.builders import Shop

from kado.cards import owed
from kado.cards.owed import Books
from kado.observability.meters import CARDS, OWED, OWED_CORRECTED
from kado.storage.database import Database


async def in_the_table(superuser: Any, program_id: str) -> int:
    return int(
        await superuser.fetchval(
            "SELECT coalesce(sum(balance), 0) FROM card WHERE program_id = $1 AND NOT is_test", program_id
        )
    )


async def everything_is_settled(superuser: Any) -> None:
    """The sealer has gone past all entries, as it does a moment after the last one."""
    await superuser.execute("UPDATE seal_progress SET sealed_until = clock_timestamp()")


async def test_it_follows_every_entry(
    shop: Shop, database: Database, superuser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = await shop.card(5000)
    await shop.card(1000, 500)
    books = Books(database)
    assert (await books.look()).sums == {shop.program_id: 6500}
    monkeypatch.setattr(owed, "_counted", None)  # nothing is counted again from here on
    await shop.redeem(card, 700)
    assert (await books.look()).sums == {shop.program_id: 5800}
    await everything_is_settled(superuser)
    assert (await books.look()).sums == {shop.program_id: 5800}
    await shop.void(card)
    new = await shop.card(300)
    await everything_is_settled(superuser)
    await shop.reload(new, 25)
    for _ in range(2):
        assert (await books.look()).sums == {shop.program_id: await in_the_table(superuser, shop.program_id)}


async def test_it_is_right_while_tills_are_busy(shop: Shop, database: Database, superuser: Any) -> None:
    cards = [await shop.card(5000) for _ in range(4)]
    books = Books(database)
    selling: list[asyncio.Task[object]] = [asyncio.create_task(shop.card(100, 50, -20)) for _ in range(10)]
    selling += [asyncio.create_task(shop.transfer(cards[0], cards[1], 5)) for _ in range(5)]
    while not all(one.done() for one in selling):
        await books.look()
        await everything_is_settled_as_the_sealer_does(superuser)
    assert (await books.look()).sums == {shop.program_id: await in_the_table(superuser, shop.program_id)}


async def everything_is_settled_as_the_sealer_does(superuser: Any) -> None:
    """Up to the oldest moment at which a list that is under way may have read the clock."""
    await superuser.execute(
        "UPDATE seal_progress SET sealed_until = (SELECT coalesce(min(xact_start), clock_timestamp())"
        " - interval '5 seconds' FROM pg_stat_activity WHERE state <> 'idle')"
    )


async def test_a_balance_that_was_edited_past_kado_is_noticed(
    shop: Shop, database: Database, superuser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = await shop.card(5000)
    books = Books(database)
    await books.run()
    before = OWED_CORRECTED.cells.get((), [0])[0]
    monkeypatch.setattr(owed, "_COUNT_AGAIN_SECONDS", -1)
    await books.run()
    assert OWED_CORRECTED.cells.get((), [0])[0] == before
    await superuser.execute("SET session_replication_role = replica")  # past the trigger that forbids it
    await superuser.execute("UPDATE card SET balance = balance - 1 WHERE id = $1", card)
    await books.run()
    assert OWED_CORRECTED.cells[()][0] == before + 1
    await books.run()
    assert OWED_CORRECTED.cells[()][0] == before + 1, "once said, it is known"


async def test_it_is_shown_by_currency_and_by_program_where_that_is_wanted(shop: Shop, database: Database) -> None:
    await shop.card(1234)
    await shop.issue(5000)
    code = shop.program.currency.code
    await Books(database).run()
    assert OWED.look() == {(code, ""): [12_340]}
    assert CARDS.look() == {("active",): [1], ("pending",): [1]}
    await Books(database, by_program=True).run()
    assert OWED.look() == {(code, shop.program_id): [12_340]}
