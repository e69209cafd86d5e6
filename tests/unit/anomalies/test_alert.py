"""What is unusual, and how bad it is: each bound from both sides."""

from datetime import UTC, datetime

import pytest

from kado.anomalies.alert import (
    AUTH_FLOOR,
    ERRORS_FLOOR,
    FACTOR,
    VOLUME_FLOOR,
    Alert,
    AlertStatus,
    AlertType,
    Severity,
    Traffic,
    judge,
)

PROGRAM = "aa" * 12
AT = datetime(2026, 11, 26, tzinfo=UTC)


def traffic(**facts: int | None) -> Traffic:
    quiet: dict[str, int | None] = {
        "requests": 0, "errors": 0, "auth_failures": 0, "usual_requests": 1, "usual_auth_failures": 0,
    }  # fmt: skip
    return Traffic(PROGRAM, **(quiet | facts))  # type: ignore[arg-type]


def found(**facts: int | None) -> list[tuple[AlertType, Severity]]:
    return [(one.type, one.severity) for one in judge(traffic(**facts))]


VOLUME, ERRORS, AUTH = AlertType.VOLUME_SPIKE, AlertType.ERROR_RATE, AlertType.AUTH_FAILURE_SPIKE
WARNING, CRITICAL = Severity.WARNING, Severity.CRITICAL


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, []),
        ({"requests": VOLUME_FLOOR}, []),
        ({"requests": VOLUME_FLOOR + 1}, [(VOLUME, WARNING)]),
        ({"requests": 10 * VOLUME_FLOOR}, [(VOLUME, WARNING)]),
        ({"requests": 10 * VOLUME_FLOOR + 1}, [(VOLUME, CRITICAL)]),
        ({"requests": FACTOR * 500, "usual_requests": 500}, []),
        ({"requests": FACTOR * 500 + 1, "usual_requests": 500}, [(VOLUME, WARNING)]),
        ({"requests": 10**9, "usual_requests": None}, []),
        ({"auth_failures": AUTH_FLOOR}, []),
        ({"auth_failures": AUTH_FLOOR + 1}, [(AUTH, WARNING)]),
        ({"auth_failures": AUTH_FLOOR + 1, "usual_auth_failures": None}, [(AUTH, WARNING)]),
        ({"auth_failures": 10 * AUTH_FLOOR + 1}, [(AUTH, CRITICAL)]),
        ({"auth_failures": 400, "usual_auth_failures": 40}, []),
        ({"auth_failures": 401, "usual_auth_failures": 40}, [(AUTH, WARNING)]),
        ({"requests": 100, "errors": ERRORS_FLOOR}, []),
        ({"requests": 100, "errors": ERRORS_FLOOR + 1}, [(ERRORS, WARNING)]),
        ({"requests": 500, "errors": 25}, []),
        ({"requests": 500, "errors": 26}, [(ERRORS, WARNING)]),
        ({"requests": 100, "errors": 24}, [(ERRORS, WARNING)]),
        ({"requests": 100, "errors": 25}, [(ERRORS, CRITICAL)]),
        ({"requests": 5, "errors": 5}, []),
        (
            {"requests": 7000, "errors": 7000, "auth_failures": 101},
            [(VOLUME, CRITICAL), (ERRORS, CRITICAL), (AUTH, WARNING)],
        ),
    ],
)  # fmt: skip
def test_what_is_unusual(facts: dict[str, int | None], expected: list[tuple[AlertType, Severity]]) -> None:
    assert found(**facts) == expected


def test_an_anomaly_says_what_was_counted_and_against_what() -> None:
    (one,) = judge(traffic(auth_failures=900, usual_auth_failures=80))
    assert (one.program_id, one.seen, one.usual, one.threshold) == (PROGRAM, 900, 80, 800)


@pytest.mark.parametrize(
    ("acknowledged", "resolved", "status"),
    [
        (None, None, AlertStatus.OPEN),
        (AT, None, AlertStatus.ACKNOWLEDGED),
        (None, AT, AlertStatus.RESOLVED),
        (AT, AT, AlertStatus.RESOLVED),
    ],
)
def test_where_an_alert_stands(acknowledged: datetime | None, resolved: datetime | None, status: AlertStatus) -> None:
    by = "key:x" if acknowledged else None
    alert = Alert(PROGRAM, "bb" * 12, VOLUME, WARNING, 1, 1, 1, AT, AT, acknowledged, by, resolved)
    assert alert.status is status
