"""Finding cards by what people remember of them."""

from kado.storage.migrations.script import run_sql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it."""
    run_sql("0007_search")
