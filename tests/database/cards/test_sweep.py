"""The sweep writes down what time has made true, deletes what is old, and touches nothing else."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from tests.database.cards.builders import Shop, open_shop

from kado.cards import guesses
from kado.cards import sweep as sweeping
from kado.cards.sweep import SweepReport, sweep
from kado.cards.verify import verify
from kado.crypto import Keyring
from kado.storage.database import Database


async def statuses(superuser: Any, *cards: str) -> list[str]:
    rows = {row["id"]: row["status"] for row in await superuser.fetch("SELECT id, status FROM card")}
    return [rows[card_id] for card_id in cards]


async def test_nothing_to_do(shop: Shop) -> None:
    await shop.card()
    assert await sweep(shop.database, answer_days=35) == SweepReport(0, 0, 0, 0, 0)


async def test_cards_whose_time_is_over_are_expired(shop: Shop, superuser: Any) -> None:
    soon = await shop.soon()
    cards = [await shop.card(expires_at=soon), await shop.issue(expires_at=soon), await shop.card()]
    voided = await shop.card(expires_at=soon)
    await shop.void(voided)
    before = await superuser.fetch("SELECT id, updated_at, balance, state_seal FROM card ORDER BY id")
    await shop.wait_for(soon)
    assert (await sweep(shop.database, answer_days=35)).expired == 2
    assert await statuses(superuser, *cards, voided) == ["expired", "expired", "active", "voided"]
    assert await superuser.fetch("SELECT id, updated_at, balance, state_seal FROM card ORDER BY id") == before
    assert (await verify(shop.database, shop.keyring)).is_clean
    assert (await sweep(shop.database, answer_days=35)).expired == 0


async def test_suspensions_end_in_what_the_card_is_otherwise(shop: Shop, superuser: Any) -> None:
    soon = await shop.soon()
    active, pending, depleted = await shop.card(), await shop.issue(), await shop.card(1000, -1000)
    expiring, later, endless = await shop.card(expires_at=soon), await shop.card(), await shop.card()
    for card_id in (active, pending, depleted, expiring):
        await shop.suspend(card_id, soon)
    await shop.suspend(later, soon + timedelta(hours=1))
    await shop.suspend(endless)
    await shop.wait_for(soon)
    report = await sweep(shop.database, answer_days=35)
    assert (report.suspensions_ended, report.expired) == (3, 1)
    cards = (active, pending, depleted, expiring, later, endless)
    assert await statuses(superuser, *cards) == [
        "active", "pending", "depleted", "expired", "suspended", "suspended",
    ]  # fmt: skip
    assert (await verify(shop.database, shop.keyring)).is_clean
    assert (await shop.redeem(active, 1)).status == 200
    assert (await verify(shop.database, shop.keyring)).is_clean


async def test_a_card_that_someone_is_working_on_is_left_for_the_next_round(shop: Shop, superuser: Any) -> None:
    soon = await shop.soon()
    card_id = await shop.card(expires_at=soon)
    await shop.wait_for(soon)
    async with superuser.transaction():
        await superuser.execute("SELECT FROM card WHERE id = $1 FOR UPDATE", card_id)
        assert (await sweep(shop.database, answer_days=35)).expired == 0
    assert (await sweep(shop.database, answer_days=35)).expired == 1


async def test_old_answers_go_and_the_key_stays_used(shop: Shop, superuser: Any) -> None:
    card_id = await shop.card()
    await shop.redeem(card_id, 1, key="old")
    await superuser.execute("UPDATE idempotency_key SET created_at = created_at - interval '31 days'")
    await shop.redeem(card_id, 1, key="new")
    assert (await sweep(shop.database, answer_days=35)).answers == 0
    assert (await sweep(shop.database, answer_days=30)).answers == 3  # issue, activate, redeem
    assert (await shop.redeem(card_id, 1, key="new")).headers == {"Idempotent-Replayed": "true"}


async def test_rate_rows_and_challenges(shop: Shop, superuser: Any) -> None:
    now = await superuser.fetchval("SELECT clock_timestamp()")
    for days in (0, 1, 3, 4):
        await superuser.execute(
            "INSERT INTO check_rate VALUES ($1, $2, 1)", shop.program_id, now - timedelta(days=days)
        )
        await superuser.execute(
            "INSERT INTO captcha_used VALUES ($1, $2)", bytes([days]), now + timedelta(days=2 - days, minutes=-1)
        )
    assert await sweep(shop.database, answer_days=35) == SweepReport(
        expired=0, suspensions_ended=0, answers=0, challenges=2, check_rates=2
    )


async def test_more_than_a_batch_and_more_than_a_program(
    shop: Shop, superuser: Any, database: Database, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_EXPIRE", "_FORGET_ANSWERS"):
        monkeypatch.setattr(sweeping, name, getattr(sweeping, name).replace("LIMIT 5000", "LIMIT 2"))
    monkeypatch.setattr(sweeping, "BATCH", 2)
    other = await open_shop(database, keyring)
    soon = await shop.soon()
    for _ in range(5):
        await shop.issue(expires_at=soon)
    await other.issue(expires_at=soon)
    await superuser.execute("UPDATE idempotency_key SET created_at = created_at - interval '99 days'")
    await shop.wait_for(soon)
    report = await sweep(database, answer_days=35)
    assert (report.expired, report.answers) == (6, 6)
    await other.ledger.close()


async def test_two_sweeps_at_once(shop: Shop, superuser: Any) -> None:
    soon = await shop.soon()
    for _ in range(10):
        await shop.issue(expires_at=soon)
    await shop.wait_for(soon)
    reports = await asyncio.gather(*(sweep(shop.database, answer_days=35) for _ in range(3)))
    assert sum(report.expired for report in reports) == 10


async def test_guesses_at_numbers_that_no_card_has_end_and_those_at_cards_stay(shop: Shop, superuser: Any) -> None:
    """A bot leaves a count with each number that it makes up. Twenty in a life stay twenty where there is a card."""
    card = await shop.look(await shop.card())
    now = await superuser.fetchval("SELECT clock_timestamp()")
    for index, days in ((card.number_index, 900), (b"o" * 32, 31), (b"y" * 32, 29)):
        moments = [now - timedelta(days=days + 100), now - timedelta(days=days)]
        await superuser.execute("INSERT INTO code_guess VALUES ($1, $2, $3, 2)", shop.program_id, index, moments)
    for index, days in ((b"o" * 32, 401), (b"y" * 32, 399)):
        await superuser.execute("INSERT INTO number_guess VALUES ($1, $2)", index, [now - timedelta(days=days)])
    assert await guesses.sweep(shop.database) == 2
    left = {row["number_index"] for row in await superuser.fetch("SELECT number_index FROM code_guess")}
    assert left == {card.number_index, b"y" * 32}
    assert await superuser.fetchval("SELECT number_index FROM number_guess") == b"y" * 32
    assert await guesses.sweep(shop.database) == 0
