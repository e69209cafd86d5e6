"""The figures of a program with few cards, counted from their rows as they are now.

What a page shows must cost no more for a million cards than for a thousand. So whoever has more than a few gets none of
these: their figures are kept by sums.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from kado.cards.card import Card
from kado.cards.find import Found
from kado.cards.store import CARD_COLUMNS, CARD_WIDTH
from kado.storage.copies import Reader
from kado.storage.database import Connection

FEW: Final = 2000
"""So many cards are read in some ten milliseconds."""
DAYS: Final = 30
SOON: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Day:
    """What was sold and spent on a day of the program, in minor units; what was given back counts as not spent."""

    on: date
    sold: int
    spent: int


@dataclass(frozen=True, slots=True)
class Few:
    """What is owed now, in minor units, and the last thirty days, oldest first; of live cards."""

    owed: int
    days: list[Day]


async def figures_of_few(reader: Reader, program_id: str, zone: ZoneInfo) -> Few | None:
    """The figures; None for a program with more than a few cards. Raises `Unavailable`."""

    async def work(connection: Connection) -> Few | None:
        counted = await connection.fetchrow(
            "SELECT count(*) AS cards, coalesce(sum(balance), 0)::bigint AS owed FROM ("
            " SELECT balance FROM card WHERE program_id = $1 AND NOT is_test LIMIT $2) few",
            program_id,
            FEW + 1,
        )
        assert counted is not None, "a count is one row"
        if counted["cards"] > FEW:
            return None
        rows = await connection.fetch(
            """
            SELECT d.at::date AS on,
                   coalesce(sum(t.amount) FILTER (WHERE t.type IN ('ACTIVATION', 'RELOAD')), 0)::bigint AS sold,
                   coalesce(-sum(t.amount) FILTER (WHERE t.type IN ('REDEMPTION', 'REFUND')), 0)::bigint AS spent
            FROM generate_series(date_trunc('day', statement_timestamp() AT TIME ZONE $2) - $3::interval,
                                 date_trunc('day', statement_timestamp() AT TIME ZONE $2), interval '1 day') AS d (at)
            LEFT JOIN (
                SELECT t.type, t.amount, date_trunc('day', t.created_at AT TIME ZONE $2) AS day
                FROM card c JOIN card_transaction t ON t.program_id = c.program_id AND t.card_id = c.id
                WHERE c.program_id = $1 AND t.program_id = $1 AND NOT c.is_test
                  AND t.created_at > statement_timestamp() - $3::interval - interval '2 days') t ON t.day = d.at
            GROUP BY d.at ORDER BY d.at""",
            program_id,
            zone.key,
            timedelta(days=DAYS - 1),
        )
        return Few(counted["owed"], [Day(row["on"], row["sold"], row["spent"]) for row in rows])

    return await reader.listing(work, in_order=False)


async def expiring_soon(reader: Reader, program_id: str, limit: int) -> list[Found]:
    """Live cards with money that ends within thirty days, the next first. Raises `Unavailable`."""

    async def work(connection: Connection) -> list[Found]:
        rows = await connection.fetch(
            f"""
            SELECT {CARD_COLUMNS}, statement_timestamp() FROM (
                SELECT c.* FROM card c
                WHERE c.program_id = $1 AND NOT c.is_test AND c.status NOT IN ('expired', 'voided') AND c.balance > 0
                  AND c.expires_at > statement_timestamp() AND c.expires_at <= statement_timestamp() + $2::interval
                ORDER BY c.expires_at, c.id LIMIT $3) c
            JOIN merchant cm ON cm.id = c.merchant_id ORDER BY c.expires_at, c.id""",
            program_id,
            SOON,
            limit,
        )
        return [Found(Card(*row[:CARD_WIDTH]), row[CARD_WIDTH]) for row in map(tuple, rows)]

    return await reader.listing(work, in_order=True)
