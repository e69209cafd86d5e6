"""Limits on failed tries, counted in the database, so that they hold across processes and restarts.

A try is counted *before* what it tries is compared, and the count is taken back if it succeeds. The row's lock puts
parallel tries one after another, so that sixty at once get no more than the limit between them. Time is the database's;
a clock that steps back leaves counted what was counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from kado.crypto import Keyring
from kado.storage.database import Connection, Database

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
    "transfer-destination",
]


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


def subject(keyring: Keyring, kind: Kind, value: str) -> bytes:
    """Where a try came from or whom it concerns, as it is kept: a dump of the database shows no address or email."""
    return keyring.mac("request-hash", kind.encode(), value.encode(errors="surrogatepass"))


async def reserve(connection: Connection, kind: Kind, about: bytes, limits: Sequence[Limit]) -> Reservation | Exhausted:
    """Count one more failure for this subject unless a limit is reached. Nothing is written when it is."""
    counts, windows = [limit.count for limit in limits], [limit.window for limit in limits]
    reserved_at = await connection.fetchval(
        """
        INSERT INTO attempt AS a (kind, subject, failed_at) VALUES ($1, $2, ARRAY[clock_timestamp()])
        ON CONFLICT (kind, subject) DO UPDATE SET failed_at =
            ARRAY(SELECT t FROM unnest(a.failed_at) AS t WHERE t > clock_timestamp() - $5::interval ORDER BY t)
            || clock_timestamp()
        WHERE NOT EXISTS (
            SELECT FROM unnest($3::int[], $4::interval[]) AS lim (most, span)
             WHERE (SELECT count(*) FROM unnest(a.failed_at) AS t WHERE t > clock_timestamp() - lim.span) >= lim.most)
        RETURNING a.failed_at[cardinality(a.failed_at)]
        """,
        kind,
        about,
        counts,
        windows,
        max(windows),
    )
    if reserved_at is not None:
        return Reservation(kind, about, reserved_at)
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


async def forget(connection: Connection, kind: Kind, about: bytes) -> None:
    """Take back all counts about this subject."""
    await connection.execute("DELETE FROM attempt WHERE kind = $1 AND subject = $2", kind, about)


async def sweep(database: Database) -> int:
    """Remove what no limit looks at any more (all older than a day); how many rows that were."""
    async with database.read() as connection:
        done = await connection.execute(
            "DELETE FROM attempt WHERE NOT EXISTS"
            " (SELECT FROM unnest(failed_at) AS t WHERE t > clock_timestamp() - interval '1 day')"
        )
    return int(done.removeprefix("DELETE "))


async def _wait_seconds(
    connection: Connection, kind: Kind, about: bytes, counts: list[int], windows: list[timedelta]
) -> int:
    """In how many seconds every limit has room again: when the oldest failure that fills it leaves its window."""
    seconds = await connection.fetchval(
        """
        SELECT max(ceil(extract(epoch FROM full_since.t + lim.span - clock_timestamp())))::int
          FROM unnest($3::int[], $4::interval[]) AS lim (most, span), attempt AS a,
               LATERAL (SELECT t FROM unnest(a.failed_at) AS t WHERE t > clock_timestamp() - lim.span
                         ORDER BY t DESC OFFSET lim.most - 1 LIMIT 1) AS full_since
         WHERE a.kind = $1 AND a.subject = $2
        """,
        kind,
        about,
        counts,
        windows,
    )
    return max(1, seconds or 1)
