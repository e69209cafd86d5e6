"""Every SQL statement about counts and alerts."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import timedelta
from typing import Final

from kado.anomalies.alert import RECENT_MINUTES, USUAL_DAYS, Alert, AlertType, Anomaly, Severity, Traffic
from kado.storage.database import Connection

ALERT_COLUMNS: Final = ", ".join(field.name for field in fields(Alert))

_ADDED: Final = (
    "requests = c.requests + EXCLUDED.requests, refused = c.refused + EXCLUDED.refused,"
    " errors = c.errors + EXCLUDED.errors, auth_failures = c.auth_failures + EXCLUDED.auth_failures"
)


async def add_counts(connection: Connection, rows: Sequence[tuple[str, float, int, int, int, int]]) -> set[str]:
    """Add (program id, seconds since the minute began, requests, refused, errors, failed proofs) to what is there.

    The programs among them that exist; what was counted for others is forgotten. Rows are locked in one order.
    """
    columns: list[list[object]] = [list(column) for column in zip(*rows, strict=True)]
    minutes = await connection.fetch(
        f"""
        INSERT INTO request_minute AS c (program_id, minute, requests, refused, errors, auth_failures)
        SELECT u.program_id, date_trunc('minute', clock_timestamp() - u.ago * interval '1 second'), sum(u.requests),
               sum(u.refused), sum(u.errors), sum(u.auth_failures)
          FROM unnest($1::text[], $2::float8[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
               AS u (program_id, ago, requests, refused, errors, auth_failures)
          JOIN program p ON p.id = u.program_id
         GROUP BY 1, 2 ORDER BY 1, 2
        ON CONFLICT (program_id, minute) DO UPDATE SET {_ADDED}
        RETURNING program_id
        """,
        *columns,
    )
    await connection.execute(
        f"""
        INSERT INTO request_hour AS c (program_id, hour, requests, refused, errors, auth_failures)
        SELECT u.program_id, date_trunc('hour', clock_timestamp() - u.ago * interval '1 second'), sum(u.requests),
               sum(u.refused), sum(u.errors), sum(u.auth_failures)
          FROM unnest($1::text[], $2::float8[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
               AS u (program_id, ago, requests, refused, errors, auth_failures)
          JOIN program p ON p.id = u.program_id
         GROUP BY 1, 2 ORDER BY 1, 2
        ON CONFLICT (program_id, hour) DO UPDATE SET {_ADDED}
        """,
        *columns,
    )
    return {row["program_id"] for row in minutes}


async def read_traffic(connection: Connection) -> list[Traffic]:
    """What all programs had lately, and usually have. Programs that nobody tried anything at lately are left out."""
    rows = await connection.fetch(_TRAFFIC, timedelta(minutes=RECENT_MINUTES), timedelta(days=USUAL_DAYS), None)
    return [Traffic(*row) for row in rows]


async def read_traffic_of(connection: Connection, program_id: str) -> Traffic:
    """The same for one program, which exists."""
    wanted = (timedelta(minutes=RECENT_MINUTES), timedelta(days=USUAL_DAYS), program_id)
    row = await connection.fetchrow(_TRAFFIC, *wanted)
    assert row is not None, "whoever asks is in the program"
    return Traffic(*row)


# A failed check that names no program is a try at each of them. Of programs without a past, what is usual is not known.
_TRAFFIC: Final = """
    WITH recent AS (
        SELECT program_id, sum(requests)::bigint AS requests, sum(errors)::bigint AS errors,
               sum(auth_failures)::bigint AS auth_failures
          FROM request_minute
         WHERE minute > statement_timestamp() - $1::interval AND ($3::text IS NULL OR program_id = $3)
         GROUP BY program_id),
    anywhere AS (
        SELECT coalesce(sum(failed), 0)::bigint AS failed
          FROM anywhere_rate WHERE minute > statement_timestamp() - $1::interval),
    past AS (
        SELECT program_id, sum(requests) AS requests, sum(auth_failures) AS auth_failures,
               12 * ceil(extract(epoch FROM date_trunc('hour', statement_timestamp()) - min(hour)) / 3600) AS periods
          FROM request_hour
         WHERE ($3::text IS NULL OR program_id = $3) AND hour < date_trunc('hour', statement_timestamp())
           AND hour >= date_trunc('hour', statement_timestamp()) - $2::interval
         GROUP BY program_id)
    SELECT p.id, coalesce(r.requests, 0) AS requests, coalesce(r.errors, 0) AS errors,
           coalesce(r.auth_failures, 0) + a.failed AS auth_failures,
           ceil(u.requests / u.periods)::bigint AS usual_requests,
           ceil(u.auth_failures / u.periods)::bigint AS usual_auth_failures
      FROM program p CROSS JOIN anywhere a
      LEFT JOIN recent r ON r.program_id = p.id LEFT JOIN past u ON u.program_id = p.id
     WHERE p.id = $3 OR ($3 IS NULL AND (r.program_id IS NOT NULL OR a.failed > 0))"""


async def note_anomalies(
    connection: Connection, found: Sequence[Anomaly], ids: Sequence[str]
) -> list[tuple[Alert, bool]]:
    """Open an alert for each of these (with the id beside it), or note that it goes on; and whether it is new or worse.

    There is at most one alert of a type in a program at a time, whoever looks.
    """
    rows = await connection.fetch(
        f"""
        WITH before AS (
            SELECT program_id, type, severity FROM anomaly_alert
             WHERE program_id = ANY ($1::text[]) AND resolved_at IS NULL),
        noted AS (
            INSERT INTO anomaly_alert AS a (program_id, id, type, severity, seen, usual, threshold, opened_at,
                                            last_seen_at)
            SELECT u.program_id, u.id, u.type, u.severity, u.seen, u.usual, u.threshold, clock_timestamp(),
                   clock_timestamp()
              FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[])
                   AS u (program_id, id, type, severity, seen, usual, threshold)
             ORDER BY u.program_id, u.type
            ON CONFLICT (program_id, type) WHERE resolved_at IS NULL DO UPDATE
               SET last_seen_at = EXCLUDED.last_seen_at, seen = greatest(a.seen, EXCLUDED.seen),
                   severity = CASE WHEN a.severity = 'critical' THEN a.severity ELSE EXCLUDED.severity END
            RETURNING {ALERT_COLUMNS})
        SELECT n.*, n.id = ANY ($2::text[]) AS is_new, b.severity IS DISTINCT FROM n.severity AS is_worse
          FROM noted n LEFT JOIN before b ON b.program_id = n.program_id AND b.type = n.type
        """,
        [one.program_id for one in found],
        list(ids),
        [one.type.value for one in found],
        [one.severity.value for one in found],
        [one.seen for one in found],
        [one.usual for one in found],
        [one.threshold for one in found],
    )
    return [(alert_from_row(tuple(row)[:-2]), row["is_new"]) for row in rows if row["is_new"] or row["is_worse"]]


async def resolve_quiet(connection: Connection, quiet: timedelta) -> list[Alert]:
    """End the alerts of all programs that were not seen for so long; those that were."""
    rows = await connection.fetch(
        "UPDATE anomaly_alert SET resolved_at = clock_timestamp()"
        " WHERE program_id IN (SELECT id FROM program) AND resolved_at IS NULL"
        f" AND last_seen_at < statement_timestamp() - $1::interval RETURNING {ALERT_COLUMNS}",
        quiet,
    )
    return [alert_from_row(tuple(row)) for row in rows]


async def list_heard(connection: Connection, program_ids: Sequence[str]) -> set[str]:
    """Those of these programs to whose live events somebody listens."""
    rows = await connection.fetch(
        "SELECT p.id FROM program p WHERE p.id = ANY ($1::text[])"
        " AND EXISTS (SELECT FROM webhook w WHERE w.merchant_id = p.merchant_id AND w.enabled)",
        list(program_ids),
    )
    return {row["id"] for row in rows}


async def forget_counts(connection: Connection, program_id: str) -> None:
    """Delete the program's minutes of more than two days and its hours of more than a month ago."""
    await connection.execute(
        "DELETE FROM request_minute WHERE program_id = $1 AND minute < statement_timestamp() - interval '2 days'",
        program_id,
    )
    await connection.execute(
        "DELETE FROM request_hour WHERE program_id = $1 AND hour < statement_timestamp() - interval '32 days'",
        program_id,
    )


async def forget_alerts(connection: Connection, program_id: str) -> None:
    """Delete the program's alerts that were over 400 days ago; one that goes on stays."""
    await connection.execute(
        "DELETE FROM anomaly_alert WHERE program_id = $1 AND resolved_at < clock_timestamp() - interval '400 days'",
        program_id,
    )


async def forget_anywhere(connection: Connection) -> None:
    """Delete the counts of checks without a program of more than two days ago."""
    await connection.execute("DELETE FROM anywhere_rate WHERE minute < statement_timestamp() - interval '2 days'")


def alert_from_row(values: tuple[object, ...]) -> Alert:
    """An alert from the values of `ALERT_COLUMNS`."""
    program_id, alert_id, kind, severity, *rest = values
    return Alert(program_id, alert_id, AlertType(kind), Severity(severity), *rest)  # type: ignore[arg-type]
