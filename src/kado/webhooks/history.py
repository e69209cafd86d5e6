"""What became of events, for people: look at it, send it again, and forget it after a while."""

from datetime import timedelta
from typing import Final

from kado import audit
from kado.access.caller import Caller
from kado.audit.origin import origin
from kado.errors import NotFound, Refusal
from kado.storage.batches import affected
from kado.storage.database import Connection, Database
from kado.storage.part import COUNT_MAX, Part, part_of
from kado.webhooks import endpoints
from kado.webhooks.deliveries import wake
from kado.webhooks.webhook import Delivery

FORGOTTEN_AT_ONCE: Final = 1000

# Each program's are a walk through an index that has them in their order, cut off where nothing behind is on the page.
_LIST: Final = """
    WITH matches AS MATERIALIZED (
        SELECT m.* FROM program p CROSS JOIN LATERAL (
            SELECT d.program_id, d.id, d.created_at FROM webhook_delivery d
             WHERE d.program_id = p.id AND d.webhook_id = $2 AND ($3::text IS NULL OR d.state = $3)
             ORDER BY d.created_at DESC, d.id DESC LIMIT $6) m
         WHERE p.merchant_id = $1 ORDER BY m.created_at DESC, m.id DESC LIMIT $6)
    SELECT (SELECT count(*) FROM matches) AS counted, d.id, d.webhook_id, d.event_id, e.type AS event_type,
           d.program_id, e.card_id, d.state, d.attempts, d.last_status, d.last_error, d.created_at, d.next_attempt_at,
           d.delivered_at
      FROM (SELECT) one
      LEFT JOIN (SELECT * FROM matches ORDER BY created_at DESC, id DESC LIMIT $4 OFFSET $5) page ON true
      LEFT JOIN webhook_delivery d ON d.program_id = page.program_id AND d.id = page.id
      LEFT JOIN gift_card_event e ON e.program_id = d.program_id AND e.id = d.event_id
     ORDER BY page.created_at DESC, page.id DESC"""


async def list_deliveries(
    database: Database, merchant_id: str, webhook_id: str, *, state: str | None, limit: int, offset: int
) -> Part[Delivery]:
    """The deliveries to a merchant's endpoint, newest first; of one state, or of all. Counted up to a bound."""
    far = max(offset + limit, COUNT_MAX)
    async with database.read_list(in_order=False) as connection:
        rows = await connection.fetch(_LIST, merchant_id, webhook_id, state, limit, offset, far + 1)
    counted = rows[0]["counted"]
    found = [Delivery(*tuple(row)[1:]) for row in rows if row["id"] is not None]
    return part_of(found, counted, far)


async def replay(
    database: Database, merchant_id: str, actor: str, webhook_id: str, delivery_id: str | None = None
) -> int:
    """Put a delivery back in the queue, in whatever state it is, or all that failed; how many it were.

    The event keeps its id, so a receiver that has had it knows it again. Its ten waits begin anew.
    """

    async def work(connection: Connection) -> int:
        rows = await connection.fetch(
            """
            UPDATE webhook_delivery SET state = 'queued', attempts = 0, queued_at = now(), next_attempt_at = now(),
                                        delivered_at = NULL
             WHERE program_id IN (SELECT p.id FROM program p WHERE p.merchant_id = $1) AND webhook_id = $2
               AND (id = $3 OR ($3::text IS NULL AND state = 'failed'))
            RETURNING program_id, webhook_id, id
            """,
            merchant_id,
            webhook_id,
            delivery_id,
        )
        places = {(row["program_id"], row["webhook_id"]) for row in rows}
        if places:
            await wake(connection, sorted(places), timedelta(0))
        replayed = [
            audit.Row(
                actor=actor,
                action="event:replayed",
                merchant_id=merchant_id,
                program_id=row["program_id"],
                subject=row["id"],
                details={"webhook": webhook_id},
                source=origin(),
            )
            for row in rows
        ]
        await audit.write(connection, replayed)
        return len(rows)

    return await database.repeat(work)


async def send_again(database: Database, caller: Caller, webhook_id: str, delivery_id: str) -> None:
    """Send one event again, whatever became of it; it keeps its id.

    Raises `NotFound`, and `Refusal` (`webhook_disabled`) where the endpoint would not be sent it.
    """
    webhook = await endpoints.get(database, caller, webhook_id)
    if not webhook.enabled:
        raise Refusal("webhook_disabled", "The webhook is disabled. Enable it first.")
    if not await replay(database, caller.merchant_id, caller.subject, webhook_id, delivery_id):
        raise NotFound("delivery_not_found", "There is no such delivery.")


async def forget(database: Database, program_id: str, days: int) -> int:
    """Delete some of the program's events of long ago, with their deliveries, unless one still waits; how many."""

    async def work(connection: Connection) -> int:
        done = await connection.execute(
            """
            DELETE FROM gift_card_event WHERE program_id = $1 AND id IN (
                SELECT e.id FROM gift_card_event e
                 WHERE e.program_id = $1 AND e.created_at < now() - make_interval(days => $2)
                   AND NOT EXISTS (SELECT FROM webhook_delivery d WHERE d.program_id = $1 AND d.event_id = e.id
                                      AND d.state = 'queued')
                 LIMIT $3)
            """,
            program_id,
            days,
            FORGOTTEN_AT_ONCE,
        )
        return affected(done)

    return await database.repeat(work)
