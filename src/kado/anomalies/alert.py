"""What an alert is, and when there is one. Pure: no database.

All figures are counts in five minutes. What is usual is what the program had in the week before, as far back as it has
been there, without the present hour.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

RECENT_MINUTES: Final = 5
USUAL_DAYS: Final = 7
QUIET_MINUTES: Final = 15
"""So long after it was last seen an alert is over: an attack that pauses for a moment is not a second one."""

FACTOR: Final = 10
"""How many times the usual is unusual. A captcha is asked for at the same factor (`kado.cards.guesses`)."""

CRITICAL_FACTOR: Final = 10
"""How many times what is unusual is critical."""

VOLUME_FLOOR: Final = 600
"""Requests in five minutes below which nothing is a spike, however quiet the program usually is: two a second."""

AUTH_FLOOR: Final = 100
"""The same for failed proofs: twenty a minute, as for the captcha."""

ERRORS_FLOOR: Final = 10
ERRORS_PERCENT: Final = 5
ERRORS_PERCENT_CRITICAL: Final = 25


class AlertType(StrEnum):
    """What can be unusual."""

    VOLUME_SPIKE = "VOLUME_SPIKE"
    ERROR_RATE = "ERROR_RATE"
    AUTH_FAILURE_SPIKE = "AUTH_FAILURE_SPIKE"


class Severity(StrEnum):
    """How bad it is."""

    WARNING = "warning"
    CRITICAL = "critical"


class AlertStatus(StrEnum):
    """Where an alert stands. One that is over is resolved, whether or not anybody took note of it."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Alert:
    """Something unusual about a program, from when it began until it is over."""

    program_id: str
    id: str
    type: AlertType
    severity: Severity
    seen: int
    usual: int
    threshold: int
    opened_at: datetime
    last_seen_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    resolved_at: datetime | None

    @property
    def status(self) -> AlertStatus:
        """Where it stands."""
        if self.resolved_at is not None:
            return AlertStatus.RESOLVED
        return AlertStatus.OPEN if self.acknowledged_at is None else AlertStatus.ACKNOWLEDGED


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a program had in the last five minutes, and what five minutes usually have (None: it is too young)."""

    program_id: str
    requests: int
    errors: int
    auth_failures: int
    usual_requests: int | None
    usual_auth_failures: int | None


@dataclass(frozen=True, slots=True)
class Anomaly:
    """What is unusual about a program at this moment."""

    program_id: str
    type: AlertType
    severity: Severity
    seen: int
    usual: int
    threshold: int


def judge(traffic: Traffic) -> list[Anomaly]:
    """Everything that is unusual about it."""
    found = (_volume(traffic), _errors(traffic), _auth_failures(traffic))
    return [one for one in found if one is not None]


def _volume(traffic: Traffic) -> Anomaly | None:
    """A program without a past has no usual number of requests: its first day is no spike."""
    if traffic.usual_requests is None:
        return None
    usual = traffic.usual_requests
    return _spike(traffic.program_id, AlertType.VOLUME_SPIKE, traffic.requests, usual, VOLUME_FLOOR)


def _auth_failures(traffic: Traffic) -> Anomaly | None:
    """Nobody fails twenty times a minute on a program's first day either."""
    usual = traffic.usual_auth_failures or 0
    return _spike(traffic.program_id, AlertType.AUTH_FAILURE_SPIKE, traffic.auth_failures, usual, AUTH_FLOOR)


def _spike(program_id: str, kind: AlertType, seen: int, usual: int, floor: int) -> Anomaly | None:
    threshold = max(floor, FACTOR * usual)
    if seen <= threshold:
        return None
    severity = Severity.CRITICAL if seen > CRITICAL_FACTOR * threshold else Severity.WARNING
    return Anomaly(program_id, kind, severity, seen, usual, threshold)


def _errors(traffic: Traffic) -> Anomaly | None:
    """Answers 5xx: a share of all, and more than a few. None of them is usual."""
    threshold = max(ERRORS_FLOOR, traffic.requests * ERRORS_PERCENT // 100)
    if traffic.errors <= threshold:
        return None
    is_critical = traffic.errors * 100 >= traffic.requests * ERRORS_PERCENT_CRITICAL
    severity = Severity.CRITICAL if is_critical else Severity.WARNING
    return Anomaly(traffic.program_id, AlertType.ERROR_RATE, severity, traffic.errors, 0, threshold)
