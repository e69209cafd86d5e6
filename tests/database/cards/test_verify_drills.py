"""Verification against chance: random edits, random lives of cards, and a server that goes on working."""

import asyncio
import random
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.database.cards.builders import Shop, open_shop
from tests.database.cards.tampering import World, damaged, free, keep_copies

from kado.cards.card import CardStatus
from kado.cards.ledger import Ledger
from kado.cards.seal import Sealer
from kado.cards.sweep import sweep
from kado.cards.verify import verify
from kado.crypto import Keyring
from kado.errors import TooMany
from kado.storage.database import Database

EDITS = 100

# What each column may be changed to: an expression that never gives the value it had.
ENTRY_EDITS = {
    "seq": "seq + 1000",
    "type": "CASE type WHEN 'RELOAD' THEN 'REFUND' ELSE 'RELOAD' END",
    "amount": "amount + $1",
    "balance_before": "balance_before + $1",
    "balance_after": "balance_after - $1",
    "created_at": "created_at + $1 * interval '1 microsecond'",
    "reference_id": "coalesce(reference_id, '') || $1::text",
    "pos_transaction_id": "coalesce(pos_transaction_id, '') || $1::text",
    "cashier_id": "coalesce(cashier_id, '') || $1::text",
    "terminal_id": "coalesce(terminal_id, '') || $1::text",
    "merchant_id": "reverse(merchant_id)",
    "previous_hash": "sha256(previous_hash)",
    "hash": "sha256(hash)",
}
CARD_EDITS = {
    "balance": "balance + $1",
    "seq": "seq - $1",
    "head_hash": "sha256(head_hash)",
    "status": "CASE status WHEN 'active' THEN 'voided' ELSE 'active' END",
    "max_balance": "max_balance + $1",
    "expires_at": "expires_at + $1 * interval '1 hour'",
    "suspended_at": "coalesce(suspended_at, created_at) + $1 * interval '1 second'",
    "suspended_until": "coalesce(suspended_until, created_at) + $1 * interval '1 second'",
    "activated_at": "coalesce(activated_at, created_at) + $1 * interval '1 second'",
    "voided_at": "coalesce(voided_at, created_at) + $1 * interval '1 second'",
    "merchant_id": "reverse(merchant_id)",
    "is_test": "NOT is_test",
    "initial_value": "initial_value + $1",
    "held": "balance + $1",
    "number_sealed": "number_sealed || 'x'",
    "number_index": "sha256(number_index)",
}


async def live(shop: Shop, chance: random.Random, cards: list[str], steps: int) -> None:
    """Random operations; many are refused, which is part of life."""
    for _ in range(steps):
        card_id = chance.choice(cards)
        match chance.choice("aaarrrrrllsuvc"):
            case "a":
                await shop.activate(card_id)
            case "r":
                await shop.redeem(card_id, chance.randint(1, 2000), cashier_id=chance.choice([None, "anna", "bo,b"]))
            case "l":
                await shop.reload(card_id, chance.randint(1, 900), reference_id=chance.choice([None, "a\\b", '"']))
            case "s":
                until = datetime.now(UTC) + timedelta(seconds=chance.uniform(0.05, 0.5))
                await shop.suspend(card_id, chance.choice([None, until]))
            case "u":
                await shop.unsuspend(card_id)
            case "v":
                await (shop.void(card_id) if chance.random() < 0.3 else shop.redeem(card_id, 1))
            case "c":
                with suppress(TooMany):
                    await shop.resend(card_id)


async def issue_some(shop: Shop, chance: random.Random, count: int) -> list[str]:
    soon = datetime.now(UTC) + timedelta(seconds=2)
    return [
        await shop.issue(chance.randint(100, 3000), expires_at=soon if chance.random() < 0.3 else None)
        for _ in range(count)
    ]


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_the_machine_does_is_clean(shop: Shop, sealer: Sealer, superuser: Any, seed: int) -> None:
    chance = random.Random(seed)
    cards = await issue_some(shop, chance, 12)
    cards += [await shop.card(1000, -1000), await shop.card(expires_at=datetime.now(UTC) + timedelta(seconds=1))]
    await shop.void(await shop.issue())
    statuses: set[str] = set()
    for _ in range(6):
        await live(shop, chance, cards, 25)
        await asyncio.sleep(0.4)
        await sealer.run()
        await sweep(shop.database, answer_days=35)
        report = await verify(shop.database, shop.keyring)
        assert report.findings == []
        statuses |= {row["status"] for row in await superuser.fetch("SELECT DISTINCT status FROM card")}
    assert statuses == set(CardStatus), "otherwise the lives were dull"


async def test_random_edits_are_all_found_and_nothing_else(shop: Shop, sealer: Sealer, superuser: Any) -> None:
    chance = random.Random(20_260_101)
    cards = [await shop.card(9000) for _ in range(26)] + [await shop.issue() for _ in range(4)]
    for _ in range(3):
        for card_id in cards[:26]:
            await shop.redeem(card_id, chance.randint(1, 500))
            await shop.reload(card_id, chance.randint(1, 500))
        await sealer.run()
    await superuser.execute("UPDATE seal_progress SET sealed_until = clock_timestamp()")
    await free(superuser)
    await keep_copies(superuser)
    world = World(shop, sealer, superuser, cards)
    wrong = []
    for step in range(EDITS):
        what, expected = await _edit(world, chance)
        found = damaged(await world.verify()) - {None}
        if found != expected:
            wrong.append((what, expected, found))
        await world.undo()
        if step % 20 == 0:
            assert (await world.verify()).is_clean
    assert wrong == []


async def _edit(world: World, chance: random.Random) -> tuple[str, set[str]]:
    """One edit of one row or a swap of two; what it was, and whose cards it damaged."""
    entries = await world.thief.fetch("SELECT card_id, seq FROM card_transaction")
    one, other = chance.sample(entries, 2)
    by = chance.randint(1, 1000)
    match chance.choice(("entry", "entry", "entry", "card", "card", "delete", "insert", "swap")):
        case "entry":
            column = chance.choice(list(ENTRY_EDITS))
            change = ENTRY_EDITS[column].replace("$1", str(by))
            where = "WHERE card_id = $1 AND seq = $2"
            await world.edit(f"UPDATE card_transaction SET {column} = {change} {where}", *one)
            return f"{column} of {one}", {one["card_id"]}
        case "card":
            column, card_id = chance.choice(list(CARD_EDITS)), chance.choice(world.cards)
            change = CARD_EDITS[column].replace("$1", str(by))
            await world.edit(f"UPDATE card SET {column} = {change} WHERE id = $1", card_id)
            return f"{column} of {card_id}", {card_id}
        case "delete":
            await world.edit("DELETE FROM card_transaction WHERE card_id = $1 AND seq = $2", *one)
            return f"deleted {one}", {one["card_id"]}
        case "insert":
            row = (await world.entries(one["card_id"]))[one["seq"] - 1]
            row |= {"seq": 100 + by, "id": f"{by:024x}", "key_hash": None}
            places = ", ".join(f"${at + 1}" for at in range(len(row)))
            await world.edit(f"INSERT INTO card_transaction ({', '.join(row)}) VALUES ({places})", *row.values())
            return f"inserted a copy of {one}", {one["card_id"]}
        case _:
            columns = "amount balance_before balance_after created_at previous_hash hash".split()
            await world.edit(
                f"UPDATE card_transaction t SET {', '.join(f'{column} = o.{column}' for column in columns)}"
                " FROM card_transaction o WHERE (t.card_id, t.seq, o.card_id, o.seq)"
                " IN (($1, $2, $3, $4), ($3, $4, $1, $2))",
                *one,
                *other,
            )
            return f"swapped {one} and {other}", {one["card_id"], other["card_id"]}


async def test_a_working_server_is_clean_at_every_moment(
    shop: Shop, sealer: Sealer, database: Database, keyring: Keyring
) -> None:
    other = await open_shop(database, keyring)
    tills = [shop, other, *(_second_till(shop) for _ in range(2))]
    cards = {till.program_id: [await till.card(9000) for _ in range(8)] for till in (shop, other)}
    stop = asyncio.Event()

    async def sell(till: Shop, seed: int) -> None:
        chance = random.Random(seed)
        while not stop.is_set():
            await live(till, chance, cards[till.program_id], 5)
            cards[till.program_id].append(await till.card(chance.randint(1000, 9000)))

    async def seal() -> None:
        while not stop.is_set():
            await sealer.run()
            await Sealer(database, keyring).run()

    work = [asyncio.create_task(sell(till, seed)) for seed, till in enumerate(tills) for _ in range(3)]
    work.append(asyncio.create_task(seal()))
    seen = 0
    for _ in range(8):
        await asyncio.sleep(0.2)
        report = await verify(database, keyring)
        assert report.findings == []
        assert report.entries > seen, "the server was working"
        seen = report.entries
    stop.set()
    await asyncio.gather(*work)
    for till in tills[1:]:
        await till.ledger.close()


def _second_till(shop: Shop) -> Shop:
    """The same shop as another process sees it."""
    return Shop(shop.database, shop.keyring, Ledger(shop.database, shop.keyring), shop.program, shop.caller)
