"""Moments: shown in UTC, counted exactly, and moved by calendar months."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kado import clock


def utc(year: int, month: int, day: int, *time: int) -> datetime:
    hour, minute, second, micros = [*time, 0, 0, 0, 0][:4]
    return datetime(year, month, day, hour, minute, second, micros, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (utc(2026, 5, 4, 12, 0, 0), "2026-05-04T12:00:00Z"),
        (utc(2026, 5, 4, 12, 0, 0, 120), "2026-05-04T12:00:00.000120Z"),
        (datetime(2026, 5, 4, 1, 0, tzinfo=timezone(timedelta(hours=2))), "2026-05-03T23:00:00Z"),
        (clock.NEVER, "9999-12-31T23:59:59Z"),
        (clock.EPOCH, "1970-01-01T00:00:00Z"),
    ],
)
def test_a_moment_is_shown_in_utc(moment: datetime, text: str) -> None:
    assert clock.text(moment) == text
    assert datetime.fromisoformat(text) == moment


@given(st.datetimes(timezones=st.just(UTC)))
def test_microseconds_are_exact(moment: datetime) -> None:
    assert clock.EPOCH + timedelta(microseconds=clock.micros(moment)) == moment


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        (utc(2026, 1, 15), 1, utc(2026, 2, 15)),
        (utc(2026, 12, 15), 1, utc(2027, 1, 15)),
        (utc(2026, 1, 31), 1, utc(2026, 2, 28)),
        (utc(2028, 1, 31), 1, utc(2028, 2, 29)),
        (utc(2026, 3, 31), 6, utc(2026, 9, 30)),
        (utc(2028, 2, 29), 12, utc(2029, 2, 28)),
        (utc(2028, 2, 29), 48, utc(2032, 2, 29)),
        (utc(2028, 2, 29), 60, utc(2033, 2, 28)),
        (utc(2027, 2, 28), 12, utc(2028, 2, 28)),
        (utc(2095, 2, 28), 60, utc(2100, 2, 28)),
        (utc(2096, 2, 29), 48, utc(2100, 2, 28)),
        (utc(2026, 5, 4, 12, 30, 15, 7), 12, utc(2027, 5, 4, 12, 30, 15, 7)),
        (utc(9999, 11, 1), 1, utc(9999, 12, 1)),
        (utc(9999, 12, 1), 1, clock.NEVER),
        (clock.NEVER, 60, clock.NEVER),
        (utc(2026, 5, 4), 0, utc(2026, 5, 4)),
    ],
)
def test_months_are_those_of_the_calendar(start: datetime, months: int, end: datetime) -> None:
    assert clock.add_months(start, months) == end


@given(st.datetimes(timezones=st.just(UTC)).filter(lambda moment: moment.year < 9000), st.integers(1, 60))
def test_a_month_is_never_skipped_and_never_shortened_by_more_than_its_end(moment: datetime, months: int) -> None:
    end = clock.add_months(moment, months)
    assert (end.year * 12 + end.month) - (moment.year * 12 + moment.month) == months
    assert moment.day - 3 <= end.day <= moment.day
    assert end.timetz() == moment.timetz()
