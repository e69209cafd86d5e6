"""Runs the SQL file of a revision, in the migration's own transaction."""

from pathlib import Path
from typing import Any

from alembic import context, op


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
