"""Shops as their till platforms know them: sessions, locations, themes."""

from kado.storage.migrations.script import run_sql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it."""
    run_sql("0005_platform_merchants")
