"""What the posting machine planned on an empty database finds its rows by their keys, however many there come to be.

The trap: a plan that was made while a table was empty may read the whole of it, or all of a program, and is kept. Then
everything works, and gets slower with each sale.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.database.cards.builders import Shop

from kado.cards.glances import _GLANCES
from kado.cards.watch import _NEW_ENTRIES
from kado.clock import EPOCH
from kado.storage import riding
from kado.storage.database import KEYED_ONLY

KEYS = {
    "card": "card_pkey",
    "card_transaction": "card_transaction_key",
    "idempotency_key": "idempotency_key_pkey",
    "merchant": "merchant_pkey",
    "program": "program_pkey",
    "webhook": "webhook_listening",
}
"""By which index a list's statements look into each table."""

_MANY = 8000
_PAGES = 60
"""Of one table and its indexes, for a sale: some for each of up to a dozen indexes."""

# For each table: what tells a copy of a row from the row.
_COPIES = {
    "card": {
        "id": "lpad(to_hex(n), 24, '0')",
        "number_index": "sha256(int8send(n))",
        "pass_sid": "lpad(to_hex(n), 56, '0')",
    },
    "card_transaction": {
        "card_id": "lpad(to_hex(n), 24, '0')",
        "id": "lpad(to_hex(n), 24, '0')",
        "key_hash": "sha256(int8send(n))",
    },
    "idempotency_key": {"key_hash": "sha256(int8send(n))"},
    "audit_log": {"id": "lpad(to_hex(n), 24, '0')"},
}


async def multiply(superuser: Any) -> None:
    """Many rows like the one that there is, of each table that a sale touches."""
    for table, distinct in _COPIES.items():
        rows = await superuser.fetch(
            "SELECT attname FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped"
            " AND attgenerated = ''",
            table,
        )
        names = [row["attname"] for row in rows]
        values = ", ".join(distinct.get(name, f"t.{name}") for name in names)
        await superuser.execute(
            f"INSERT INTO {table} ({', '.join(names)}) SELECT {values}"
            f" FROM (SELECT * FROM {table} LIMIT 1) t, generate_series(1, {_MANY}) n"
        )
        await superuser.execute(f"ANALYZE {table}")  # as the autovacuum does within a minute


async def pages_read(shop: Shop, superuser: Any) -> dict[str, int]:
    """How many pages were read of each table and its indexes so far, by the database's own look-ups too."""
    (ride,) = shop.ledger._idle._waiting
    for connection in (ride.connection, superuser):
        await connection.execute("SELECT pg_stat_force_next_flush()")
    rows = await superuser.fetch(
        "SELECT relname, heap_blks_hit + heap_blks_read + coalesce(idx_blks_hit + idx_blks_read, 0) AS count"
        " FROM pg_statio_user_tables"
    )
    return {row["relname"]: row["count"] for row in rows}


async def plans(shop: Shop) -> list[dict[str, Any]]:
    """The plans of both statements, as the ledger's connection keeps them."""
    (ride,) = shop.ledger._idle._waiting
    assert ride is not None
    found = []
    for statement in (ride._first, ride._last):
        nulls = ", ".join(["NULL"] * len(statement.get_parameters()))
        said = await ride.connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE {statement.get_name()}({nulls})")
        found.append(json.loads(said)[0]["Plan"])
    return found


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


@pytest.fixture(autouse=True)
async def measuring(monkeypatch: pytest.MonkeyPatch, superuser: Any) -> None:
    """Each list looks how large the tables have become, and not one in a second. Nobody vacuums meanwhile."""
    monkeypatch.setattr(riding, "_MEASURE_SECONDS", 0.0)
    for table in _COPIES:
        await superuser.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")


async def test_both_statements_look_into_tables_by_their_keys_alone(shop: Shop, superuser: Any) -> None:
    card = await shop.card()
    await shop.redeem(card, 1, key="k-1")  # everything is planned now, where there is next to nothing
    await multiply(superuser)
    await shop.redeem(card, 1, key="k-2")
    for plan in await plans(shop):
        for node in nodes(plan):
            if "Relation Name" in node and node["Node Type"] != "ModifyTable":
                assert node["Node Type"] in ("Index Scan", "Index Only Scan"), node
                assert node["Index Name"] == KEYS[node["Relation Name"]], node
            assert node["Node Type"] not in ("Hash Join", "Merge Join", "Bitmap Heap Scan"), node
            assert not node.get("Subplan Name", "").startswith("hashed"), node


async def test_a_sale_reads_no_more_where_there_is_much(shop: Shop, superuser: Any) -> None:
    cards = [await shop.card() for _ in range(3)]
    await shop.redeem(cards[0], 1, key="k-1")
    await multiply(superuser)
    await shop.redeem(cards[0], 1, key="k-2")
    before = await pages_read(shop, superuser)
    for card in cards:
        await shop.redeem(card, 1, key="k-3", pos_transaction_id="T-1")
    after = await pages_read(shop, superuser)
    read = {table: (count - before[table]) / len(cards) for table, count in after.items()}
    assert {table: count for table, count in read.items() if count > _PAGES} == {}


@pytest.mark.parametrize("statement", ["watch", "glances"])
async def test_cards_are_found_one_by_one_whatever_the_planner_takes_their_table_for(
    shop: Shop, superuser: Any, statement: str
) -> None:
    """Who looks at many cards at once must not read all of a program for each of them: it took seconds."""
    card = await shop.card()
    await shop.redeem(card, 1, key="k-1")
    for table in ("card", "card_transaction", "audit_log", "fraud_watched_card"):
        await superuser.execute(f"ANALYZE {table}")  # what is known from now on: there is one card
        await superuser.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
    many = ["x"] * 2000
    settings = f"SET {'; SET '.join(f'{name} = {value}' for name, value in KEYED_ONLY.items())}"
    await superuser.execute(settings)
    if statement == "watch":
        arguments = (shop.program_id, many, [9] * len(many), ["REDEMPTION"], EPOCH)
        said = await superuser.fetchval(f"EXPLAIN (FORMAT JSON) {_NEW_ENTRIES}", *arguments)
    else:
        said = await superuser.fetchval(f"EXPLAIN (FORMAT JSON) {_GLANCES}", [shop.program_id] * len(many), many)
    looked = [node for node in nodes(json.loads(said)[0]["Plan"]) if node.get("Relation Name", "").startswith("card")]
    assert looked
    for node in looked:
        assert "id)::text = " in node["Index Cond"].replace("(program_id)::text = ", ""), node
