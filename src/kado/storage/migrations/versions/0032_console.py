"""What the console keeps: a program's own theme, lists of receivers, checks of books, counts of cards."""

from kado.storage.migrations.script import place, run_sql

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add two columns and three tables."""
    run_sql("0032_console")
    for table in ("verification", "bulk_list", "card_count"):
        place(table)
