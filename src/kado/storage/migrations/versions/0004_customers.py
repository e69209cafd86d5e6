"""People who own cards, and how they prove who they are."""

from kado.storage.migrations.script import run_sql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it."""
    run_sql("0004_customers")
