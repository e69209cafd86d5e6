"""Cards that are issued by the thousand."""

from kado.storage.migrations.script import run_sql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it."""
    run_sql("0006_bulk_issue")
