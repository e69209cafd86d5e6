"""What an operator sees of something that has to be delivered, whichever way it goes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import asyncpg

OVERDUE: Final = timedelta(minutes=5)
"""What has been due for so long waits for no server out there but for a worker of ours that does not run."""


@dataclass(frozen=True, slots=True)
class Item:
    """A mail, a text message or an event. `to` is enough to recognise a recipient and nothing to write to."""

    id: str
    way: str
    program_id: str
    card_id: str
    what: str
    to: str
    state: str
    attempts: int
    last_error: str | None
    created_at: datetime
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    request_id: str | None = None
    """The request that caused it, where it is known."""


@dataclass(frozen=True, slots=True)
class Count:
    """How much is not delivered: given up, put off after a failed try, waiting for its first one; and overdue."""

    failed: int = 0
    retrying: int = 0
    waiting: int = 0
    overdue: int = 0
    oldest_seconds: int = 0
    """Since when the one that has waited longest is due."""

    def __add__(self, other: "Count") -> "Count":
        return Count(
            self.failed + other.failed,
            self.retrying + other.retrying,
            self.waiting + other.waiting,
            self.overdue + other.overdue,
            max(self.oldest_seconds, other.oldest_seconds),
        )

    @property
    def needs_somebody(self) -> bool:
        """Whether it will not become well by itself."""
        return bool(self.failed or self.overdue)


COUNT_COLUMNS: Final = """
    count(*) FILTER (WHERE state = 'failed'),
    count(*) FILTER (WHERE state = 'queued' AND last_error IS NOT NULL),
    count(*) FILTER (WHERE state = 'queued' AND last_error IS NULL),
    count(*) FILTER (WHERE state = 'queued' AND next_attempt_at < now() - $1::interval),
    greatest(0, extract(epoch FROM now() - min(next_attempt_at) FILTER (WHERE state = 'queued')))::bigint"""
"""In the order of the fields of `Count`; `$1` is `OVERDUE`."""


def count_of(row: asyncpg.Record | None) -> Count:
    """The count in a row of `COUNT_COLUMNS`; what nothing waits for is nothing."""
    assert row is not None, "an aggregate has a row"
    return Count(*(value or 0 for value in row))


def by_program(rows: Iterable[asyncpg.Record]) -> list[tuple[str, list[str]]]:
    """The ids of rows of (`program_id`, `id`) by program: what several programs have is never changed in one go."""
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["program_id"], []).append(row["id"])
    return sorted(found.items())
