"""What the running server may do with each table. It migrates as the owner and works as `kado_app`, which is less."""

from typing import Final

GRANTS: Final = {
    "merchant": "SELECT, INSERT",
    "staff": "SELECT, INSERT, UPDATE",
    "api_key": "SELECT, INSERT, UPDATE",
    "signing_key": "SELECT, INSERT, UPDATE",
    "shop": "SELECT, INSERT, UPDATE",
    "shop_location": "SELECT, INSERT, UPDATE",
    "merchant_session": "SELECT, INSERT, DELETE",
    "program": "SELECT, INSERT, UPDATE",
    "program_admission": "SELECT, INSERT, DELETE",
    "card": "SELECT, INSERT, UPDATE",
    "card_transaction": "SELECT, INSERT",
    "idempotency_key": "SELECT, INSERT, DELETE",
    "ledger_seal": "SELECT, INSERT",
    "seal_progress": "SELECT, UPDATE",
    "code_guess": "SELECT, INSERT, UPDATE, DELETE",
    "attempt": "SELECT, INSERT, UPDATE, DELETE",
    "check_rate": "SELECT, INSERT, UPDATE, DELETE",
    "captcha_used": "SELECT, INSERT, DELETE",
    "message": "SELECT, INSERT, UPDATE, DELETE",
    "audit_log": "SELECT, INSERT",
    "pgqueuer": "SELECT, INSERT, UPDATE, DELETE",
    "pgqueuer_log": "SELECT, INSERT, UPDATE, DELETE",
    "pgqueuer_schedules": "SELECT, INSERT, UPDATE, DELETE",
    "pgqueuer_statistics": "SELECT, INSERT, UPDATE, DELETE",
    "alembic_version": "SELECT",
}
