"""What a server tells of its queues is found by an index, and a message names the request that caused it."""

from kado.storage.migrations.script import run_concurrently, run_sql

revision = "0021"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make them. What is broken off in between can be run again."""
    run_sql("0021_watching")
    run_concurrently(
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS webhook_delivery_undelivered ON webhook_delivery"
        " (program_id, created_at) WHERE state IN ('queued', 'failed')"
    )
