"""The schema says which versions of Kado may work on it."""

from kado.storage.migrations.script import run_sql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it."""
    run_sql("0009_schema_mark")
