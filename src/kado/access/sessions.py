"""Who is signed in where: people, customers and tills. Each can be listed and ended without its token.

What is ended here is over for every running server within 30 seconds: that is how long they remember who somebody is.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from kado import audit
from kado.errors import NotFound
from kado.storage.batches import affected
from kado.storage.database import Connection, Database

Kind = Literal["staff", "customer", "till"]

_LISTED_MAX: Final = 1000


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in that is not over. `who` is the id of the person or customer, or of the shop of a till."""

    id: str
    kind: Kind
    who: str
    name: str | None
    """How people call whoever it is: an email address or phone number; of a till, its place."""
    started_at: datetime
    expires_at: datetime
    address: str | None
    user_agent: str | None
    had_second_factor: bool | None


async def list_open(
    database: Database, merchant_id: str, kind: Kind | None = None, who: str | None = None, *, is_test: bool = False
) -> list[Session]:
    """The merchant's open sessions, newest first, at most a thousand; of one kind, of one person, or all.

    Customers are those of live mode, or of test mode.
    """
    found: list[Session] = []
    async with database.read() as connection:
        for one, statement in _LISTS.items():
            if kind in (None, one):
                values = [merchant_id, who, _LISTED_MAX, *([is_test] if one == "customer" else [])]
                found += [Session(kind=one, **dict(row)) for row in await connection.fetch(statement, *values)]
    return sorted(found, key=lambda session: session.started_at, reverse=True)[:_LISTED_MAX]


async def end(
    database: Database,
    merchant_id: str,
    session_id: str,
    actor: str,
    kind: Kind | None = None,
    who: str | None = None,
    *,
    is_test: bool = False,
) -> None:
    """End one session of the merchant's people, customers or tills; of one kind, of one person, or whichever it is.

    Raises `NotFound`, with one answer for a session that is over, one of somebody else's and none at all.
    """

    async def work(connection: Connection) -> None:
        for one in _ENDS if kind is None else (kind,):
            if await _ended(connection, merchant_id, one, who, session_id, None, is_test, actor):
                return
        raise not_found()

    await database.repeat(work)


async def end_all(
    database: Database,
    merchant_id: str,
    kind: Kind,
    who: str,
    actor: str,
    *,
    is_test: bool = False,
    but: str | None = None,
) -> int:
    """End all sessions of one person, customer or shop, except the one named `but`; how many that were."""

    async def work(connection: Connection) -> int:
        return await _ended(connection, merchant_id, kind, who, None, but, is_test, actor)

    return await database.repeat(work)


async def end_all_of_person(connection: Connection, staff_id: str, but: str | None = None) -> None:
    """End every sign-in of a member of staff, begun ones too, on this connection's transaction."""
    await connection.execute(
        "UPDATE staff_session SET ended_at = clock_timestamp()"
        " WHERE staff_id = $1 AND ended_at IS NULL AND id IS DISTINCT FROM $2",
        staff_id,
        but,
    )
    await connection.execute("DELETE FROM staff_pending WHERE staff_id = $1", staff_id)


def not_found() -> NotFound:
    """The one answer for a session that is over, one of somebody else's, and none at all."""
    return NotFound("session_not_found", "There is no such session, or it is over.")


async def sweep(database: Database) -> int:
    """Remove what is over: sign-ins a day after their end, begun ones at theirs, places after ninety days."""
    async with database.read() as connection:
        done = await connection.execute(
            "DELETE FROM staff_session WHERE expires_at <= statement_timestamp() - interval '1 day'"
        )
        await connection.execute("DELETE FROM staff_pending WHERE expires_at <= statement_timestamp()")
        await connection.execute("DELETE FROM staff_place WHERE seen_at <= statement_timestamp() - interval '90 days'")
    return affected(done)


async def _ended(
    connection: Connection,
    merchant_id: str,
    kind: Kind,
    who: str | None,
    session_id: str | None,
    but: str | None,
    is_test: bool,
    actor: str,
) -> int:
    values = [merchant_id, who, session_id, but, *([is_test] if kind == "customer" else [])]
    rows = await connection.fetch(_ENDS[kind], *values)
    for row in rows:
        await audit.record(
            connection, actor=actor, action=f"{kind}-session:ended", merchant_id=merchant_id, subject=row["id"]
        )
    return len(rows)


_LISTS: Final[dict[Kind, str]] = {
    "staff": """
        SELECT x.id, x.staff_id AS who, s.email AS name, x.started_at, x.expires_at, x.address, x.user_agent,
               x.had_second_factor
          FROM staff_session x JOIN staff s ON s.id = x.staff_id
         WHERE s.merchant_id = $1 AND ($2::text IS NULL OR s.id = $2) AND s.active AND x.ended_at IS NULL
           AND x.expires_at > clock_timestamp()
         ORDER BY x.started_at DESC, x.id LIMIT $3""",
    "customer": """
        SELECT x.session_id AS id, c.id AS who, coalesce(c.email, c.phone) AS name, x.created_at AS started_at,
               x.expires_at, NULL AS address, NULL AS user_agent, NULL::boolean AS had_second_factor
          FROM customer_session x JOIN customer c ON c.id = x.customer_id
         WHERE c.merchant_id = $1 AND ($2::text IS NULL OR c.id = $2) AND c.is_test = $4
           AND x.expires_at > clock_timestamp()
         ORDER BY x.created_at DESC, x.session_id LIMIT $3""",
    "till": """
        SELECT x.id, x.shop_id AS who, coalesce(nullif(x.location_id, ''), x.shop_id) AS name,
               x.opened_at AS started_at, x.expires_at, NULL AS address, NULL AS user_agent,
               NULL::boolean AS had_second_factor
          FROM merchant_session x JOIN signing_key k ON k.id = x.signing_key_id
         WHERE x.merchant_id = $1 AND ($2::text IS NULL OR x.shop_id = $2) AND x.expires_at > clock_timestamp()
           AND (k.revoked_at IS NULL OR k.revoked_at > clock_timestamp())
         ORDER BY x.opened_at DESC, x.id LIMIT $3""",
}

_ENDS: Final[dict[Kind, str]] = {
    "staff": """
        UPDATE staff_session x SET ended_at = clock_timestamp() FROM staff s
         WHERE s.id = x.staff_id AND s.merchant_id = $1 AND ($2::text IS NULL OR s.id = $2)
           AND ($3::text IS NULL OR x.id = $3) AND x.id IS DISTINCT FROM $4
           AND x.ended_at IS NULL AND x.expires_at > clock_timestamp() RETURNING x.id""",
    "customer": """
        DELETE FROM customer_session x USING customer c
         WHERE c.id = x.customer_id AND c.merchant_id = $1 AND ($2::text IS NULL OR c.id = $2)
           AND ($3::text IS NULL OR x.session_id = $3) AND x.session_id IS DISTINCT FROM $4 AND c.is_test = $5
           AND x.expires_at > clock_timestamp() RETURNING x.session_id AS id""",
    "till": """
        DELETE FROM merchant_session x
         WHERE x.merchant_id = $1 AND ($2::text IS NULL OR x.shop_id = $2)
           AND ($3::text IS NULL OR x.id = $3) AND x.id IS DISTINCT FROM $4
           AND x.expires_at > clock_timestamp() RETURNING x.id""",
}
