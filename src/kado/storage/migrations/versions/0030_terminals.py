"""Shared devices at a counter, the PINs of those who work at them, and who stands at which one now."""

from kado.storage.migrations.script import run_sql

revision = "0030"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make four tables."""
    run_sql("0030_terminals")
