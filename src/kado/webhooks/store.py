"""Every SQL statement about endpoints. They belong to merchants and span a merchant's programs."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from kado.storage.database import Connection
from kado.webhooks.webhook import Webhook

_OWN: Final = """
    id, merchant_id, is_test, url, secret, enabled, hears_all, events, pass_templates, created_at, updated_at,
    last_delivered_at, last_error, disabled_at, disabled_reason"""

COLUMNS: Final = f"""{_OWN},
    CASE WHEN previous_until > clock_timestamp() THEN previous_secret END AS previous_secret"""
"""In the order of the fields of `Webhook`."""


async def count_for_more(connection: Connection, merchant_id: str) -> int:
    """How many endpoints the merchant has; nobody else makes one for it until the transaction ends."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('kado webhooks of ' || $1, 0))", merchant_id
    )
    return int(await connection.fetchval("SELECT count(*) FROM webhook WHERE merchant_id = $1", merchant_id))


async def insert(
    connection: Connection,
    webhook_id: str,
    merchant_id: str,
    is_test: bool,
    url: str,
    sealed_secret: bytes,
    hears_all: bool,
    events: list[str],
    pass_templates: Mapping[str, object],
) -> Webhook:
    """Write an endpoint, which is not enabled."""
    row = await connection.fetchrow(
        "INSERT INTO webhook (id, merchant_id, is_test, url, secret, hears_all, events, pass_templates)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb)"
        f" RETURNING {_OWN}, NULL::bytea AS previous_secret",
        webhook_id,
        merchant_id,
        is_test,
        url,
        sealed_secret,
        hears_all,
        events,
        json.dumps(dict(pass_templates)),
    )
    assert row is not None, "an INSERT returns what it wrote"
    return _from_row(tuple(row))


async def update(connection: Connection, webhook: Webhook) -> None:
    """Write all that its owner may change."""
    await connection.execute(
        "UPDATE webhook SET url = $2, secret = $3, enabled = $4, hears_all = $5, events = $6,"
        " pass_templates = $7::jsonb, disabled_at = $8, disabled_reason = $9, updated_at = statement_timestamp()"
        " WHERE id = $1",
        webhook.id,
        webhook.url,
        webhook.sealed_secret,
        webhook.enabled,
        webhook.hears_all,
        webhook.events,
        json.dumps(webhook.pass_templates),
        webhook.disabled_at,
        webhook.disabled_reason,
    )


async def change_secret(connection: Connection, webhook_id: str, sealed: bytes, overlap: timedelta) -> None:
    """Another secret from now on; the one before signs beside it for so long, and the one before that no more."""
    await connection.execute(
        "UPDATE webhook SET previous_secret = secret, previous_until = statement_timestamp() + $3::interval,"
        " secret = $2 WHERE id = $1",
        webhook_id,
        sealed,
        overlap,
    )


async def forget_previous_secrets(connection: Connection) -> None:
    """Those that sign no more."""
    await connection.execute(
        "UPDATE webhook SET previous_secret = NULL, previous_until = NULL WHERE previous_until <= statement_timestamp()"
    )


async def find(connection: Connection, webhook_id: str) -> Webhook | None:
    """The endpoint, whosever it is."""
    row = await connection.fetchrow(f"SELECT {COLUMNS} FROM webhook WHERE id = $1", webhook_id)
    return None if row is None else _from_row(tuple(row))


async def find_own(
    connection: Connection, webhook_id: str, merchant_id: str, is_test: bool, *, lock: bool = False
) -> Webhook | None:
    """The endpoint, if it is this merchant's and of this mode; with `lock`, unchanged by others for a transaction."""
    row = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM webhook WHERE id = $1 AND merchant_id = $2 AND is_test = $3"
        + (" FOR NO KEY UPDATE" if lock else ""),
        webhook_id,
        merchant_id,
        is_test,
    )
    return None if row is None else _from_row(tuple(row))


async def list_own(
    connection: Connection, merchant_id: str, is_test: bool | None, text: str | None, limit: int, offset: int
) -> tuple[list[Webhook], int]:
    """The merchant's endpoints, oldest first, and how many there are; with `text`, those whose URL contains it."""
    chosen = (
        "WHERE merchant_id = $1 AND ($2::boolean IS NULL OR is_test = $2)"
        " AND ($3::text IS NULL OR strpos(lower(url), lower($3)) > 0)"
    )
    rows = await connection.fetch(
        f"SELECT {COLUMNS} FROM webhook {chosen} ORDER BY created_at, id LIMIT $4 OFFSET $5",
        merchant_id,
        is_test,
        text,
        limit,
        offset,
    )
    total = await connection.fetchval(f"SELECT count(*) FROM webhook {chosen}", merchant_id, is_test, text)
    return [_from_row(tuple(row)) for row in rows], int(total)


async def listening(connection: Connection, program_id: str) -> list[Webhook]:
    """The endpoints that hear of this program."""
    rows = await connection.fetch(
        f"SELECT {COLUMNS} FROM webhook WHERE enabled"
        " AND merchant_id = (SELECT p.merchant_id FROM program p WHERE p.id = $1)",
        program_id,
    )
    return [_from_row(tuple(row)) for row in rows]


async def delete(connection: Connection, webhook_id: str) -> None:
    """Forget the endpoint. What waited for it fails when its turn comes."""
    await connection.execute("DELETE FROM webhook WHERE id = $1", webhook_id)


async def note_success(connection: Connection, webhook_id: str) -> None:
    """It took an event. Written once a minute at most, and where it did not take the one before."""
    await connection.execute(
        "UPDATE webhook SET last_delivered_at = now(), last_error = NULL WHERE id = $1 AND (last_error IS NOT NULL"
        " OR last_delivered_at IS NULL OR last_delivered_at < now() - interval '1 minute')",
        webhook_id,
    )


async def note_failure(connection: Connection, webhook_id: str, reason: str) -> None:
    """It did not take an event."""
    await connection.execute(
        "UPDATE webhook SET last_error = $2 WHERE id = $1 AND last_error IS DISTINCT FROM $2", webhook_id, reason
    )


async def disable_silent(connection: Connection, webhook_id: str, reason: str, since: datetime | None) -> str | None:
    """Disable it, unless it took an event after `since`. The merchant's id where that changed anything."""
    merchant_id: str | None = await connection.fetchval(
        "UPDATE webhook SET enabled = false, disabled_at = now(), disabled_reason = $2, last_error = $2"
        " WHERE id = $1 AND enabled"
        " AND ($3::timestamptz IS NULL OR last_delivered_at IS NULL OR last_delivered_at < $3)"
        " RETURNING merchant_id",
        webhook_id,
        reason,
        since,
    )
    return merchant_id


def _from_row(values: tuple[Any, ...]) -> Webhook:
    webhook = Webhook(*values)
    return replace(webhook, pass_templates=json.loads(values[8]))
