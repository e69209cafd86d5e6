"""What a program had by the hour, and what stands open, for people."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from kado.anomalies.alert import AlertStatus, AlertType, Severity, Traffic
from kado.anomalies.alerts import Wanted, list_alerts
from kado.anomalies.store import read_traffic_of
from kado.storage.copies import Reader
from kado.storage.database import Connection

_OPEN_MAX = len(AlertType)


@dataclass(frozen=True, slots=True)
class Hour:
    """What an hour had."""

    hour: datetime
    requests: int
    refused: int
    errors: int
    auth_failures: int


@dataclass(frozen=True, slots=True)
class Metrics:
    """A program's hours since a moment, oldest first, without those that had nothing; what it has now, and alerts."""

    since: datetime
    until: datetime
    hours: list[Hour]
    now: Traffic
    unresolved: dict[Severity, int]


async def metrics(reader: Reader, program_id: str, *, days: int) -> Metrics:
    """The last so many days of the program, to a few seconds ago."""

    async def work(connection: Connection) -> tuple[datetime, datetime, list[Any], Traffic]:
        until: datetime = await connection.fetchval("SELECT clock_timestamp()")
        since = (until - timedelta(days=days)).replace(minute=0, second=0, microsecond=0)
        rows = await connection.fetch(
            "SELECT hour, requests, refused, errors, auth_failures FROM request_hour"
            " WHERE program_id = $1 AND hour >= $2 ORDER BY hour",
            program_id,
            since,
        )
        traffic = await read_traffic_of(connection, program_id)
        return until, since, rows, traffic

    until, since, rows, traffic = await reader.looking(work)
    unresolved = Wanted(statuses=(AlertStatus.OPEN, AlertStatus.ACKNOWLEDGED))
    standing, _ = await list_alerts(reader, program_id, unresolved, limit=_OPEN_MAX, offset=0)
    return Metrics(
        since=since,
        until=until,
        hours=[Hour(*row) for row in rows],
        now=traffic,
        unresolved={one: sum(alert.severity is one for alert in standing) for one in Severity},
    )
