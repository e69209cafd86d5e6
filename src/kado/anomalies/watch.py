"""The look that the worker takes from time to time: what is unusual becomes an alert, what is over is resolved.

Each is told once: in the log at WARNING, and to whoever listens to the program's events.
"""

from datetime import timedelta
from typing import Final

import structlog

from kado.anomalies import events, store
from kado.anomalies.alert import QUIET_MINUTES, Alert, judge
from kado.ids import new_id
from kado.programs.find import list_all
from kado.storage.database import Connection, Database
from kado.storage.outbox import enqueue_events

LOOK_SECONDS: Final = 15.0
FORGET_SECONDS: Final = 3600.0
_log: Final = structlog.get_logger("kado.anomalies")


async def look(database: Database) -> int:
    """Compare all programs with what is usual for them; how many alerts were opened. Safe in several processes.

    Raises `Unavailable` while the database is away or takes no writes: the next look is soon.
    """
    noted, over = await database.repeat(_look)
    for alert, is_new in noted:
        _log.warning("anomaly.detected" if is_new else "anomaly.worse", **_said(alert))
    for alert in over:
        _log.info("anomaly.resolved", **_said(alert))
    return sum(is_new for _, is_new in noted)


async def forget(database: Database) -> None:
    """Delete counts that nothing looks at any more, and alerts that were over long ago."""
    for program in await list_all(database):
        async with database.transaction() as connection:
            await store.forget_counts(connection, program.id)
            await store.forget_alerts(connection, program.id)
    async with database.read() as connection:
        await store.forget_anywhere(connection)


async def _look(connection: Connection) -> tuple[list[tuple[Alert, bool]], list[Alert]]:
    found = [anomaly for traffic in await store.read_traffic(connection) for anomaly in judge(traffic)]
    noted = await store.note_anomalies(connection, found, [new_id() for _ in found]) if found else []
    over = await store.resolve_quiet(connection, timedelta(minutes=QUIET_MINUTES))
    told = [events.detected(alert) for alert, is_new in noted if is_new] + [events.resolved(alert) for alert in over]
    heard = await store.list_heard(connection, sorted({event.program_id for event in told})) if told else set()
    if heard:
        await enqueue_events(connection, [event for event in told if event.program_id in heard])
    return noted, over


def _said(alert: Alert) -> dict[str, object]:
    return {
        "program": alert.program_id,
        "alert": alert.id,
        "type": alert.type.value,
        "severity": alert.severity.value,
        "seen": alert.seen,
        "usual": alert.usual,
        "threshold": alert.threshold,
    }
