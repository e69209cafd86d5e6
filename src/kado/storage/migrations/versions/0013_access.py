"""Second factors, sign-ins that can be listed and ended, keys that end, network administrators."""

from kado.storage.migrations.script import run_sql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it."""
    run_sql("0013_access")
