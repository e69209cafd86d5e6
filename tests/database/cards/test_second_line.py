"""What the database itself refuses, whoever asks: bounds of a balance, ways back, and edits of what is written."""

from typing import TypeAlias

import asyncpg
import pytest
from tests.database.cards.builders import Shop

Superuser: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
CHECKED, REFUSED = asyncpg.CheckViolationError, asyncpg.RestrictViolationError


async def row(superuser: Superuser, card_id: str) -> asyncpg.Record | None:
    return await superuser.fetchrow("SELECT * FROM card WHERE id = $1", card_id)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("balance = -1, seq = seq + 1", "card_balance_within_bounds"),
        ("balance = max_balance + 1, seq = seq + 1", "card_balance_within_bounds"),
        ("held = balance + 1", "card_held_within_balance"),
        ("held = -1", "card_held_within_balance"),
        ("voided_at = now()", "card_voided_is_empty"),
        ("status = 'lost'", "card_status_check"),
    ],
)
async def test_a_card_stays_within_its_bounds(shop: Shop, superuser: Superuser, change: str, constraint: str) -> None:
    card = await shop.card(5000)
    before = await row(superuser, card)
    with pytest.raises(CHECKED) as refused:
        await superuser.execute(f"UPDATE card SET {change} WHERE id = $1", card)
    assert refused.value.constraint_name == constraint
    assert await row(superuser, card) == before


async def test_a_pending_card_has_no_money(shop: Shop, superuser: Superuser) -> None:
    card = await shop.issue(5000)
    with pytest.raises(CHECKED, match="card_pending_is_empty"):
        await superuser.execute("UPDATE card SET balance = 5000, seq = seq + 1 WHERE id = $1", card)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("balance = balance - 1", "a balance changes only together with an entry"),
        ("balance = balance + 1, seq = seq - 1", "a balance changes only together with an entry"),
        ("activated_at = NULL", "an activation is never taken back"),
        ("activated_at = activated_at - interval '1 day'", "an activation is never taken back"),
    ],
)
async def test_no_state_is_left_the_wrong_way(shop: Shop, superuser: Superuser, change: str, says: str) -> None:
    card = await shop.card(5000)
    before = await row(superuser, card)
    with pytest.raises(REFUSED, match=says):
        await superuser.execute(f"UPDATE card SET {change} WHERE id = $1", card)
    assert await row(superuser, card) == before


@pytest.mark.parametrize("change", ["voided_at = NULL", "balance = 1, seq = seq + 1"])
async def test_a_voided_card_stays_voided(shop: Shop, superuser: Superuser, change: str) -> None:
    card = await shop.card(5000)
    await shop.void(card)
    with pytest.raises(REFUSED, match="a voided card stays voided"):
        await superuser.execute(f"UPDATE card SET {change} WHERE id = $1", card)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE card_transaction SET amount = 0",
        "UPDATE card_transaction SET description = 'another'",
        "DELETE FROM card_transaction",
        "TRUNCATE card_transaction CASCADE",
    ],
)
async def test_not_even_a_superuser_changes_an_entry_by_mistake(
    shop: Shop, superuser: Superuser, statement: str
) -> None:
    await shop.card(5000, -100)
    before = await superuser.fetch("SELECT * FROM card_transaction ORDER BY id")
    with pytest.raises(REFUSED, match="entries are never"):
        await superuser.execute(statement)
    assert await superuser.fetch("SELECT * FROM card_transaction ORDER BY id") == before


async def test_two_entries_never_share_a_number_or_a_key(shop: Shop, superuser: Superuser) -> None:
    card = await shop.card(5000, -100)
    listed = "SELECT column_name FROM information_schema.columns WHERE table_name = 'card_transaction' ORDER BY 1"
    columns = [found["column_name"] for found in await superuser.fetch(listed)]
    for own in ({"id": "repeat('a', 24)", "key_hash": "NULL"}, {"id": "repeat('a', 24)", "seq": "seq + 1"}):
        values = ", ".join(own.get(column, column) for column in columns)
        with pytest.raises(asyncpg.UniqueViolationError):
            await superuser.execute(
                f"INSERT INTO card_transaction ({', '.join(columns)}) SELECT {values} FROM card_transaction"
                " WHERE card_id = $1 AND type = 'REDEMPTION'",
                card,
            )
