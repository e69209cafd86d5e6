"""Alerts and the traffic that they rest on, written past Kado."""

from typing import Any

import asyncpg

from kado.ids import new_id


async def an_alert(
    superuser: "asyncpg.Connection[asyncpg.Record]", program_id: str, kind: str = "AUTH_FAILURE_SPIKE", **facts: Any
) -> str:
    """An alert of now, open unless its facts say otherwise; its id. Whatever there was of this type is over."""
    await superuser.execute(
        "UPDATE anomaly_alert SET resolved_at = clock_timestamp() WHERE program_id = $1 AND type = $2"
        " AND resolved_at IS NULL",
        program_id,
        kind,
    )
    now = await superuser.fetchval("SELECT clock_timestamp()")
    alert_id = new_id()
    row = {
        "program_id": program_id,
        "id": alert_id,
        "type": kind,
        "severity": "warning",
        "seen": 240,
        "usual": 4,
        "threshold": 100,
        "opened_at": now,
        "last_seen_at": now,
        **facts,
    }
    places = ", ".join(f"${at}" for at in range(1, len(row) + 1))
    await superuser.execute(f"INSERT INTO anomaly_alert ({', '.join(row)}) VALUES ({places})", *row.values())
    return alert_id


async def traffic(
    superuser: "asyncpg.Connection[asyncpg.Record]",
    program_id: str,
    *,
    requests: int = 0,
    refused: int = 0,
    errors: int = 0,
    auth_failures: int = 0,
    hours_ago: int | None = None,
) -> None:
    """So much in this minute, or in the whole of an hour that is past."""
    table, column, ago = ("request_minute", "minute", 0) if hours_ago is None else ("request_hour", "hour", hours_ago)
    await superuser.execute(
        f"INSERT INTO {table} (program_id, {column}, requests, refused, errors, auth_failures)"
        f" VALUES ($1, date_trunc('{column}', clock_timestamp() - $2 * interval '1 hour'), $3, $4, $5, $6)"
        f" ON CONFLICT (program_id, {column}) DO UPDATE SET requests = EXCLUDED.requests, refused = EXCLUDED.refused,"
        " errors = EXCLUDED.errors, auth_failures = EXCLUDED.auth_failures",
        program_id,
        ago,
        requests,
        refused,
        errors,
        auth_failures,
    )
