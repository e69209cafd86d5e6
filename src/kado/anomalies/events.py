"""What others may hear of an alert, and the JSON schema (draft 2020-12) of it."""

import json
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from kado import clock
from kado.anomalies.alert import Alert, AlertStatus, AlertType, Severity
from kado.ids import new_id
from kado.storage.outbox import Event


class AnomalyEventType(StrEnum):
    """What can happen to an alert."""

    DETECTED = "anomaly.detected"
    RESOLVED = "anomaly.resolved"


MEANINGS: Final = {
    AnomalyEventType.DETECTED: "Something about a program is not as usual: somebody may be guessing. Sent once.",
    AnomalyEventType.RESOLVED: "It was not seen for a quarter of an hour.",
}

_ID: Final = {"type": "string", "pattern": "^[0-9a-f]{24}$"}
_COUNT: Final = {"type": "integer", "minimum": 0}
_TIME: Final = {"type": "string", "format": "date-time", "description": "ISO 8601 in UTC."}

_DATA: Final[dict[str, Any]] = {
    "programId": _ID,
    "alertId": _ID,
    "type": {"enum": [one.value for one in AlertType]},
    "severity": {"enum": [one.value for one in Severity]},
    "status": {"enum": [one.value for one in AlertStatus]},
    "observed": {**_COUNT, "description": "The most that was counted in five minutes."},
    "usual": {**_COUNT, "description": "What five minutes usually have."},
    "threshold": {**_COUNT, "description": "Above how much there is an alert."},
    "openedAt": _TIME,
}


def detected(alert: Alert) -> Event:
    """An alert was opened."""
    return _event(AnomalyEventType.DETECTED, alert, alert.opened_at)


def resolved(alert: Alert) -> Event:
    """An alert is over."""
    assert alert.resolved_at is not None
    return _event(AnomalyEventType.RESOLVED, alert, alert.resolved_at)


def schema_of(kind: AnomalyEventType) -> dict[str, Any]:
    """The schema of a whole event of this type. New members may come with later versions, so none are forbidden."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind.value,
        "description": MEANINGS[kind],
        "type": "object",
        "properties": {
            "id": {**_ID, "description": "The same in every repetition: know by it what you have had before."},
            "type": {"const": kind.value},
            "timestamp": {**_TIME, "description": "When it happened."},
            "data": {"type": "object", "properties": _DATA, "required": list(_DATA)},
        },
        "required": ["id", "type", "timestamp", "data"],
    }


def _event(kind: AnomalyEventType, alert: Alert, at: datetime) -> Event:
    event_id = new_id()
    data = {
        "programId": alert.program_id,
        "alertId": alert.id,
        "type": alert.type.value,
        "severity": alert.severity.value,
        "status": alert.status.value,
        "observed": alert.seen,
        "usual": alert.usual,
        "threshold": alert.threshold,
        "openedAt": clock.text(alert.opened_at),
    }
    said = {"id": event_id, "type": kind.value, "timestamp": clock.text(at), "data": data}
    body = json.dumps(said, separators=(",", ":"))
    return Event(alert.program_id, event_id, None, kind.value, is_test=False, body=body, created_at=at)
