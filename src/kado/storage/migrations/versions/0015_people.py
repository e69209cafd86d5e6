"""What people may ask for about themselves, and what is forgotten of them."""

from kado.storage.migrations.script import run_sql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it."""
    run_sql("0015_people")
