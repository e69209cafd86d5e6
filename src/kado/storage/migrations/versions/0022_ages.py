"""Indexes by which what is old, and what is not delivered, is found without reading all there is.

The age of an answer had a block range index. Where a row was deleted another one is put, of today, and soon every range
of blocks holds some row of every age: such an index then finds all of them. What else is found by its age only grows.
"""

from kado.storage.migrations.script import run_concurrently

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make them beside the work that goes on."""
    run_concurrently(
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS idempotency_key_age ON idempotency_key (program_id, created_at)",
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS webhook_delivery_unsent ON webhook_delivery (program_id, created_at)"
        " WHERE state IN ('queued', 'failed')",
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS captcha_used_end ON captcha_used (expires_at)",
    )
