"""Pictures of programs, what their cards say of themselves in wallets, and runs of paper for many cards."""

from kado.storage.migrations.script import place, run_sql, run_text

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_TABLES = ("picture", "card_design", "print_run", "print_piece")


def upgrade() -> None:
    """Make them."""
    run_sql("0026_paper")
    for table in _TABLES:
        place(table)
    run_text(
        "ALTER TABLE print_run ADD FOREIGN KEY (program_id, task_id) REFERENCES bulk_task (program_id, id);"
        "ALTER TABLE print_piece ADD FOREIGN KEY (program_id, run_id)"
        " REFERENCES print_run (program_id, id) ON DELETE CASCADE"
    )
