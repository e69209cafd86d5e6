"""Sums and what is not summed up yet are, at any moment, what a plain addition over all entries says."""

import asyncio
import random
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.database.cards.builders import Shop

from kado.cards.refund import Refund
from kado.cards.replace import Replace
from kado.cards.seal import Sealer
from kado.cards.turnover.figures import ALWAYS, BEGINNING, Dimension, Sum, read_books, read_totals
from kado.cards.turnover.kinds import Kind
from kado.cards.turnover.summarise import rebuild, summarise
from kado.cards.verify import verify
from kado.crypto import Keyring
from kado.storage.database import Database

NO_GRACE = timedelta(0)
START = datetime(2026, 3, 28, 20, 0, tzinfo=UTC)


async def sealed_until(superuser: Any, moment: datetime | None = None) -> None:
    """What the sealer says once it has gone past all that is older."""
    await superuser.execute(
        "UPDATE seal_progress SET sealed_until = coalesce($1::timestamptz, clock_timestamp())", moment
    )


async def all_summed(database: Database, program_id: str) -> None:
    await summarise(database, program_id, grace=NO_GRACE)  # the first time only begins
    while await summarise(database, program_id, grace=NO_GRACE):
        pass


async def a_life(shop: Shop, dice: random.Random) -> None:
    """Cards of several designs that went through everything, test cards among them."""
    tester = replace(shop.caller, is_test=True)
    cards = [
        await shop.card(dice.randint(100, 9000), design_template=dice.choice((None, "birthday", "xmas")))
        for _ in range(8)
    ]
    await shop.issue(1234)
    test_card = await shop.issue(7777, caller=tester)
    await shop.activate(test_card, caller=tester)
    for card in cards:
        for _ in range(dice.randint(1, 4)):
            await shop.redeem(card, dice.randint(1, 60))
            await shop.reload(card, dice.randint(1, 500))
    sale = (await shop.entries(cards[0]))[-2]
    await shop.post(Refund, cards[0], transaction_id=sale.id)
    await shop.transfer(cards[1], cards[2], 20)
    await shop.post(Replace, cards[3], reason="lost")
    await shop.post(Replace, await shop.issue(500), reason="lost")
    twins = [await shop.card(300, customer_email="ada@example.com") for _ in range(2)]
    await shop.in_one_list(shop.consolidation(*twins))
    await shop.void(cards[4])


async def spread(superuser: Any, program_id: str, dice: random.Random) -> None:
    """As if all of that had happened within three days, the entries of each card in their order."""
    rows = await superuser.fetch("SELECT card_id, seq FROM card_transaction WHERE program_id = $1", program_id)
    times = sorted(START + timedelta(seconds=dice.randint(0, 3 * 86_400)) for _ in rows)
    # Some of them at the very beginning of a quarter of an hour.
    times[3], times[-3] = times[3].replace(minute=15, second=0), times[-3].replace(minute=0, second=0)
    times.sort()
    rows.sort(key=lambda row: (row["seq"], row["card_id"]))
    await superuser.execute("SET session_replication_role = replica")
    for row, moment in zip(rows, times, strict=True):
        await superuser.execute(
            "UPDATE card_transaction SET created_at = $4 WHERE program_id = $1 AND card_id = $2 AND seq = $3",
            program_id,
            row["card_id"],
            row["seq"],
            moment,
        )
    await superuser.execute("SET session_replication_role = origin")


async def plainly(superuser: Any, program_id: str, dimension: Dimension, until: datetime) -> dict[str, dict[str, Sum]]:
    """Every entry, one by one."""
    rows = await superuser.fetch(
        "SELECT t.*, c.design_template, c.initial_value, c.expires_at FROM card_transaction t"
        " JOIN card c ON c.program_id = t.program_id AND c.id = t.card_id"
        " WHERE t.program_id = $1 AND NOT c.is_test AND t.created_at < $2",
        program_id,
        until,
    )
    sums: dict[str, dict[str, Sum]] = defaultdict(lambda: defaultdict(Sum))
    for row in rows:
        value = {"": "", "merchant": row["merchant_id"], "design": row["design_template"] or ""}[dimension]
        kind, minor = row["type"], row["amount"]
        if kind == "PURCHASE" and row["counterpart_id"] is None:
            minor = row["initial_value"]
        elif kind == "PURCHASE" or (kind == "TRANSFER_IN" and row["seq"] == 1):
            kind = "REPLACEMENT"
        elif kind == "CONSOLIDATION" and minor > 0:
            kind = "CONSOLIDATED"
        elif kind == "VOID" and row["expires_at"] <= row["created_at"]:
            kind = "FORFEIT"
        sums[value][kind] += Sum(1, minor)
    return {value: dict(kinds) for value, kinds in sums.items()}


@pytest.mark.parametrize("seed", range(4))
async def test_at_any_moment_whatever_is_summed_up(shop: Shop, database: Database, superuser: Any, seed: int) -> None:
    dice = random.Random(seed)
    await a_life(shop, dice)
    await spread(superuser, shop.program_id, dice)
    marks = sorted(START + timedelta(seconds=dice.randint(0, 3 * 86_400)) for _ in range(3))
    for mark in [None, *marks, START + timedelta(days=4)]:
        if mark is not None:
            await sealed_until(superuser, mark)
            await all_summed(database, shop.program_id)
        moments = [START + timedelta(seconds=dice.randint(-3600, 3 * 86_400)) for _ in range(6)]
        moments += [*marks, START + timedelta(hours=7), START + timedelta(hours=9, minutes=45), BEGINNING, ALWAYS]
        for dimension in ("", "merchant", "design"):
            read = await read_books(database, shop.program_id, moments, dimension=dimension)
            for moment, books in zip(moments, read, strict=True):
                wanted = await plainly(superuser, shop.program_id, dimension, moment)
                found = {value: {kind.value: one for kind, one in b.sums.items()} for value, b in books.items()}
                assert found == wanted, (mark, moment, dimension)
        (birthday,) = await read_books(database, shop.program_id, [ALWAYS], dimension="design", value="birthday")
        assert birthday.keys() <= {"birthday"}


async def test_what_is_owed_is_what_verify_says(
    shop: Shop, database: Database, keyring: Keyring, superuser: Any, sealer: Sealer
) -> None:
    await a_life(shop, random.Random(1))
    await sealer.run()
    await sealed_until(superuser)
    await all_summed(database, shop.program_id)
    await shop.card(777)
    (book,) = await read_totals(database, shop.program_id, [ALWAYS])
    report = await verify(database, keyring)
    assert report.findings == []
    assert report.owed == {shop.program_id: book.moved}
    assert book.moved == await superuser.fetchval("SELECT sum(balance) FROM card WHERE NOT is_test")


async def test_sales_go_on_while_sums_are_made(shop: Shop, database: Database, superuser: Any, sealer: Sealer) -> None:
    """Truly at once, over connections of their own: no entry is left out, none counts twice."""
    cards = [await shop.card(5000) for _ in range(8)]
    done = asyncio.Event()
    is_summed = asyncio.Event()
    wrong: list[tuple[int, int]] = []
    sales = 0

    async def sell(card: str) -> None:
        nonlocal sales
        for turn in range(1000):
            if turn >= 25 and is_summed.is_set():  # so that sums are made while cards are sold, on any machine
                return
            await shop.redeem(card, 1)
            sales += 1

    async def seal() -> None:
        while not done.is_set():
            await sealer.run()  # waits for postings that are under way, as it does in a worker
            await superuser.execute("UPDATE seal_progress SET sealed_until = sealed_until + interval '10 seconds'")
            await asyncio.sleep(0)

    async def sum_up() -> None:
        while not done.is_set():
            await summarise(database, shop.program_id, grace=NO_GRACE)
            async with database.read() as connection:
                if await connection.fetchval("SELECT max(entries_total) FROM turnover WHERE kind = 'REDEMPTION'"):
                    is_summed.set()

    async def look() -> None:
        before = 0
        while not done.is_set():
            (book,) = await read_totals(database, shop.program_id, [ALWAYS])
            sold = book.of(Kind.REDEMPTION)
            assert sold.minor == -sold.entries
            if sold.entries < before:
                wrong.append((before, sold.entries))
            before = sold.entries

    beside = [asyncio.create_task(one) for one in (seal(), sum_up(), sum_up(), look(), look())]
    await asyncio.gather(*(sell(card) for card in cards))
    done.set()
    await asyncio.gather(*beside)
    assert is_summed.is_set()
    assert wrong == []
    (book,) = await read_totals(database, shop.program_id, [ALWAYS])
    assert book.of(Kind.REDEMPTION) == Sum(sales, -sales)
    await sealed_until(superuser)
    await all_summed(database, shop.program_id)
    (book,) = await read_totals(database, shop.program_id, [ALWAYS])
    assert book.of(Kind.REDEMPTION) == Sum(sales, -sales)


async def test_a_clock_that_was_set_back_takes_sums_back(shop: Shop, database: Database, superuser: Any) -> None:
    """Entries that are older than what is summed up already count from the first moment."""
    dice = random.Random(7)
    await a_life(shop, dice)
    await spread(superuser, shop.program_id, dice)
    await sealed_until(superuser, START + timedelta(days=4))
    await all_summed(database, shop.program_id)
    await shop.card(4321)
    await superuser.execute("SET session_replication_role = replica")
    late = START + timedelta(days=1, minutes=7)
    await superuser.execute(
        "UPDATE card_transaction SET created_at = $1 WHERE created_at > $2", late, START + timedelta(days=30)
    )
    await superuser.execute("SET session_replication_role = origin")
    await sealed_until(superuser, late - timedelta(seconds=10))
    for _ in range(3):
        (book,) = await read_totals(database, shop.program_id, [ALWAYS])
        assert book.moved == await superuser.fetchval("SELECT sum(balance) FROM card WHERE NOT is_test")
        await summarise(database, shop.program_id, grace=NO_GRACE)
        await sealed_until(superuser, START + timedelta(days=4))


async def test_a_large_program_is_summed_up_in_pieces(
    shop: Shop, database: Database, superuser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(3)
    await a_life(shop, dice)
    await spread(superuser, shop.program_id, dice)
    await sealed_until(superuser, START + timedelta(days=4))
    from kado.cards.turnover import summarise as module

    monkeypatch.setattr(module, "_NEXT", module._NEXT.replace(f"OFFSET {module.BATCH}", "OFFSET 5"))
    await all_summed(database, shop.program_id)
    rows = await superuser.fetch("SELECT * FROM turnover ORDER BY dimension, value, kind, slot")
    await rebuild(database, shop.program_id)
    assert await superuser.fetchval("SELECT count(*) FROM turnover") == 0
    monkeypatch.undo()
    await all_summed(database, shop.program_id)
    assert await superuser.fetch("SELECT * FROM turnover ORDER BY dimension, value, kind, slot") == rows


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("UPDATE turnover SET minor = minor + 1 WHERE {}", "turnover_differs"),
        ("UPDATE turnover SET minor_total = minor_total - 1 WHERE {}", "turnover_differs"),
        ("UPDATE turnover SET entries = entries + 1 WHERE {}", "turnover_differs"),
        ("DELETE FROM turnover WHERE {}", "turnover_differs"),
        ("UPDATE turnover SET slot = slot - interval '15 minutes' WHERE {}", "turnover_differs"),
        ("UPDATE turnover SET kind = 'RELOAD', slot = slot - interval '1 hour' WHERE {}", "turnover_differs"),
        (
            "INSERT INTO turnover SELECT program_id, '', '', 'REFUND', slot, 1, 5, 1, 5 FROM turnover WHERE {}",
            "turnover_differs",
        ),
    ],
)
async def test_a_sum_that_was_changed_by_hand_is_found(
    shop: Shop, database: Database, keyring: Keyring, superuser: Any, sealer: Sealer, change: str, reason: str
) -> None:
    card = await shop.card(5000, -700)
    await shop.redeem(card, 300)
    await sealer.run()
    await sealed_until(superuser)
    await all_summed(database, shop.program_id)
    assert (await verify(database, keyring)).findings == []
    await superuser.execute(change.format("kind = 'REDEMPTION' AND dimension = ''"))
    report = await verify(database, keyring)
    assert {(one.program_id, one.card_id, one.reason_code.value) for one in report.findings} == {
        (shop.program_id, None, reason)
    }
    assert all("summary" in one.explanation for one in report.findings)
    await rebuild(database, shop.program_id)
    await all_summed(database, shop.program_id)
    assert (await verify(database, keyring)).findings == []
