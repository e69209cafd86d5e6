"""What several cards have to do with each other, and money that is held for orders."""

from kado.storage.migrations.script import run_sql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it."""
    run_sql("0002_linked_cards_and_holds")
