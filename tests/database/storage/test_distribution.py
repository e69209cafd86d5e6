"""Every table has its place on several machines, and the schema fits it: held here on a single PostgreSQL.

What a real Citus does with it is tried with `tests/cluster.py`.
"""

from typing import TypeAlias

import asyncpg
import pytest
from tests.cluster import needs_one_machine

from kado.storage.distribute import NotACluster, distribute, plan
from kado.storage.distribution import DISTRIBUTED, KEY, LOCAL, REFERENCE, is_a_worker, is_distributed

Superuser: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

FAR = (*REFERENCE, *DISTRIBUTED)


async def test_every_table_has_one_place_and_every_place_its_table(superuser: Superuser) -> None:
    rows = await superuser.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    placed = [*FAR, *LOCAL]
    assert sorted(placed) == sorted({row["tablename"] for row in rows})


async def test_rows_that_are_spread_say_which_program_they_belong_to(superuser: Superuser) -> None:
    rows = await superuser.fetch(
        "SELECT attrelid::regclass::text AS table FROM pg_attribute"
        " WHERE attrelid = ANY ($1::text[]::regclass[]) AND attname = $2 AND attnotnull AND attgenerated = ''",
        list(DISTRIBUTED),
        KEY,
    )
    assert {row["table"] for row in rows} == set(DISTRIBUTED)


async def test_what_is_unique_among_rows_that_are_spread_is_unique_in_a_program(superuser: Superuser) -> None:
    rows = await superuser.fetch(
        """
        SELECT x.indexrelid::regclass::text AS index FROM pg_index x
        JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[0]
        WHERE x.indrelid = ANY ($1::text[]::regclass[]) AND (x.indisunique OR x.indisexclusion) AND a.attname <> $2""",
        list(DISTRIBUTED),
        KEY,
    )
    assert [row["index"] for row in rows] == []


async def test_foreign_keys_never_lead_to_another_machine(superuser: Superuser) -> None:
    rows = await superuser.fetch(
        """
        SELECT k.conname AS name, k.conrelid::regclass::text AS owner, k.confrelid::regclass::text AS target,
               a.attname AS first, b.attname AS target_first, k.confdeltype::text AS on_delete
        FROM pg_constraint k
        JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
        JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = k.confkey[1]
        WHERE k.contype = 'f' AND k.connamespace = 'public'::regnamespace"""
    )
    assert rows
    spread = [row for row in rows if row["target"] in DISTRIBUTED]
    assert [row["name"] for row in spread if row["owner"] not in DISTRIBUTED] == [], "from a table that is not spread"
    assert [row["name"] for row in spread if not row["first"] == row["target_first"] == KEY] == []
    assert [row["name"] for row in spread if row["on_delete"] not in "arc"] == []
    assert [row["name"] for row in rows if row["owner"] in FAR and row["target"] in LOCAL] == []
    at = {table: number for number, table in enumerate(FAR)}
    late = [row["name"] for row in rows if row["owner"] in at and at[row["owner"]] < at[row["target"]]]
    assert late == [], "a table is put into its place after those that it refers to"


async def test_no_row_that_is_spread_is_numbered_by_a_sequence(superuser: Superuser) -> None:
    rows = await superuser.fetch(
        """
        SELECT a.attrelid::regclass::text || '.' || a.attname AS column FROM pg_attribute a
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attrelid = ANY ($1::text[]::regclass[])
          AND (a.attidentity <> '' OR pg_get_expr(d.adbin, d.adrelid) LIKE '%nextval%')""",
        list(FAR),
    )
    assert [row["column"] for row in rows] == []


async def test_triggers_only_refuse_and_look_at_nothing_but_their_own_row(superuser: Superuser) -> None:
    """The only ones that Citus runs as PostgreSQL does: it makes them on every shard."""
    rows = await superuser.fetch(
        """
        SELECT tgname AS name, tgfoid::regproc::text AS runs, tgtype::int AS type FROM pg_trigger
        WHERE NOT tgisinternal AND tgrelid = ANY ($1::text[]::regclass[])""",
        list(FAR),
    )
    row, before, insert = 1, 2, 4
    assert {one["runs"] for one in rows} == {"kado_refuse"}
    for one in rows:
        is_truncate = bool(one["type"] & 32)
        assert one["type"] & before, one["name"]
        assert not one["type"] & insert, one["name"]
        assert bool(one["type"] & row) is not is_truncate, one["name"]


@needs_one_machine
async def test_a_database_without_citus_is_not_distributed_and_says_so(superuser: Superuser, database_url: str) -> None:
    assert not await is_distributed(superuser)
    assert not await is_a_worker(superuser)
    with pytest.raises(NotACluster, match="no Citus"):
        await plan(superuser)
    with pytest.raises(NotACluster, match="no Citus"):
        await distribute(database_url, None, print)
