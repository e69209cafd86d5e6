"""Signing keys that succeed one another, and webhook secrets that overlap."""

from kado.storage.migrations.script import run_sql

revision = "0014"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it."""
    run_sql("0014_rotation")
