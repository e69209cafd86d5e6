"""A digest over a card's holds and reversals, which have no chain of their own."""

from kado.storage.migrations.script import run_sql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it."""
    run_sql("0008_rows_digest")
