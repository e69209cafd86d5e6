"""Time: UTC, timezone-aware, microseconds. What decides about money is the database's clock, never this machine's."""

import calendar
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from typing import Final
from zoneinfo import available_timezones

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
NEVER: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""What "does not expire" looks like where a moment is required."""


def text(moment: datetime) -> str:
    """A moment as the API shows it: ISO 8601 in UTC with a `Z`."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def text_or_none(moment: datetime | None) -> str | None:
    """The same; None where there is none."""
    return None if moment is None else text(moment)


def micros(moment: datetime) -> int:
    """Whole microseconds since 1970, exact (a float of seconds would not be)."""
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_micros(micros: int) -> datetime:
    """The moment of whole microseconds since 1970. Raises `OverflowError` outside the years 1 to 9999."""
    return EPOCH + timedelta(microseconds=micros)


def where(moment: datetime, zone: tzinfo) -> datetime:
    """A moment that was said without an offset, as whoever lives in this zone means it; any other as it is. In UTC.

    What a clock shows twice in autumn is the first of the two; what it leaves out in spring counts by winter time.
    """
    try:
        return (moment.replace(tzinfo=zone) if moment.tzinfo is None else moment).astimezone(UTC)
    except OverflowError:
        return moment.replace(tzinfo=UTC)


@cache
def zones() -> frozenset[str]:
    """The names of all time zones, such as Europe/Berlin."""
    return frozenset(available_timezones())


def is_zone(name: str) -> bool:
    """Whether this is the name of a time zone, spelled as it is everywhere."""
    return name in zones()


def add_months(moment: datetime, months: int) -> datetime:
    """The same day of the month, `months` calendar months later; the last day of the month where there is none.

    Never later than `NEVER`.
    """
    year, month0 = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    if year > NEVER.year:
        return NEVER
    day = min(moment.day, _days_in(year, month0 + 1))
    return moment.replace(year=year, month=month0 + 1, day=day)


def _days_in(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1]
