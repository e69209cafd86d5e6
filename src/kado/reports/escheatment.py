"""Money that nobody has touched for long, and that the law of a place may want handed over.

The last activity of a card is its last entry, of whatever kind. Expired money that nobody has processed is on its card
and counts; pending cards hold nothing. Kado knows no addresses: all cards of a program are of one jurisdiction, the one
that is asked for, or the country of the program.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from kado.cards.card import Card
from kado.cards.store import CARD_COLUMNS, CARD_WIDTH
from kado.programs.program import Program
from kado.reports.source import Source
from kado.storage.database import Connection

UNKNOWN: Final = "unspecified"
DORMANCY_DAYS: Final = 1095
"""Three years: what is usual."""
DORMANCY_DAYS_MAX: Final = 3650

_DORMANT: Final = """
    FROM card c JOIN card_transaction t ON t.program_id = $1 AND t.card_id = c.id AND t.seq = c.seq
    WHERE c.program_id = $1 AND NOT c.is_test AND c.created_at <= $2 AND c.balance > 0 AND t.created_at <= $2"""

# Of whichever there are less of, cards that are old or entries since, the planner looks for the others.
_TOTAL: Final = """
    SELECT count(*) AS cards, coalesce(sum(c.balance), 0)::bigint AS minor FROM card c
    WHERE c.program_id = $1 AND NOT c.is_test AND c.created_at <= $2 AND c.balance > 0
      AND NOT EXISTS (SELECT FROM card_transaction t
                      WHERE t.program_id = $1 AND t.card_id = c.id AND t.created_at > $2)"""

# Oldest cards first: an index has that order, and money that lies for long is on them.
_PAGE: Final = f"""
    SELECT {CARD_COLUMNS}, c.last_activity
    FROM (SELECT c.*, t.created_at AS last_activity {_DORMANT} ORDER BY c.created_at, c.id LIMIT $3 OFFSET $4) c
    JOIN merchant cm ON cm.id = c.merchant_id ORDER BY c.created_at, c.id"""


@dataclass(frozen=True, slots=True)
class Dormant:
    """A card and when something last happened to it."""

    card: Card
    last_activity: datetime


@dataclass(frozen=True, slots=True)
class Escheatment:
    """Part of the cards, and how many there are and what is on them in all, in minor units."""

    now: datetime
    jurisdiction: str
    cards: list[Dormant]
    count: int
    minor: int


async def untouched(
    source: Source, program: Program, *, dormancy_days: int, limit: int, start: int = 0
) -> tuple[datetime, list[Dormant]]:
    """This moment, and cards without activity for so many days until then, oldest first. Raises `Unavailable`.

    As fast among a million cards as among a thousand, since nothing is added up.
    """
    now = await source.now()
    until = now - timedelta(days=dormancy_days)
    return now, await source.reader.listing(
        lambda connection: _part(connection, program.id, until, limit, start), in_order=False
    )


async def untouched_sum(source: Source, program: Program, *, dormancy_days: int) -> tuple[int, int]:
    """How many such cards there are, and what is on them in minor units. Raises `Unavailable`.

    Goes over all that are so old: a second or two for a million.
    """
    until = await source.now() - timedelta(days=dormancy_days)
    return await source.reader.listing(lambda connection: _sum(connection, program.id, until), in_order=False)


async def escheatment(
    source: Source, program: Program, *, dormancy_days: int, jurisdiction: str | None = None, limit: int, start: int = 0
) -> Escheatment:
    """Cards without activity for so many days, oldest cards first. Raises `Unavailable`."""
    now = await source.now()
    until = now - timedelta(days=dormancy_days)

    async def work(connection: Connection) -> tuple[list[Dormant], int, int]:
        return await _part(connection, program.id, until, limit, start), *await _sum(connection, program.id, until)

    cards, count, minor = await source.reader.listing(work, in_order=False)
    return Escheatment(now, jurisdiction or jurisdiction_of(program), cards, count, minor)


def jurisdiction_of(program: Program) -> str:
    """The place whose law holds for its cards, as far as somebody said."""
    return str(program.profile.get("country") or UNKNOWN)


async def _part(connection: Connection, program_id: str, until: datetime, limit: int, start: int) -> list[Dormant]:
    rows = await connection.fetch(_PAGE, program_id, until, limit, start)
    return [Dormant(Card(*row[:CARD_WIDTH]), row[CARD_WIDTH]) for row in map(tuple, rows)]


async def _sum(connection: Connection, program_id: str, until: datetime) -> tuple[int, int]:
    total = await connection.fetchrow(_TOTAL, program_id, until)
    assert total is not None, "an aggregate has a row"
    return total["cards"], total["minor"]
