"""Lineage: from which cards a card's money came, and to which it went."""

from dataclasses import dataclass
from datetime import datetime

from kado.cards.card import Card
from kado.storage.database import Database


@dataclass(frozen=True, slots=True)
class Related:
    """A card on the other side of a consolidation or replacement, and when that was."""

    card_id: str
    last_four: str
    relation: str
    at: datetime


async def lineage(database: Database, card: Card) -> tuple[list[Related], Related | None]:
    """The cards that ended in this one (in the order of their ids), and the one that this one ended in."""
    async with database.read() as connection:
        before = await connection.fetch(
            "SELECT id, last_four, succession, voided_at FROM card WHERE program_id = $1 AND successor_id = $2"
            " ORDER BY id",
            card.program_id,
            card.id,
        )
        after = await connection.fetchrow(
            "SELECT id, last_four FROM card WHERE program_id = $1 AND id = $2", card.program_id, card.successor_id
        )
    predecessors = [Related(row["id"], row["last_four"], row["succession"], row["voided_at"]) for row in before]
    if after is None:
        return predecessors, None
    assert card.succession is not None, "the schema says so"
    assert card.voided_at is not None, "the schema says so"
    return predecessors, Related(after["id"], after["last_four"], card.succession, card.voided_at)
