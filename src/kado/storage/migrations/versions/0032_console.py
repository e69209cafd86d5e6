"""What the console keeps: a program's own theme, lists of receivers with values of their own, checks of books."""

from kado.storage.migrations.script import place, run_sql

revision = "0032"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add two columns and two tables."""
    run_sql("0032_console")
    for table in ("verification", "bulk_list"):
        place(table)
