"""Runs the SQL file of a revision, in the migration's own transaction."""

from pathlib import Path
from typing import Any

from alembic import context, op

from kado.storage.distribute import place_table


def run_sql(name: str) -> None:
    """Run `versions/<name>.sql`, several statements at once; with `--sql`, print it instead."""
    text = (Path(__file__).parent / "versions" / f"{name}.sql").read_text()
    run_text(text)


def run_text(text: str) -> None:
    """Run a script of several statements."""
    if context.is_offline_mode():
        context.get_context().impl.static_output(text)
        return
    connection = op.get_bind()
    connection.exec_driver_sql("SELECT 1")  # begins the transaction, which the raw connection below then shares
    raw: Any = connection.connection.dbapi_connection
    raw.run_async(lambda driver: driver.execute(text))


def place(table: str) -> None:
    """Put a new table into its place where there are several machines, and do nothing elsewhere.

    A foreign key to a table that is spread can only be made afterwards: CREATE TABLE, `place`, ALTER TABLE … ADD.
    """
    if context.is_offline_mode():
        return
    connection = op.get_bind()
    connection.exec_driver_sql("SELECT 1")  # begins the transaction, as above
    raw: Any = connection.connection.dbapi_connection
    raw.run_async(lambda driver: place_table(driver, table))


def run_concurrently(*statements: str) -> None:
    """Run these one by one outside any transaction: for CREATE and DROP INDEX CONCURRENTLY on tables in use.

    An index that an earlier attempt left half built is removed first, so each statement says IF NOT EXISTS.
    """
    if context.is_offline_mode():
        context.get_context().impl.static_output("COMMIT;\n" + ";\n".join(statements) + ";\nBEGIN;")
        return
    with op.get_context().autocommit_block():
        raw: Any = op.get_bind().connection.dbapi_connection
        raw.run_async(_drop_half_built)
        for statement in statements:
            raw.run_async(lambda driver, statement=statement: _alone(driver, statement))


async def _drop_half_built(driver: Any) -> None:  # noqa: ANN401 - an asyncpg connection, as SQLAlchemy hands it on
    for row in await driver.fetch(
        "SELECT indexrelid::regclass::text AS name FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid"
        " WHERE NOT indisvalid AND relnamespace = current_schema()::regnamespace"
    ):
        await _alone(driver, f"DROP INDEX CONCURRENTLY {row['name']}")


async def _alone(driver: Any, statement: str) -> None:  # noqa: ANN401
    # It waits for transactions and not for tables, with nobody behind it.
    await driver.execute("SET lock_timeout = 0")
    await driver.execute(statement)
    await driver.execute("RESET lock_timeout")
