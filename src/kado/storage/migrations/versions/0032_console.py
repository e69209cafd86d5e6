"""What the console keeps: a program's own theme, cards of a list that are worth different amounts, checks of books."""

from kado.storage.migrations.script import place, run_sql

revision = "0032"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add two columns and a table."""
    run_sql("0032_console")
    place("verification")
