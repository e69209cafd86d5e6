"""The indexes by which is found what is to be forgotten, on tables in use: built beside the work that goes on.

A revision of their own, so that one that is broken off can be run again: what comes before them is done, and stays so.
"""

from kado.storage.migrations.script import run_concurrently

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make them."""
    run_concurrently(
        # What the program's own rule looks for: ended cards that still bear somebody. No column of it is one that a
        # redemption changes, so that those stay as cheap as they were.
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS card_ended_people ON card (program_id, id)"
        " WHERE status IN ('voided', 'expired', 'depleted') AND (customer_id IS NOT NULL OR customer_email IS NOT NULL"
        " OR customer_phone IS NOT NULL OR customer_name IS NOT NULL OR sender_name IS NOT NULL"
        " OR custom_message IS NOT NULL OR suspended_reason IS NOT NULL)",
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS idempotency_key_card ON idempotency_key (program_id, card_id)"
        " WHERE card_id IS NOT NULL",
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS message_end ON message (program_id, created_at)"
        " WHERE state <> 'queued'",
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS message_recipient ON message (program_id, lower(recipient))",
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS audit_log_time ON audit_log USING brin (at) WITH (autosummarize = on)",
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS audit_log_customer ON audit_log (actor) WHERE actor LIKE 'customer:%'",
    )
