"""Names beside ids, as they are now. The log itself holds none: who is forgotten is forgotten there too."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kado.storage.database import Connection
from kado.trail.row import Row
from kado.trail.wanted import Scope


@dataclass(frozen=True, slots=True)
class Names:
    """What is known of the ids on some rows."""

    actors: dict[str, str]
    """By id: people, keys and customers of the merchant."""
    merchants: dict[str, str]
    things: dict[str, str]
    """By id: programs, shops, and cards by their last four digits."""
    holders: dict[str, str]
    """By the id of a card of the scope's own programs: whose it is."""

    def put_on(self, row: Row) -> Row:
        """The row with names where there are any."""
        subject = row.subject_id or ""
        thing = self.actors | self.merchants | self.things
        actors = self.actors if row.actor_kind != "holder" else self.holders
        return replace(
            row,
            actor_name=actors.get(row.actor_id or ""),
            subject_name=self.holders.get(subject) or self.actors.get(subject) or self.merchants.get(subject),
            merchant_name=self.merchants.get(row.merchant_id or ""),
            thing_name=thing.get(row.thing_id or ""),
        )


async def names_of(connection: Connection, scope: Scope, rows: Sequence[Row]) -> Names:
    """Names of what is on these rows; of people and keys only those of the scope's own merchant, of holders only those
    of cards in its own programs."""
    ids = sorted({one for row in rows for one in (row.actor_id, row.subject_id, row.thing_id) if one is not None})
    people = await connection.fetch(
        """
        SELECT s.id, coalesce(s.name, s.email) AS name FROM staff s
        WHERE s.id = ANY($1::text[]) AND ($2::text IS NULL OR s.merchant_id = $2)
        UNION ALL SELECT k.id, k.name FROM api_key k
        WHERE k.id = ANY($1::text[]) AND ($2::text IS NULL OR k.merchant_id = $2)
        UNION ALL SELECT c.id, c.name FROM customer c
        WHERE c.id = ANY($1::text[]) AND ($2::text IS NULL OR c.merchant_id = $2)""",
        ids,
        scope.merchant_id,
    )
    things = await connection.fetch(
        """
        SELECT p.id, p.name FROM program p WHERE p.id = ANY($1::text[])
        UNION ALL SELECT h.id, h.name FROM shop h
        WHERE h.id = ANY($1::text[]) AND ($2::text IS NULL OR h.merchant_id = $2)""",
        ids,
        scope.merchant_id,
    )
    merchants = await connection.fetch(
        "SELECT id, name FROM merchant WHERE id = ANY($1::text[])",
        sorted({*ids, *(row.merchant_id for row in rows if row.merchant_id is not None)}),
    )
    places = sorted({(row.program_id, row.subject_id) for row in rows if row.program_id and row.subject_id})
    own = set(scope.program_ids)
    cards = await connection.fetch(
        """
        SELECT c.id, c.program_id, c.last_four, c.customer_name
        FROM unnest($1::text[], $2::text[]) AS u (program_id, id)
        JOIN card c ON c.program_id = u.program_id AND c.id = u.id""",
        [program_id for program_id, _ in places],
        [card_id for _, card_id in places],
    )
    return Names(
        actors=_by_id(people),
        merchants=_by_id(merchants),
        things=_by_id(things) | {row["id"]: f"card ending {row['last_four']}" for row in cards},
        # Whoever was admitted to a program sees there who holds a card, and here not: it may be admitted no longer.
        holders={
            row["id"]: row["customer_name"]
            for row in cards
            if row["customer_name"] and (scope.merchant_id is None or row["program_id"] in own)
        },
    )


def _by_id(rows: Sequence[object]) -> dict[str, str]:
    return {row["id"]: row["name"] for row in rows if row["name"]}  # type: ignore[index]
