"""What others may hear of a card, and who hears it."""

from kado.storage.migrations.script import run_sql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it."""
    run_sql("0003_events_and_webhooks")
