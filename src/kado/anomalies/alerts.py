"""A program's alerts, for people: look at them, and say that one knows."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from kado import audit
from kado.anomalies.alert import Alert, AlertStatus, AlertType, Severity
from kado.anomalies.store import ALERT_COLUMNS, alert_from_row
from kado.errors import NotFound
from kado.storage.copies import Reader
from kado.storage.database import Connection, Database

_STATUS: Final = (
    "CASE WHEN resolved_at IS NOT NULL THEN 'resolved' WHEN acknowledged_at IS NULL THEN 'open' ELSE 'acknowledged' END"
)
_CHOSEN: Final = f"""
    FROM anomaly_alert WHERE program_id = $1 AND (cardinality($2::text[]) = 0 OR severity = ANY ($2))
     AND (cardinality($3::text[]) = 0 OR type = ANY ($3)) AND (cardinality($4::text[]) = 0 OR {_STATUS} = ANY ($4))
     AND ($5::timestamptz IS NULL OR opened_at >= $5) AND ($6::timestamptz IS NULL OR opened_at <= $6)"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which alerts: of any of these kinds (none named: of all), opened in this time."""

    severities: Sequence[Severity] = ()
    types: Sequence[AlertType] = ()
    statuses: Sequence[AlertStatus] = field(default=())
    since: datetime | None = None
    until: datetime | None = None


async def list_alerts(
    reader: Reader, program_id: str, wanted: Wanted, *, limit: int, offset: int
) -> tuple[list[Alert], int]:
    """The program's alerts, newest first, and how many there are in all."""
    chosen = (
        program_id,
        [one.value for one in wanted.severities],
        [one.value for one in wanted.types],
        [one.value for one in wanted.statuses],
        wanted.since,
        wanted.until,
    )

    async def work(connection: Connection) -> tuple[list[Any], int]:
        rows = await connection.fetch(
            f"SELECT {ALERT_COLUMNS} {_CHOSEN} ORDER BY opened_at DESC, id DESC LIMIT $7 OFFSET $8",
            *chosen,
            limit,
            offset,
        )
        total = await connection.fetchval(f"SELECT count(*) {_CHOSEN}", *chosen)
        return rows, total

    rows, total = await reader.looking(work)
    return [alert_from_row(tuple(row)) for row in rows], int(total)


async def acknowledge(database: Database, merchant_id: str, actor: str, program_id: str, alert_id: str) -> Alert:
    """The alert, acknowledged: by whoever was first. Raises `NotFound`."""

    async def work(connection: Connection) -> Alert:
        row = await connection.fetchrow(
            "UPDATE anomaly_alert SET acknowledged_at = statement_timestamp(), acknowledged_by = $3"
            f" WHERE program_id = $1 AND id = $2 AND acknowledged_at IS NULL RETURNING {ALERT_COLUMNS}",
            program_id,
            alert_id,
            actor,
        )
        if row is not None:
            alert = alert_from_row(tuple(row))
            await audit.record(
                connection,
                actor=actor,
                action="anomaly:acknowledged",
                merchant_id=merchant_id,
                program_id=program_id,
                subject=alert_id,
                details={"type": alert.type.value, "severity": alert.severity.value},
                before={"acknowledged": False},
                after={"acknowledged": True},
            )
            return alert
        known = await connection.fetchrow(
            f"SELECT {ALERT_COLUMNS} FROM anomaly_alert WHERE program_id = $1 AND id = $2", program_id, alert_id
        )
        if known is None:
            raise NotFound("alert_not_found", "There is no such alert in this program.")
        return alert_from_row(tuple(known))

    return await database.repeat(work)
