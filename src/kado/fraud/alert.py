"""An alert: what somebody should look at, and what they said about it. No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from kado.errors import NotFound, Refusal
from kado.fraud.config import Counts, RuleType, Severity
from kado.fraud.rule import RuleAction

POSSIBLE_DUPLICATE: Final = "POSSIBLE_DUPLICATE"
"""A reference came twice on a card, without a key that would say whether the second was a repetition."""

PATTERNS: Final = (
    *(kind.value for kind in RuleType),
    Counts.PENDING_BALANCE_CHECKS.value.upper(),
    Counts.SPEND_AFTER_ACTIVATION.value.upper(),
    POSSIBLE_DUPLICATE,
)
"""What an alert can look like."""

CLEARED_FOR: Final = timedelta(hours=24)
"""How long a card passes a rule that asks for a review, once somebody has looked and found nothing wrong."""


class AlertStatus(StrEnum):
    """Where an alert stands. One that nobody looked at for long is expired: to know that is more than not to know."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    FALSE_POSITIVE = "false_positive"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Alert:
    """The fields stand in the order of `alerts.COLUMNS`."""

    program_id: str
    id: str
    rule_id: str | None
    rule_name: str | None
    action: RuleAction
    pattern_type: str
    severity: Severity
    status: AlertStatus
    subject: str
    card_ids: list[str]
    entry_ids: list[str]
    is_test: bool
    occurrences: int
    facts: Mapping[str, object]
    detected_at: datetime
    last_at: datetime
    notes: str | None
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    has_suspended: bool

    @property
    def card_id(self) -> str:
        """The card that it happened to last."""
        return self.card_ids[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What somebody says who has looked at an alert."""

    by: str
    notes: str | None = None
    is_false_positive: bool = False

    @property
    def status(self) -> AlertStatus:
        """What the alert is after it."""
        return AlertStatus.FALSE_POSITIVE if self.is_false_positive else AlertStatus.ACKNOWLEDGED

    def was_given(self, alert: Alert, *, has_suspended: bool) -> bool:
        """Whether the alert says just this already, by the same person."""
        said = (alert.status, alert.notes, alert.acknowledged_by, alert.has_suspended)
        return said == (self.status, self.notes, self.by, has_suspended)


def alert_not_found() -> NotFound:
    """No such alert in this program; the same answer for one of another program."""
    return NotFound("alert_not_found", "There is no such alert in this program.")


def alert_not_open(alert: Alert) -> Refusal:
    """Somebody has looked already, and said something else."""
    return Refusal(
        "alert_not_open",
        "The alert was acknowledged before.",
        members={"status": alert.status.value, "acknowledgedBy": alert.acknowledged_by},
    )


def several_cards(alert: Alert) -> Refusal:
    """Nobody could say which of them is meant."""
    return Refusal(
        "alert_names_several_cards",
        "The alert is about several cards; suspend those that are meant one by one.",
        members={"cardIds": alert.card_ids},
    )
