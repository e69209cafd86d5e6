"""Whether a program's balance page answers browsers that bring no proof of work."""

from kado.storage.migrations.script import run_sql

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it."""
    run_sql("0024_balance_page")
