"""An index by which the entries of a program are found by their time, those behind a figure for example."""

from kado.storage.migrations.script import run_concurrently

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it beside the work that goes on."""
    run_concurrently(
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS card_transaction_when ON card_transaction (program_id, created_at)"
    )
