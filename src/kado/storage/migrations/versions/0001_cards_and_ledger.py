"""Merchants, programs, cards, the ledger and what protects it; the job queue."""

from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment

from kado.storage.migrations.script import run_sql, run_text

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make everything."""
    run_sql("0001_cards_and_ledger")
    run_text(QueryBuilderEnvironment().build_install_query())
