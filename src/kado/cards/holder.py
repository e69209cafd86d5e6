"""What somebody may do who has the address of a card's page and showed its code: a receiver without any account."""

from datetime import datetime
from typing import Final, NamedTuple

from kado.access.caller import Caller
from kado.access.permissions import Permission, Role
from kado.cards.card import Card, TransactionType
from kado.storage.database import Database


def holder(card: Card) -> Caller:
    """The holder as a caller: may activate this card and nothing else. The audit log names them by the card."""
    # The role is one that no rule about cards knows; what may be done stands in the permissions alone.
    allowed = frozenset({Permission.CARDS_ACTIVATE})
    return Caller(card.merchant_id, f"holder:{card.id}", Role.READ_ONLY, allowed, is_test=card.is_test)


class Use(NamedTuple):
    """An entry as a holder sees it: what kind, how much (minor units, signed), when, and where."""

    type: TransactionType
    amount: int
    at: datetime
    shop: str


USES_TOGETHER: Final = 10


async def uses_of(database: Database, card: Card, page: int) -> tuple[list[Use], bool]:
    """Ten entries that moved money, newest first, of this page (from 1), and whether there are older ones."""
    async with database.read() as connection:
        rows = await connection.fetch(
            "SELECT t.type, t.amount, t.created_at, m.name"
            " FROM card_transaction t JOIN merchant m ON m.id = t.merchant_id"
            " WHERE t.program_id = $1 AND t.card_id = $2 AND t.amount <> 0 ORDER BY t.seq DESC LIMIT $3 OFFSET $4",
            card.program_id,
            card.id,
            USES_TOGETHER + 1,
            (page - 1) * USES_TOGETHER,
        )
    uses = [Use(TransactionType(kind), amount, at, shop) for kind, amount, at, shop in rows]
    return uses[:USES_TOGETHER], len(uses) > USES_TOGETHER
