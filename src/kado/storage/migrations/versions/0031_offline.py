"""A sale is undone at the till as well."""

from kado.storage.migrations.script import run_sql

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let the till remember a sale as the last action."""
    run_sql("0031_offline")
