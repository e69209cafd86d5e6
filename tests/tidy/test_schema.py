"""The schema explains itself, keeps tenants apart, and gives a running server no more than it needs."""

from pathlib import Path
from typing import TypeAlias

import asyncpg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from tests.database.cards.builders import open_shop

from kado.crypto import Keyring
from kado.storage import migrate as migration
from kado.storage.database import APP_ROLE, Database
from kado.storage.distribution import DISTRIBUTED
from kado.storage.grants import FUNCTIONS, GRANTS
from kado.storage.migrate import REVISIONS, SCHEMA, SchemaError, migrate
from kado.storage.revisions import CHAIN

TENANT_TABLES = [*DISTRIBUTED, "program_admission"]
OTHERS_TABLES = ("pgqueuer", "pgqueuer_log", "pgqueuer_schedules", "pgqueuer_statistics", "alembic_version")

Superuser: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


async def test_every_table_and_column_has_a_comment(superuser: Superuser) -> None:
    rows = await superuser.fetch(
        """
        SELECT c.relname AS table, coalesce(a.attname, '') AS column
        FROM pg_class c
        LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace AND c.relname <> ALL ($1)
          AND (obj_description(c.oid, 'pg_class') IS NULL OR col_description(c.oid, a.attnum) IS NULL)""",
        list(OTHERS_TABLES),
    )
    assert [(row["table"], row["column"]) for row in rows] == []


async def test_every_key_of_tenant_data_begins_with_the_program(superuser: Superuser) -> None:
    rows = await superuser.fetch(
        """
        SELECT c.relname || '.' || i.relname AS key, a.attname AS first
        FROM pg_index x
        JOIN pg_class c ON c.oid = x.indrelid
        JOIN pg_class i ON i.oid = x.indexrelid
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = x.indkey[0]
        WHERE x.indisunique AND c.relname = ANY ($1)
        UNION ALL
        SELECT c.relname || '.' || k.conname, a.attname
        FROM pg_constraint k
        JOIN pg_class c ON c.oid = k.conrelid
        JOIN pg_class f ON f.oid = k.confrelid
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[1]
        WHERE k.contype = 'f' AND c.relname = ANY ($1) AND f.relname <> 'merchant'""",
        TENANT_TABLES,
    )
    assert {row["key"].partition(".")[0] for row in rows} == set(TENANT_TABLES)
    assert [(row["key"], row["first"]) for row in rows if row["first"] != "program_id"] == []


async def test_every_table_has_its_grants_and_every_grant_its_table(superuser: Superuser) -> None:
    rows = await superuser.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert {row["tablename"] for row in rows} == GRANTS.keys()


@pytest.mark.parametrize("table", GRANTS)
async def test_the_server_has_the_rights_that_are_listed_and_no_more(superuser: Superuser, table: str) -> None:
    every = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
    granted = [
        right
        for right in every
        if await superuser.fetchval("SELECT has_table_privilege($1, $2, $3)", APP_ROLE, table, right)
    ]
    assert ", ".join(granted) == GRANTS[table]


@pytest.mark.parametrize("table", ["card_transaction", "audit_log"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {}"])
async def test_history_can_only_be_added_to(superuser: Superuser, table: str, statement: str) -> None:
    await superuser.execute(f"SET ROLE {APP_ROLE}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await superuser.execute(statement.format(table))


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE card_transaction DISABLE TRIGGER ALL",
        "ALTER TABLE card_transaction DROP CONSTRAINT card_transaction_adds_up",
        "ALTER TABLE card_transaction ALTER amount DROP NOT NULL",
        "ALTER TABLE card_transaction OWNER TO kado_app",
        "ALTER TABLE card_transaction RENAME TO another",
        "CREATE TRIGGER another BEFORE INSERT ON card_transaction EXECUTE FUNCTION kado_refuse()",
        "CREATE RULE another AS ON INSERT TO card_transaction DO INSTEAD NOTHING",
        "CREATE OR REPLACE FUNCTION kado_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "DROP TRIGGER card_transaction_is_append_only ON card_transaction",
        "DROP FUNCTION kado_refuse() CASCADE",
        "DROP TABLE card_transaction",
        "SET session_replication_role = replica",
        "MERGE INTO card_transaction t USING card c ON c.id = t.card_id WHEN MATCHED THEN DELETE",
        "INSERT INTO card_transaction TABLE card_transaction ON CONFLICT (program_id, id) DO UPDATE SET amount = 0",
        "UPDATE audit_log SET address = 'nowhere'",
        "UPDATE audit_log SET before = after, after = before",
        "DELETE FROM audit_log WHERE action = 'pii_access'",
        "INSERT INTO audit_log TABLE audit_log ON CONFLICT (id) DO UPDATE SET actor = 'somebody else'",
        "MERGE INTO audit_log a USING card c ON c.id = a.subject WHEN MATCHED THEN DELETE",
        "ALTER TABLE audit_log DISABLE TRIGGER ALL",
        "DROP TRIGGER audit_log_is_append_only ON audit_log",
        "DROP TRIGGER audit_log_is_never_emptied ON audit_log",
        "CREATE RULE another AS ON INSERT TO audit_log DO INSTEAD NOTHING",
        "SELECT 1 FROM audit_log FOR UPDATE",
        "UPDATE audit_export SET wanted = '{}'",
        "SELECT 1 FROM card_transaction FOR UPDATE",
        "UPDATE ledger_seal SET number = number",
        "DELETE FROM ledger_seal",
        "TRUNCATE ledger_seal",
        "DELETE FROM card",
        "TRUNCATE card CASCADE",
        "DELETE FROM hold",
        "DELETE FROM reversal",
    ],
)
async def test_the_server_cannot_get_around_what_protects_the_ledger(superuser: Superuser, statement: str) -> None:
    await superuser.execute(f"SET ROLE {APP_ROLE}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await superuser.execute(statement)


@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {}"])
async def test_not_even_the_owner_changes_an_entry_or_its_row_while_the_triggers_stand(
    superuser: Superuser, statement: str, database: Database, keyring: Keyring
) -> None:
    shop = await open_shop(database, keyring)
    await shop.card(100)
    await shop.ledger.close()
    for table, said in (("card_transaction", "entries are never"), ("audit_log", "audit rows are never")):
        with pytest.raises(asyncpg.RestrictViolationError, match=said):
            await superuser.execute(statement.format(table))


NOTES = "SELECT kado_forget_notes($1, $2)"
ADDRESSES = "SELECT kado_forget_addresses('-infinity', clock_timestamp() - make_interval(days => $1))"


async def test_of_an_entry_nothing_but_the_note_can_be_emptied(
    superuser: Superuser, database: Database, keyring: Keyring
) -> None:
    shop = await open_shop(database, keyring)
    card = await shop.card(100)
    await shop.ledger.close()
    before = await superuser.fetch("SELECT * FROM card_transaction ORDER BY seq")
    assert any(row["description"] for row in before)
    for change in ("description = 'x'", "description = NULL, cashier_id = 'x'", "description = NULL, hash = key_hash"):
        with pytest.raises(asyncpg.RestrictViolationError, match="entries are never"):
            await superuser.execute(f"UPDATE card_transaction SET {change}")
    await superuser.execute(f"SET ROLE {APP_ROLE}")
    assert await superuser.fetchval(NOTES, before[0]["program_id"], [card]) == sum(
        row["description"] is not None for row in before
    )
    after = await superuser.fetch("SELECT * FROM card_transaction ORDER BY seq")
    assert [dict(row) for row in after] == [dict(row) | {"description": None} for row in before]


async def test_where_audit_rows_came_from_is_kept_for_a_month_whoever_asks(superuser: Superuser) -> None:
    await superuser.execute(f"SET ROLE {APP_ROLE}")
    with pytest.raises(asyncpg.RestrictViolationError, match="30 days at least"):
        await superuser.fetchval(ADDRESSES, 29)


@pytest.mark.parametrize("function", FUNCTIONS)
async def test_nobody_else_may_have_done_what_only_the_server_may(superuser: Superuser, function: str) -> None:
    assert await superuser.fetchval("SELECT has_function_privilege($1, $2, 'EXECUTE')", APP_ROLE, function)
    grantees = await superuser.fetchval(
        "SELECT array_agg(a.grantee::regrole::text) FROM pg_proc p, aclexplode(p.proacl) a"
        " WHERE p.oid = $1::regprocedure AND a.grantee <> p.proowner",
        function,
    )
    assert grantees == [APP_ROLE]


async def test_what_is_done_in_the_owners_name_runs_nothing_of_the_callers(superuser: Superuser) -> None:
    await superuser.execute(f"SET ROLE {APP_ROLE}")
    # Temporary tables come first in a search path that does not name their place.
    await superuser.execute(
        """
        CREATE TEMP TABLE card_transaction AS SELECT 'p' AS program_id, 'c' AS card_id, 'a note' AS description;
        CREATE TEMP TABLE audit_log AS SELECT now() - interval '1 year' AS at, 'here' AS address, '' AS user_agent;
        CREATE FUNCTION pg_temp.as_the_owner() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            ALTER TABLE public.card_transaction DISABLE TRIGGER ALL;
            RETURN NEW;
        END $$;
        CREATE TRIGGER own BEFORE UPDATE ON pg_temp.card_transaction
            FOR EACH ROW EXECUTE FUNCTION pg_temp.as_the_owner();
        CREATE TRIGGER own BEFORE UPDATE ON pg_temp.audit_log
            FOR EACH ROW EXECUTE FUNCTION pg_temp.as_the_owner()"""
    )
    assert await superuser.fetchval(NOTES, "p", ["c"]) == 0
    assert await superuser.fetchval(ADDRESSES, 31) == 0
    off = await superuser.fetchval(
        "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'public.card_transaction'::regclass AND tgenabled = 'D'"
    )
    assert off == 0


async def test_a_database_that_lost_its_rights_gets_them_back_and_no_others(
    database_url: str, superuser: Superuser
) -> None:
    """A dump is taken without rights, and what nobody was granted everybody may run."""
    for function in FUNCTIONS:
        await superuser.execute(f"GRANT EXECUTE ON FUNCTION {function} TO PUBLIC")
    await migrate(database_url)
    for function in FUNCTIONS:
        await test_nobody_else_may_have_done_what_only_the_server_may(superuser, function)


async def test_migrating_again_changes_nothing(database_url: str, superuser: Superuser) -> None:
    before = await _definition(superuser)
    assert await migrate(database_url) == database_url
    assert await _definition(superuser) == before


async def test_an_empty_database_gets_the_same_schema(empty_database_url: str, superuser: Superuser) -> None:
    await migrate(empty_database_url)
    connection = await asyncpg.connect(empty_database_url)
    try:
        assert await _definition(connection) == await _definition(superuser)
        assert await migration.schema_version(connection) == SCHEMA
    finally:
        await connection.close()


async def test_a_newer_schema_is_refused_with_a_way_out(database_url: str, superuser: Superuser) -> None:
    await superuser.execute("UPDATE alembic_version SET version_num = '9999'; UPDATE schema_mark SET since = '9999'")
    with pytest.raises(SchemaError, match=r"schema 9999, which is newer .* restore a backup"):
        await migrate(database_url)
    assert await migration.schema_version(superuser) == "9999"


def test_known_revisions_are_the_chain_of_migrations() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migration.__file__).parent / "migrations"))
    chain = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(chain)) == REVISIONS
    posts = {file.name[:4] for folder in CHAIN.folders for file in folder.glob("*_post.sql")}
    assert posts == set(CHAIN.posts)
    assert sorted(CHAIN.posts) == list(CHAIN.posts)
    assert CHAIN.works_beside.keys() <= set(REVISIONS)


async def _definition(connection: Superuser) -> list[tuple[object, ...]]:
    """Columns, constraints, indexes, triggers and grants, in an order of their own."""
    rows = await connection.fetch(
        """
        SELECT 'column' AS kind, table_name || '.' || column_name AS name, concat_ws(' ', data_type, is_nullable,
               column_default) AS text
        FROM information_schema.columns WHERE table_schema = 'public'
        UNION ALL SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
        UNION ALL SELECT 'trigger', tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid)
        FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL SELECT 'grant', table_name, grantee || ' ' || privilege_type
        FROM information_schema.table_privileges WHERE table_schema = 'public' AND grantee = 'kado_app'
        ORDER BY 1, 2, 3"""
    )
    return [tuple(row) for row in rows]
