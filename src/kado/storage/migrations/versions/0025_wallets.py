"""Who holds a card in a wallet, and what of it they have been told."""

from kado.storage.migrations.script import place, run_sql, run_text

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column to cards, and a table beside them."""
    run_sql("0025_wallets")
    place("wallet_registration")
    run_text(
        "ALTER TABLE wallet_registration ADD CONSTRAINT wallet_registration_card"
        " FOREIGN KEY (program_id, card_id) REFERENCES card (program_id, id)"
    )
