"""Shows the figures to whoever asks the server's metrics port."""

import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from kado.observability import meters
from kado.readings.figures import Figures, look
from kado.storage.backup.last import seconds_since_backup
from kado.storage.database import Database
from kado.storage.undelivered import Count


def reader(
    database: Database, data_dir: Path, *, has_archive: bool, certificate_seconds: Callable[[], int | None]
) -> Callable[[], Awaitable[None]]:
    """What reads the figures and shows them. Raises `Unavailable` while the database is away.

    `certificate_seconds` says for how long the certificate of wallets that ends first is in force.
    """

    async def read() -> None:
        began = time.perf_counter_ns()
        figures = await look(database)
        show(figures, seconds_since_backup(data_dir), has_archive=has_archive)
        if (left := certificate_seconds()) is not None:
            meters.WALLET_CERTIFICATE.show({(): left})
        meters.READING_SECONDS.show({(): time.perf_counter_ns() - began})

    return read


def show(figures: Figures, backup_seconds: int | None, *, has_archive: bool) -> None:
    """From now on these are the figures."""
    meters.MESSAGES.show(_states(figures.messages))
    meters.MESSAGES_AGE.show({(): figures.messages.oldest_seconds})
    meters.EVENTS.show({**_states(figures.events), ("new",): figures.unheard})
    meters.EVENTS_AGE.show({(): figures.events.oldest_seconds})
    meters.WALLETS.show(_states(figures.wallets))
    meters.WALLETS_AGE.show({(): figures.wallets.oldest_seconds})
    meters.JOBS.show({(job,): queue.waiting for job, queue in figures.jobs.items()})
    meters.JOBS_AGE.show({(): max((queue.oldest_seconds for queue in figures.jobs.values()), default=0)})
    meters.BULK_TASKS.show({(): figures.bulk.tasks})
    meters.BULK_CARDS.show({(): figures.bulk.cards_left})
    meters.BULK_AGE.show({(): figures.bulk.idle_seconds})
    levels = ("low", "medium", "high", "critical")
    meters.FRAUD_ALERTS.show({(level,): figures.fraud_alerts.get(level, 0) for level in levels})
    meters.ANOMALIES.show({(level,): figures.anomalies.get(level, 0) for level in ("warning", "critical")})
    meters.SEAL_AGE.show({(): figures.seal_seconds})
    meters.REPLICAS.show({(): figures.copies.replicas})
    meters.REPLICA_BEHIND.show({(): figures.copies.replica_behind})
    if has_archive:
        meters.ARCHIVE_RUNS.show({(): int(bool(figures.copies.archive_runs))})
        meters.ARCHIVE_BEHIND.show({(): figures.copies.archive_behind})
    if backup_seconds is not None:
        meters.BACKUP_AGE.show({(): backup_seconds})


def _states(count: Count) -> dict[tuple[str, ...], int]:
    return {
        ("waiting",): count.waiting,
        ("retrying",): count.retrying,
        ("overdue",): count.overdue,
        ("failed",): count.failed,
    }
