"""Times that reports are about: days, weeks and months as the program's clock has them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, Literal
from zoneinfo import ZoneInfo

from kado import clock
from kado.errors import Invalid

Period = Literal["7d", "30d", "90d", "12m", "custom"]

_DAYS: Final = {"7d": 7, "30d": 30, "90d": 90}
_YEARS_MAX: Final = 10
BUCKETS_MAX: Final = 800
"""So many buckets an answer has at most: two years of days."""


class Granularity(StrEnum):
    """How long a bucket is."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


_STEPS: Final = {"day": Granularity.DAILY, "week": Granularity.WEEKLY, "month": Granularity.MONTHLY}


@dataclass(frozen=True, slots=True)
class Window:
    """From `since` until before `until`, in UTC."""

    since: datetime
    until: datetime

    def before(self) -> "Window":
        """The window of equal length directly before."""
        return Window(self.since - (self.until - self.since), self.since)


@dataclass(frozen=True, slots=True)
class Bucket:
    """A day, week or month, or the part of one that is in a window. `label` is its first day, as ISO 8601."""

    label: str
    window: Window


def window_of(
    now: datetime,
    zone: ZoneInfo,
    period: str | None,
    since: datetime | None,
    until: datetime | None,
    *,
    place: str = "query",
) -> Window:
    """The window that is asked for: so many days up to now, today among them, or from one moment to another, until now.

    Moments without an offset are the program's. Without a period: 30 days, or `custom` where a moment is given. Raises
    `Invalid`, naming the parameter or, with `place`, the member.
    """
    if period in (None, "custom") and (since is not None or until is not None or period == "custom"):
        return _custom(now, zone, since, until, place)
    if since is not None or until is not None:
        raise Invalid((place, "period"), "Name a period, or from and to with the period custom.", "period")
    if period not in (None, "12m", *_DAYS):
        raise Invalid((place, "period"), "A period is 7d, 30d, 90d, 12m or custom.", "unknown_period")
    if not 1970 < now.year <= 9000:
        raise Invalid((place, "asOf"), "There are no figures of this time.", "no_such_time")
    today = midnight(now, zone)
    if period == "12m":
        return Window(_local(clock.add_months(_naive(today, zone), -12), zone), now)
    return Window(_local(_naive(today, zone) - timedelta(days=_DAYS[period or "30d"] - 1), zone), now)


def _custom(now: datetime, zone: ZoneInfo, since: datetime | None, until: datetime | None, place: str) -> Window:
    if since is None:
        raise Invalid((place, "from"), "A custom period needs a moment to begin from.", "from_missing")
    begin = clock.where(since, zone)
    end = now if until is None else min(now, clock.where(until, zone))
    if end <= begin:
        raise Invalid((place, "to"), "The period ends before it begins.", "period")
    if end - begin > timedelta(days=366 * _YEARS_MAX) or begin.year < 1970 or end.year > 9000:
        raise Invalid((place, "from"), f"A period has {_YEARS_MAX} years at most.", "period")
    return Window(begin, end)


def span_of(
    now: datetime, zone: ZoneInfo, since: datetime | None, until: datetime | None, as_of: datetime | None = None
) -> Window:
    """From one moment to another, or until `as_of`; what is left out is the beginning of all, and now.

    Moments without an offset are the program's. Raises `Invalid`, naming the parameter.
    """
    if as_of is not None and (since is not None or until is not None):
        raise Invalid(("query", "asOf"), "Name asOf, or from and to.", "as_of")
    said = as_of if until is None else until
    end = now if said is None else clock.where(said, zone)
    begin = clock.EPOCH if since is None else clock.where(since, zone)
    if not clock.EPOCH <= begin < end or end.year >= 9000:
        raise Invalid(("query", "to"), "The time ends before it begins.", "period")
    return Window(begin, end)


def granularity_of(said: str) -> Granularity:
    """`daily`, `weekly`, `monthly`, or `day`, `week`, `month`. Raises `Invalid`."""
    found = _STEPS.get(said) or next((one for one in Granularity if one.value == said), None)
    if found is None:
        raise Invalid(("query", "granularity"), "The granularity is daily, weekly or monthly.", "granularity")
    return found


def buckets(window: Window, zone: ZoneInfo, granularity: Granularity) -> list[Bucket]:
    """The window in pieces, oldest first; weeks begin on Monday. Raises `Invalid` where there would be too many."""
    found = []
    for first in _firsts(window, zone, granularity):
        begin, end = _local(first, zone), _local(_following(first, granularity), zone)
        label = first.date().isoformat()
        found.append(Bucket(label, Window(max(begin, window.since), min(end, window.until))))
        if len(found) > BUCKETS_MAX:
            raise Invalid(
                ("query", "granularity"), f"That would be more than {BUCKETS_MAX} buckets.", "too_many_buckets"
            )
    return found


def month_of(now: datetime, zone: ZoneInfo) -> Window:
    """The calendar month so far."""
    return Window(_local(_naive(now, zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0), zone), now)


def _firsts(window: Window, zone: ZoneInfo, granularity: Granularity) -> Iterator[datetime]:
    first = _naive(window.since, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    if granularity is Granularity.WEEKLY:
        first -= timedelta(days=first.weekday())
    elif granularity is Granularity.MONTHLY:
        first = first.replace(day=1)
    while _local(first, zone) < window.until:
        if _local(_following(first, granularity), zone) > window.since:
            yield first
        first = _following(first, granularity)


def _following(first: datetime, granularity: Granularity) -> datetime:
    if granularity is Granularity.MONTHLY:
        return clock.add_months(first, 1)
    return first + timedelta(days=7 if granularity is Granularity.WEEKLY else 1)


def midnight(now: datetime, zone: ZoneInfo) -> datetime:
    """The last one before a moment, or the moment itself."""
    return _local(_naive(now, zone).replace(hour=0, minute=0, second=0, microsecond=0), zone)


def _naive(moment: datetime, zone: ZoneInfo) -> datetime:
    """As a clock in the zone shows it."""
    return moment.astimezone(zone).replace(tzinfo=None)


def _local(shown: datetime, zone: ZoneInfo) -> datetime:
    """The moment at which a clock in the zone shows this (first)."""
    return shown.replace(tzinfo=zone).astimezone(UTC)
