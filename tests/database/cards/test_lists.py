"""Lists under the surface: what they read of a table that has grown, the status in SQL, ownership, the migration."""

import importlib
import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.database.cards.builders import Shop

from kado.access.caller import Customer
from kado.cards.card import Card, CardStatus
from kado.cards.find import card_by_id
from kado.cards.lists import Wanted, list_cards
from kado.cards.ownership import owned_by, owns
from kado.cards.store import STATUS_NOW
from kado.errors import Unavailable
from kado.ids import new_id
from kado.storage.database import Database
from kado.storage.part import COUNT_MAX

MIGRATION = importlib.import_module("kado.storage.migrations.versions.0007_search")
CARDS = 10_000

WANTED = {
    "all": {},
    "a status": {"status": CardStatus.PENDING},
    "a status that no card has": {"status": CardStatus.EXPIRED},
    "a balance": {"has_balance": True, "status": CardStatus.ACTIVE},
    "a word": {"text": "ada"},
    "two words": {"text": "lov ada"},
    "two words of which one is rare": {"text": "a zoe"},
    "nothing": {"text": "zzz"},
    "a number": {"text": "4000 1234 1234 1234"},
    "last four": {"text": "0007"},
}


@pytest.fixture
async def narrow(database_url: str) -> AsyncIterator[Database]:
    """The database through a single connection, whose statements are remembered."""
    opened = await Database.open(database_url, size=1)
    yield opened
    await opened.close()


async def test_a_list_that_was_first_asked_for_in_an_empty_table_reads_no_more_later(
    shop: Shop, narrow: Database, superuser: Any
) -> None:
    for wanted in WANTED.values():
        for _ in range(8):  # after five, PostgreSQL may settle for a plan that it never looks at again
            assert (await _page(shop, narrow, wanted)).found == []
    await _grow(shop, superuser)
    for name, wanted in WANTED.items():
        before = await _rows_read(narrow, superuser)
        page = await _page(shop, narrow, wanted)
        assert await _rows_read(narrow, superuser) - before < 4 * COUNT_MAX, name
        assert bool(page.found) is (name not in ("a status that no card has", "a balance", "nothing", "a number")), name


async def _page(shop: Shop, database: Database, facts: Any) -> Any:
    return await list_cards(database, shop.keyring, [shop.program_id], Wanted(is_test=False, limit=5, **facts))


async def _grow(shop: Shop, superuser: Any) -> None:
    """Ten thousand cards that the planner has not heard of."""
    await superuser.execute("ALTER TABLE card SET (autovacuum_enabled = off)")
    await superuser.execute("ALTER TABLE card_word SET (autovacuum_enabled = off)")
    first = await shop.issue(customer_name="Ada Lovelace", customer_email="ada@example.com")
    await shop.issue(customer_name="Ada Zoe", customer_email="zoe@example.com")
    names = [
        row["column_name"]
        for row in await superuser.fetch("SELECT column_name FROM information_schema.columns WHERE table_name = 'card'")
    ]
    other = {
        "id": "lpad(to_hex(n), 24, '0')",
        "created_at": "created_at - n * interval '1 second'",
        "number_index": "sha256(int8send(n))",
        "pass_sid": "program_id || md5(n::text)",
        "last_four": "lpad((n % 100)::text, 4, '0')",
    }
    await superuser.execute(
        f"INSERT INTO card ({', '.join(names)}) SELECT {', '.join(other.get(name, name) for name in names)}"
        f" FROM card CROSS JOIN generate_series(1, {CARDS}) AS n WHERE id = $1",
        first,
    )
    await superuser.execute("TRUNCATE card_word")
    await MIGRATION.fill(superuser)


async def _rows_read(database: Database, superuser: Any) -> int:
    """How many rows of tables and indexes have been read so far."""
    async with database.read() as connection:
        await connection.execute("SELECT pg_stat_force_next_flush()")
    return int(
        await superuser.fetchval(
            "SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relname IN ('card', 'card_word'))"
            " + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname IN ('card', 'card_word'))"
        )
    )


async def test_a_list_that_takes_too_long_is_given_up_in_order(database: Database) -> None:
    async def endless() -> None:
        async with database.read_list(in_order=True) as connection:
            await connection.execute("SET LOCAL statement_timeout = '1ms'")
            await connection.execute("SELECT count(*) FROM generate_series(1, 100000000)")

    with pytest.raises(Unavailable):
        await endless()
    async with database.read() as connection:
        assert await connection.fetchval("SHOW statement_timeout") == "10s"
        assert await connection.fetchval("SHOW enable_seqscan") == "on"


# ── the migration ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_migration_gives_old_cards_the_words_that_new_ones_get(shop: Shop, superuser: Any) -> None:
    people: list[dict[str, Any]] = [
        {},
        {"customer_name": "Ada Lovelace", "customer_email": "Ada.L@Example.com", "sender_name": "Charles Babbage"},
        {"customer_name": "Ann Jones-Smith Ann", "sender_name": "Sinéad O’Connor (Straße) ÅSA Zoe\u0308 李 明"},
        {"customer_name": " ".join(f"{n:03}" for n in range(63)), "sender_name": "x" * 255},
        {"customer_phone": "+4930901820"},
    ]
    for facts in people:
        await shop.issue(**facts)
    written = await superuser.fetch("SELECT * FROM card_word ORDER BY card_id, place")
    await superuser.execute("DELETE FROM card_word")
    await MIGRATION.fill(superuser)
    assert await superuser.fetch("SELECT * FROM card_word ORDER BY card_id, place") == written
    assert len(written) > 40


# ── the status that is true now ────────────────────────────────────────────────────────────────────────────────────


async def test_the_status_in_sql_is_that_of_the_card(shop: Shop, database: Database, superuser: Any) -> None:
    card_id = await shop.issue()
    found = await card_by_id(database, shop.program_id, card_id, is_test=False)
    day = timedelta(days=1)
    moments = (None, found.now - day, found.now + day)
    for voided, expires, suspended, until, activated, balance in itertools.product(
        (None, found.now - day), moments[1:], (None, found.now - day), moments, (None, found.now - day), (0, 100)
    ):
        facts = {
            "voided_at": voided,
            "expires_at": expires,
            "suspended_at": suspended,
            "suspended_until": until,
            "activated_at": activated,
            "balance": balance,
        }
        card = replace(found.card, **facts)
        columns = ", ".join(f"${at}::{'bigint' if name == 'balance' else 'timestamptz'} AS {name}"
                            for at, name in enumerate(facts, 1))  # fmt: skip
        said = await superuser.fetchval(f"SELECT {STATUS_NOW} FROM (SELECT {columns}) c", *facts.values())
        assert said == card.status_at(found.now), facts


# ── ownership ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_ownership_in_sql_is_that_of_the_card(shop: Shop, database: Database, superuser: Any) -> None:
    card_id = await shop.issue()
    card = (await card_by_id(database, shop.program_id, card_id, is_test=False)).card
    me, other = new_id(), new_id()
    emails, phones = (None, "ada@example.com", "Ada@EXAMPLE.com", "x@example.com"), (None, "+4930901820", "+4930901821")
    for customer in (
        Customer(me, "ada@example.com", "+4930901820", None),
        Customer(me, None, "+4930901820", None),
        Customer(me, "ada@example.com", None, None),
        Customer(me, None, None, None),
    ):
        for customer_id, email, phone in itertools.product((None, me, other), emails, phones):
            mine: Card = replace(card, customer_id=customer_id, customer_email=email, customer_phone=phone)
            values: list[object] = [customer_id, email, phone]
            condition = owned_by(customer, values)
            said = await superuser.fetchval(
                f"SELECT {condition} FROM (SELECT $1::text AS customer_id, $2::text AS customer_email,"
                " $3::text AS customer_phone) c",
                *values,
            )
            assert bool(said) is owns(customer, mine), (customer, customer_id, email, phone)
