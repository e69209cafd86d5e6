"""Who changed what beside the money: one row for each change of rights, settings and states."""

import json
from collections.abc import Mapping

from kado.ids import new_id
from kado.storage.database import Connection


async def record(
    connection: Connection,
    *,
    actor: str,
    action: str,
    merchant_id: str | None = None,
    program_id: str | None = None,
    subject: str | None = None,
    details: Mapping[str, object] | None = None,
) -> None:
    """Write one row on this connection's transaction. `action` is `noun:verb`; `details` hold no secrets."""
    await connection.execute(
        "INSERT INTO audit_log (id, merchant_id, program_id, actor, action, subject, details)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb)",
        new_id(),
        merchant_id,
        program_id,
        actor,
        action,
        subject,
        json.dumps(dict(details or {}), default=str),
    )
