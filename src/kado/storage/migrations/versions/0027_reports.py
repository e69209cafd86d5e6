"""What reports are made of: sums of entries, schedules and their mails, files to fetch, alerts."""

from kado.storage.migrations.script import place, run_sql, run_text

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_TABLES = (
    *("turnover", "turnover_progress", "report_export", "report_schedule", "report_mail"),
    *("aml_alert", "aml_progress"),
)


def upgrade() -> None:
    """Make them."""
    run_sql("0027_reports")
    for table in _TABLES:
        place(table)
    run_text(
        "ALTER TABLE report_mail ADD CONSTRAINT report_mail_schedule FOREIGN KEY (program_id, schedule_id)"
        " REFERENCES report_schedule (program_id, id) ON DELETE CASCADE;"
        "ALTER TABLE aml_alert ADD CONSTRAINT aml_alert_card FOREIGN KEY (program_id, card_id)"
        " REFERENCES card (program_id, id)"
    )
