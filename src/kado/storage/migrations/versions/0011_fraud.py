"""Rules against fraud, what they count, and the alerts that they raise."""

from kado.storage.migrations.script import run_sql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it."""
    run_sql("0011_fraud")
