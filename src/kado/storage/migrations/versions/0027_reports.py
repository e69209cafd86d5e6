"""What reports are made of: sums of entries, schedules and their mails, files to fetch, alerts."""

from kado.storage.migrations.script import place, run_sql

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_TABLES = ("turnover", "turnover_progress")


def upgrade() -> None:
    """Make them."""
    run_sql("0027_reports")
    for table in _TABLES:
        place(table)
