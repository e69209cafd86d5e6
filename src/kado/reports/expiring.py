"""Cards whose money ends soon, the next first."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from kado.cards.card import Card
from kado.cards.find import Found
from kado.cards.store import CARD_COLUMNS, CARD_WIDTH, STATUS_NOW
from kado.programs.program import Program
from kado.reports.source import Source
from kado.reports.states import HORIZONS, Cards
from kado.storage.database import Connection

LEVELS: Final = {30: "critical", 60: "warning", 90: "notice"}
"""What a card is called that ends within so many days."""

_AHEAD: Final = timedelta(days=max(HORIZONS))

_NEXT: Final = f"""
    SELECT {CARD_COLUMNS}, statement_timestamp()
    FROM (SELECT c.* FROM card c
          WHERE c.program_id = $1 AND NOT c.is_test AND c.status NOT IN ('expired', 'voided')
            AND c.expires_at > statement_timestamp() AND c.expires_at <= statement_timestamp() + $2::interval
            AND c.balance > 0 AND {STATUS_NOW} = 'active'
          ORDER BY c.expires_at, c.id LIMIT $3 OFFSET $4) c
    JOIN merchant cm ON cm.id = c.merchant_id ORDER BY c.expires_at, c.id"""


@dataclass(frozen=True, slots=True)
class Expiring:
    """Active cards with money that ends within 90 days, and how many end within 30, 60 and 90 days.

    The numbers are those of `States`: in a program with many cards, of a moment ago.
    """

    cards: list[Found]
    within: dict[int, Cards]


async def expiring(source: Source, program: Program, *, limit: int, start: int = 0) -> Expiring:
    """A part of them, and the numbers of all. Raises `Unavailable`."""

    async def work(connection: Connection) -> list[Found]:
        rows = await connection.fetch(_NEXT, program.id, _AHEAD, limit, start)
        return [Found(Card(*row[:CARD_WIDTH]), row[CARD_WIDTH]) for row in map(tuple, rows)]

    cards = await source.reader.listing(work, in_order=True)
    counted = await source.states.of(program.id)
    return Expiring(cards, {days: counted.ending.get(days, Cards()) for days in HORIZONS})


def days_left(found: Found) -> int:
    """Whole days until it ends."""
    return (found.card.expires_at - found.now).days


def level(found: Found) -> str:
    """What it is called for that."""
    left = found.card.expires_at - found.now
    return next(name for days, name in LEVELS.items() if left <= timedelta(days=days) or days == max(LEVELS))
