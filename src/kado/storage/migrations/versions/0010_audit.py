"""The audit log says from where, and what was before and after; every entry has its row there."""

from kado.storage.migrations.script import run_sql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it."""
    run_sql("0010_audit")
