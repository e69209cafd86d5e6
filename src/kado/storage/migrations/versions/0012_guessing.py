"""What a program sees of its traffic, the alerts that follow from it, and captchas that are always asked for."""

from kado.storage.migrations.script import run_sql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it."""
    run_sql("0012_guessing")
