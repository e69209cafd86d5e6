"""What tills may take without a line, what they took, and that a sale is undone there as well."""

from kado.storage.migrations.script import run_sql

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make two tables, add three columns to programs, and let the till remember a sale as the last action."""
    run_sql("0031_offline")
