"""Where each table lives on several machines (Citus): spread by program, copied to every machine, or on one of them.

On a single PostgreSQL nothing of this matters, and all of it is held there too, by a test: a table without a place, or
whose keys do not fit its place, fails.
"""

from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    import asyncpg
    from asyncpg.pool import PoolConnectionProxy

    Asked: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]

KEY: Final = "program_id"
"""The column by which rows are spread. All that belongs to one program lies on one machine."""

REFERENCE: Final = ("merchant", "program", "program_admission", "webhook")
"""On every machine, in this order: small, seldom changed, and read beside rows that are spread."""

DISTRIBUTED: Final = (
    "card card_transaction card_word idempotency_key hold reversal message gift_card_event webhook_delivery ledger_seal"
    " wallet_registration bulk_task bulk_batch code_guess check_rate request_minute request_hour anomaly_alert"
    " fraud_rule fraud_tally reminder_progress fraud_hit fraud_alert fraud_clearance fraud_blocked_address"
    " fraud_progress fraud_watched_card picture card_design print_run print_piece turnover turnover_progress"
    " report_export report_schedule report_mail aml_alert aml_progress verification bulk_list card_count"
).split()
"""Spread by program, each before those that refer to it."""

LOCAL: Final = {
    "staff": "people sign in to a merchant and not to a program",
    "staff_session": "belongs to a person",
    "staff_totp": "belongs to a person",
    "staff_recovery_code": "belongs to a person",
    "staff_pending": "belongs to a person",
    "staff_place": "belongs to a person",
    "api_key": "found by its hash alone, before any program is known",
    "signing_key": "belongs to a merchant",
    "shop": "belongs to a merchant, and has locations of several programs",
    "shop_location": "belongs to a shop",
    "merchant_session": "found by its hash alone, before any program is known",
    "terminal": "found by its hash alone, before any program is known",
    "terminal_code": "found by its hash alone",
    "staff_pin": "belongs to a person",
    "till_session": "found by its hash alone",
    "offline_allowance": "belongs to a terminal",
    "offline_take": "belongs to a terminal's allowance",
    "customer": "a person is one to a merchant, in all of its programs",
    "customer_otp": "found by whom it was sent to, before any program is known",
    "customer_session": "found by its hash alone",
    "consent": "a person's, not a program's",
    "person_export": "a person's, not a program's",
    "person_erasure": "a person's, not a program's",
    "retention_progress": "one row for the whole database",
    "attempt": "counts by address and name, over all programs, under locks that one machine knows",
    "anywhere_rate": "counts over all programs",
    "number_guess": "counts by number, over all programs",
    "captcha_used": "a solution is good once, in whichever program",
    "seal_progress": "one row for the whole database",
    "seal_succession": "keys sign for all programs",
    "audit_log": "a merchant's rows are one log, with those that belong to no program, in one order of time",
    "audit_export": "an order of a part of the audit log",
    "pgqueuer": "jobs are woken by a notification and taken past locked rows, both of which one machine knows",
    "pgqueuer_log": "about jobs",
    "pgqueuer_schedules": "about jobs",
    "pgqueuer_statistics": "about jobs",
    "alembic_version": "which schema this is",
    "schema_mark": "which schema this is",
}
"""On the machine that Kado talks to (the coordinator), with the reason."""


async def is_distributed(connection: "Asked") -> bool:
    """Whether this database's cards are spread over machines."""
    if await connection.fetchval("SELECT to_regclass('pg_catalog.pg_dist_partition')") is None:
        return False
    return bool(
        await connection.fetchval(
            "SELECT count(*) FROM pg_dist_partition WHERE logicalrelid = to_regclass('card') AND partmethod = 'h'"
        )
    )


async def is_a_worker(connection: "Asked") -> bool:
    """Whether this is one of the machines over which somebody else spreads rows."""
    if await connection.fetchval("SELECT to_regclass('pg_catalog.pg_dist_local_group')") is None:
        return False
    return bool(await connection.fetchval("SELECT count(*) FROM pg_dist_local_group WHERE groupid <> 0"))
