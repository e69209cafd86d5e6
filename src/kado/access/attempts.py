"""Limits on failed tries, counted in the database, so that they hold across processes and restarts.

A try is counted *before* what it tries is compared, and the count is taken back if it succeeds. The row's lock puts
parallel tries one after another, so that sixty at once get no more than the limit between them. Time is the database's;
a clock that steps back leaves counted what was counted.

A subject is named by a keyed hash. While several secrets live, what was counted under any of them counts, so that
nobody gets more tries from a change of the secret; a try is counted under the current one. What is left under an older
one is over within a day.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Final, Literal, NamedTuple

from kado.crypto import Keyring
from kado.storage.batches import in_batches
from kado.storage.database import Connection, Database

_BATCH: Final = 5000

Kind = Literal[
    "balance-check",
    "check-anywhere",
    "login-address",
    "login-email",
    "login-known",
    "mfa-code",
    "mfa-recovery",
    "otp-address",
    "otp-merchant",
    "otp-target",
    "page-check",
    "pin-anywhere",
    "pin-person",
    "pin-terminal",
    "staff-email",
    "transfer-destination",
]


class Subject(NamedTuple):
    """Where a try came from or whom it concerns, as it is kept: a dump of the database shows no address or email.

    `now` is its hash under the current secret, `older` are those under the other live ones.
    """

    now: bytes
    older: tuple[bytes, ...] = ()

    @property
    def all(self) -> tuple[bytes, ...]:
        """Under every live secret."""
        return (self.now, *self.older)


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` failures in any `window` of time."""

    count: int
    window: timedelta


@dataclass(frozen=True, slots=True)
class Reservation:
    """A try that was let through and counts as failed until it is released."""

    kind: Kind
    subject: bytes
    reserved_at: datetime


@dataclass(frozen=True, slots=True)
class Exhausted:
    """A try that was not let through, and in how many whole seconds the next one can be."""

    retry_after_seconds: int


def subject(keyring: Keyring, kind: Kind, value: str) -> Subject:
    """Where a try came from or whom it concerns."""
    now, *older = keyring.macs("request-hash", kind.encode(), value.encode(errors="surrogatepass"))
    return Subject(now, tuple(older))


async def reserve(
    connection: Connection, kind: Kind, about: Subject, limits: Sequence[Limit]
) -> Reservation | Exhausted:
    """Count one more failure for this subject unless a limit is reached. Nothing is written when it is."""
    counts, windows = [limit.count for limit in limits], [limit.window for limit in limits]
    older: list[datetime] = []
    if about.older:
        # Servers whose secrets stand in another order count in another row, so the row's lock is not enough.
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _lock_of(about))
        older = await connection.fetchval(
            "SELECT coalesce(array_agg(t), '{}') FROM attempt, unnest(failed_at) AS t"
            " WHERE kind = $1 AND subject = ANY($2::bytea[])",
            kind,
            list(about.older),
        )
    reserved_at = await connection.fetchval(
        """
        INSERT INTO attempt AS a (kind, subject, failed_at)
        SELECT $1, $2, ARRAY[clock_timestamp()]
        WHERE NOT EXISTS (
            SELECT FROM unnest($3::int[], $4::interval[]) AS lim (most, span)
             WHERE (SELECT count(*) FROM unnest($6::timestamptz[]) AS t WHERE t > clock_timestamp() - lim.span)
                   >= lim.most)
        ON CONFLICT (kind, subject) DO UPDATE SET failed_at =
            ARRAY(SELECT t FROM unnest(a.failed_at) AS t WHERE t > clock_timestamp() - $5::interval ORDER BY t)
            || clock_timestamp()
        WHERE NOT EXISTS (
            SELECT FROM unnest($3::int[], $4::interval[]) AS lim (most, span)
             WHERE (SELECT count(*) FROM unnest(a.failed_at || $6::timestamptz[]) AS t
                     WHERE t > clock_timestamp() - lim.span) >= lim.most)
        RETURNING a.failed_at[cardinality(a.failed_at)]
        """,
        kind,
        about.now,
        counts,
        windows,
        max(windows),
        older,
    )
    if reserved_at is not None:
        return Reservation(kind, about.now, reserved_at)
    return Exhausted(await _wait_seconds(connection, kind, about, counts, windows))


async def release(database: Database, reservations: Sequence[Reservation]) -> None:
    """Take back the counts of a try that succeeded: exactly these, whatever failed beside them."""

    async def work(connection: Connection) -> None:
        for reservation in sorted(reservations, key=lambda r: (r.kind, r.subject)):
            await connection.execute(
                "UPDATE attempt SET failed_at = failed_at[:array_position(failed_at, $3) - 1]"
                " || failed_at[array_position(failed_at, $3) + 1:]"
                " WHERE kind = $1 AND subject = $2 AND array_position(failed_at, $3) IS NOT NULL",
                reservation.kind,
                reservation.subject,
                reservation.reserved_at,
            )

    await database.repeat(work)


async def forget(connection: Connection, kind: Kind, about: Subject) -> None:
    """Take back all counts about this subject."""
    await forget_all(connection, kind, [about])


async def forget_all(connection: Connection, kind: Kind, about: Sequence[Subject]) -> None:
    """The same about all of these subjects."""
    known = [one for each in about for one in each.all]
    await connection.execute("DELETE FROM attempt WHERE kind = $1 AND subject = ANY($2::bytea[])", kind, known)


async def waits(connection: Connection, kind: Kind, about: Sequence[Subject], limits: Sequence[Limit]) -> list[int]:
    """For each subject in how many seconds the next try can be; nought where it can be now. Nothing is counted."""
    by_row = {row: at for at, one in enumerate(about) for row in one.all}
    rows = await connection.fetch(
        """
        SELECT a.subject, extract(epoch FROM clock_timestamp() - t)::float8 AS age
          FROM attempt AS a, unnest(a.failed_at) AS t WHERE a.kind = $1 AND a.subject = ANY($2::bytea[])""",
        kind,
        list(by_row),
    )
    ages: list[list[float]] = [[] for _ in about]
    for row in rows:
        ages[by_row[row["subject"]]].append(row["age"])
    return [max((_wait_of(sorted(one), limit) for limit in limits), default=0) for one in ages]


def _wait_of(ages: Sequence[float], limit: Limit) -> int:
    """In how many seconds a limit has room, by the ages of the failures, the youngest first."""
    if len(ages) < limit.count:
        return 0
    return max(0, ceil(limit.window.total_seconds() - ages[limit.count - 1]))


async def sweep(database: Database) -> int:
    """Remove what no limit looks at any more (all older than a day); how many rows that were.

    Reads the whole table, which holds what failed within a day or so: to be done from time to time.
    """
    return await in_batches(database, _BATCH, _OVER)


_OVER: Final = f"""
    DELETE FROM attempt WHERE (kind, subject) IN (
        SELECT kind, subject FROM attempt WHERE NOT EXISTS (
            SELECT FROM unnest(failed_at) AS t WHERE t > statement_timestamp() - interval '1 day')
        LIMIT {_BATCH})"""


def _lock_of(about: Subject) -> int:
    """The same for all servers that know the same secrets, in whatever order."""
    return int.from_bytes(min(about.all)[:8], "big", signed=True)


async def _wait_seconds(
    connection: Connection, kind: Kind, about: Subject, counts: list[int], windows: list[timedelta]
) -> int:
    """In how many seconds every limit has room again: when the oldest failure that fills it leaves its window."""
    seconds = await connection.fetchval(
        """
        SELECT max(ceil(extract(epoch FROM full_since.t + lim.span - clock_timestamp())))::int
          FROM unnest($3::int[], $4::interval[]) AS lim (most, span),
               LATERAL (SELECT t FROM attempt AS a, unnest(a.failed_at) AS t
                         WHERE a.kind = $1 AND a.subject = ANY($2::bytea[]) AND t > clock_timestamp() - lim.span
                         ORDER BY t DESC OFFSET lim.most - 1 LIMIT 1) AS full_since
        """,
        kind,
        list(about.all),
        counts,
        windows,
    )
    return max(1, seconds or 1)
