"""Bodies of alerts and metrics. The contract leaves them open; these are ours."""

# ruff: noqa: N815 - attribute names are the names on the wire

from kado.anomalies.alert import AlertStatus, AlertType, Severity
from kado.doors.api.schemas import Body
from kado.doors.api.types import PydanticObjectId, UtcDatetime


class AnomalyAlert(Body):
    """Something unusual about a program. `observed`, `usual` and `threshold` are counts in five minutes."""

    id: PydanticObjectId
    programId: PydanticObjectId
    type: AlertType
    severity: Severity
    status: AlertStatus
    observed: int
    usual: int
    threshold: int
    openedAt: UtcDatetime
    lastSeenAt: UtcDatetime
    acknowledgedAt: UtcDatetime | None
    acknowledgedBy: str | None
    resolvedAt: UtcDatetime | None


class AnomalyAlertPage(Body):
    """A page of alerts, newest first; `pages` is how many pages there are."""

    items: list[AnomalyAlert]
    total: int
    page: int
    pages: int
    limit: int


class Traffic(Body):
    """How many requests named the program, and how many of them were refused (4xx), failed (5xx), proved nothing."""

    requests: int
    refused: int
    errors: int
    authFailures: int


class TrafficHour(Traffic):
    """The same for one hour."""

    hour: UtcDatetime


class RecentTraffic(Body):
    """The last five minutes beside what five minutes usually have; null for a program that has no past yet."""

    requests: int
    errors: int
    authFailures: int
    usualRequests: int | None
    usualAuthFailures: int | None


class UnresolvedAlerts(Body):
    """How many alerts are not over."""

    warning: int
    critical: int


class AnomalyMetrics(Body):
    """What a program had in some days, by hours; hours in which nothing happened are left out."""

    programId: PydanticObjectId
    since: UtcDatetime
    until: UtcDatetime
    totals: Traffic
    lastFiveMinutes: RecentTraffic
    unresolvedAlerts: UnresolvedAlerts
    hours: list[TrafficHour]
