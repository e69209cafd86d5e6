"""The figures themselves, each part by a statement that an index answers, however much there is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from kado.delivery.undelivered import count_messages
from kado.passes.untold import count_wallets
from kado.reports.undelivered import count_reports
from kado.storage.database import Database
from kado.storage.embedded.archive import SLOT
from kado.storage.undelivered import Count
from kado.webhooks.undelivered import count_events, count_unheard


@dataclass(frozen=True, slots=True)
class Queue:
    """How much waits, and for how many seconds the oldest of it."""

    waiting: int
    oldest_seconds: int


@dataclass(frozen=True, slots=True)
class Bulk:
    """Bulk issues that are not finished: how many, how many cards they lack, and how long one has stood still."""

    tasks: int
    cards_left: int
    idle_seconds: int


@dataclass(frozen=True, slots=True)
class Copies:
    """Copies that stream from the database, and how far they are behind (bytes). None where there is no archive."""

    replicas: int
    replica_behind: int
    archive_runs: bool | None
    archive_behind: int


@dataclass(frozen=True, slots=True)
class Figures:
    """All of it, as of one look."""

    messages: Count
    events: Count
    unheard: int
    wallets: Count
    jobs: Mapping[str, Queue]
    bulk: Bulk
    fraud_alerts: Mapping[str, int]
    anomalies: Mapping[str, int]
    seal_seconds: int
    copies: Copies


async def look(database: Database) -> Figures:
    """Ask for all of them. Raises `Unavailable`."""
    return Figures(
        messages=await count_messages(database) + await count_reports(database),
        events=await count_events(database),
        unheard=await count_unheard(database),
        wallets=await count_wallets(database),
        jobs=await _jobs(database),
        bulk=await _bulk(database),
        fraud_alerts=await _by_severity(database, _FRAUD_ALERTS),
        anomalies=await _by_severity(database, _ANOMALIES),
        seal_seconds=await _seal_seconds(database),
        copies=await _copies(database),
    )


_JOBS: Final = """
    SELECT entrypoint, count(*) AS waiting, extract(epoch FROM now() - min(execute_after))::bigint AS oldest
      FROM pgqueuer WHERE status = 'queued' AND execute_after <= now() GROUP BY entrypoint"""
_BULK: Final = """
    SELECT count(*), coalesce(sum(total - issued), 0)::bigint,
           coalesce(extract(epoch FROM now() - min(touched_at)), 0)::bigint
      FROM bulk_task WHERE state IN ('pending', 'processing')"""
_FRAUD_ALERTS: Final = (
    "SELECT severity, count(*) FROM fraud_alert WHERE status = 'open' AND NOT is_test GROUP BY severity"
)
_ANOMALIES: Final = "SELECT severity, count(*) FROM anomaly_alert WHERE resolved_at IS NULL GROUP BY severity"
# Slots are what a role without rights of its own may see of those who copy.
_COPIES: Final = """
    SELECT slot_name = $1 AS is_archive, active AND wal_status NOT IN ('lost', 'unreserved') AS runs,
           greatest(0, pg_current_wal_lsn() - restart_lsn)::bigint AS behind
      FROM pg_replication_slots WHERE slot_type = 'physical' AND slot_name NOT LIKE 'kado\\_backup\\_%'"""


async def _jobs(database: Database) -> dict[str, Queue]:
    async with database.read_list(in_order=False) as connection:
        rows = await connection.fetch(_JOBS)
    return {row["entrypoint"]: Queue(row["waiting"], max(0, row["oldest"])) for row in rows}


async def _bulk(database: Database) -> Bulk:
    async with database.read_list(in_order=False) as connection:
        row = await connection.fetchrow(_BULK)
    assert row is not None, "an aggregate has a row"
    return Bulk(*row)


async def _by_severity(database: Database, statement: str) -> dict[str, int]:
    async with database.read_list(in_order=False) as connection:
        rows = await connection.fetch(statement)
    return {row["severity"]: row["count"] for row in rows}


async def _seal_seconds(database: Database) -> int:
    """How old the oldest entry is that may have no seal yet."""
    async with database.read_list(in_order=False) as connection:
        seconds: int = await connection.fetchval(
            "SELECT coalesce(greatest(0, extract(epoch FROM (SELECT clock_timestamp() - min(created_at)"
            " FROM card_transaction WHERE created_at >= sealed_until))), 0)::bigint FROM seal_progress"
        )
    return seconds


async def _copies(database: Database) -> Copies:
    async with database.read_list(in_order=False) as connection:
        rows = await connection.fetch(_COPIES, SLOT)
    others = [row for row in rows if not row["is_archive"] and row["runs"]]
    archive = next((row for row in rows if row["is_archive"]), None)
    return Copies(
        replicas=len(others),
        replica_behind=max((row["behind"] or 0 for row in others), default=0),
        archive_runs=None if archive is None else bool(archive["runs"]),
        archive_behind=0 if archive is None else archive["behind"] or 0,
    )


_SEAL_SECONDS_MAX: Final = 600
_IDLE_SECONDS_MAX: Final = 600
_BACKUP_SECONDS_MAX: Final = 26 * 3600
_CERTIFICATE_SECONDS_MIN: Final = 30 * 24 * 3600


def complaints(
    figures: Figures, backup_seconds: int | None, *, has_archive: bool, certificate_seconds: int | None = None
) -> list[str]:
    """What of it needs somebody, each in a sentence. The same lines as in `deploy/observability/alerts.yml`."""
    serious = figures.fraud_alerts.get("high", 0) + figures.fraud_alerts.get("critical", 0)
    lines = (
        (figures.messages.failed, "Messages were given up: `kado outbox list --state failed`."),
        (figures.messages.overdue, "Messages are overdue, and no worker takes them."),
        (figures.events.failed, "Events for webhooks were given up: `kado outbox list --state failed`."),
        (figures.events.overdue, "Events for webhooks are overdue, and no worker takes them."),
        (figures.wallets.failed, "Wallets were given up: `kado outbox list --state failed`."),
        (figures.wallets.overdue, "Wallets are to be told of changes, and no worker does it."),
        (
            certificate_seconds is not None and certificate_seconds < _CERTIFICATE_SECONDS_MIN,
            "The certificate for Apple Wallet ends within 30 days: `kado wallet check`.",
        ),
        (figures.bulk.tasks and figures.bulk.idle_seconds > _IDLE_SECONDS_MAX, "A bulk issue does not go on."),
        (serious, "Serious alerts against fraud wait for somebody: `kado fraud alerts`."),
        (figures.anomalies.get("critical", 0), "Somebody seems to attack: the log says which program."),
        (figures.seal_seconds > _SEAL_SECONDS_MAX, "Entries are not sealed: does a worker run?"),
        (has_archive and not figures.copies.archive_runs, "The archive does not go on; the log says why."),
        (backup_seconds is None, "No backup with this data directory is known of: `kado backup`."),
        ((backup_seconds or 0) > _BACKUP_SECONDS_MAX, "The last backup is more than a day old."),
    )
    return [line for is_so, line in lines if is_so]
