"""What nobody looks at ends: alerts, addresses in them and in the audit log, counts of guesses at no card's number."""

from kado.storage.migrations.script import run_sql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it."""
    run_sql("0017_ends")
