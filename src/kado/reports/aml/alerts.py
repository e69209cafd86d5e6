"""Alerts about money laundering, as people see them, and saying that one knows of one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from kado import audit
from kado.access.caller import Caller
from kado.cards.card import Card
from kado.cards.store import CARD_COLUMNS, CARD_WIDTH
from kado.errors import NotFound
from kado.ids import is_id
from kado.programs.program import Program
from kado.reports.source import Source
from kado.storage.database import Connection

NOTES_MAX: Final = 1000

_ALERT: Final = """
    a.id, a.flag, a.severity, a.entry_ids, a.minor, a.detected_at, a.acknowledged_at, a.acknowledged_by, a.notes"""

_LIST: Final = f"""
    SELECT {CARD_COLUMNS}, {_ALERT}
    FROM (SELECT * FROM aml_alert
          WHERE program_id = $1 AND ($2::timestamptz IS NULL OR detected_at >= $2)
            AND ($3::timestamptz IS NULL OR detected_at < $3)
          ORDER BY detected_at DESC, id DESC LIMIT $4 OFFSET $5) a
    JOIN card c ON c.program_id = $1 AND c.id = a.card_id JOIN merchant cm ON cm.id = c.merchant_id
    ORDER BY a.detected_at DESC, a.id DESC"""

_COUNT: Final = """
    SELECT count(*) FILTER (WHERE severity = 'high') AS high, count(*) FILTER (WHERE severity = 'medium') AS medium,
           count(*) FILTER (WHERE severity = 'low') AS low, count(*) FILTER (WHERE acknowledged_at IS NULL) AS open
    FROM aml_alert WHERE program_id = $1 AND ($2::timestamptz IS NULL OR detected_at >= $2)
      AND ($3::timestamptz IS NULL OR detected_at < $3)"""


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert with its card as it is now: whoever was forgotten stands on no alert. `minor` in minor units."""

    id: str
    flag: str
    severity: str
    card: Card
    entry_ids: list[str]
    minor: int
    detected_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    notes: str | None


@dataclass(frozen=True, slots=True)
class Alerts:
    """Part of the alerts, newest first, and how many there are in all."""

    found: list[Alert]
    high: int
    medium: int
    low: int
    unacknowledged: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.high + self.medium + self.low


async def list_alerts(
    source: Source, program: Program, *, since: datetime | None, until: datetime | None, limit: int, start: int = 0
) -> Alerts:
    """What was found from `since` until before `until`. Raises `Unavailable`."""

    async def work(connection: Connection) -> tuple[list[Alert], Any]:
        rows = await connection.fetch(_LIST, program.id, since, until, limit, start)
        counts = await connection.fetchrow(_COUNT, program.id, since, until)
        return [_alert(tuple(row)) for row in rows], counts

    found, counts = await source.reader.listing(work, in_order=False)
    return Alerts(found, counts["high"], counts["medium"], counts["low"], counts["open"])


async def acknowledge(source: Source, program: Program, caller: Caller, alert_id: str, notes: str | None) -> bool:
    """Say that one knows of it; whether nobody had yet. Whoever was first stays, with their notes.

    Raises `NotFound`, `Unavailable`.
    """

    async def work(connection: Connection) -> bool:
        row = None
        if is_id(alert_id):
            row = await connection.fetchrow(
                "SELECT acknowledged_at FROM aml_alert WHERE program_id = $1 AND id = $2 FOR UPDATE",
                program.id,
                alert_id,
            )
        if row is None:
            raise NotFound("alert_not_found", "There is no such alert in this program.")
        if row["acknowledged_at"] is not None:
            return False
        await connection.execute(
            "UPDATE aml_alert SET acknowledged_at = statement_timestamp(), acknowledged_by = $3, notes = $4"
            " WHERE program_id = $1 AND id = $2",
            program.id,
            alert_id,
            caller.subject,
            notes,
        )
        await audit.record(
            connection,
            actor=caller.subject,
            action="aml-alert:acknowledged",
            merchant_id=caller.merchant_id,
            program_id=program.id,
            subject=alert_id,
            details={} if notes is None else {"notes": "***"},
            before={"status": "open"},
            after={"status": "acknowledged"},
        )
        return True

    return await source.database.repeat(work)


def _alert(row: tuple[Any, ...]) -> Alert:
    alert_id, flag, severity, entry_ids, minor, detected_at, at, by, notes = row[CARD_WIDTH:]
    card = Card(*row[:CARD_WIDTH])
    return Alert(alert_id, flag, severity, card, entry_ids, minor, detected_at, at, by, notes)
