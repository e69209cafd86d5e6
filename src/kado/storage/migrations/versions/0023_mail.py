"""Whom mails are for and how they are spoken to; receipts, reminders and news of a card's money."""

from kado.storage.migrations.script import place, run_sql

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it. What is broken off in between leaves nothing."""
    run_sql("0023_mail")
    place("reminder_progress")
