"""What customers see of all their cards at once, in the programs that their merchant can reach. Reads only.

Amounts are minor units of a currency, and amounts of different currencies are never added up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kado.access.caller import Customer
from kado.cards.card import Entry
from kado.cards.find import entry_from_row, mentioning
from kado.cards.ownership import owned, owner
from kado.cards.store import ENTRY_COLUMNS, STATUS_NOW
from kado.money import Currency, currency
from kado.storage.database import Database

_OWN: Final = f"""
    SELECT c.program_id, c.id, c.merchant_id, c.balance, c.expires_at, p.currency, {STATUS_NOW} AS status
    FROM card c JOIN program p ON p.id = c.program_id
    WHERE c.program_id = ANY($1::text[]) AND c.is_test = $2 AND {owned(3)}"""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which cards are looked at: this customer's, live or test ones, in these programs."""

    customer: Customer
    is_test: bool
    program_ids: Sequence[str]

    def values(self) -> tuple[object, ...]:
        """The first five parameters of every statement here."""
        return (list(self.program_ids), self.is_test, *owner(self.customer))


@dataclass(frozen=True, slots=True)
class Totals:
    """The customer's cards of one currency. `spent` is what was redeemed and not refunded."""

    currency: Currency
    cards: int
    active: int
    expiring_soon: int
    spent: int
    balance: int


@dataclass(frozen=True, slots=True)
class AtMerchant:
    """The customer's active cards of one currency that one merchant issued."""

    merchant_id: str
    merchant_name: str
    currency: Currency
    cards: int
    balance: int


async def totals(database: Database, scope: Scope) -> list[Totals]:
    """Counts and sums by currency, the one with the most cards first.

    Expiring soon is what can still be spent or activated and ends within 30 days; the balance is that of active and
    suspended cards.
    """
    async with database.read() as connection:
        rows = await connection.fetch(
            f"""
            WITH own AS ({_OWN}), spent AS (
                SELECT own.currency, -sum(t.amount) AS amount
                FROM own JOIN card_transaction t ON t.program_id = own.program_id AND t.card_id = own.id
                WHERE t.type IN ('REDEMPTION', 'REFUND') GROUP BY own.currency)
            SELECT own.currency, count(*) AS cards, count(*) FILTER (WHERE status = 'active') AS active,
                   count(*) FILTER (WHERE status IN ('pending', 'active', 'suspended')
                                      AND expires_at <= statement_timestamp() + interval '30 days') AS expiring_soon,
                   coalesce(min(spent.amount), 0)::bigint AS spent,
                   coalesce(sum(balance) FILTER (WHERE status IN ('active', 'suspended')), 0)::bigint AS balance
            FROM own LEFT JOIN spent ON spent.currency = own.currency
            GROUP BY own.currency ORDER BY count(*) DESC, own.currency""",
            *scope.values(),
        )
    return [Totals(**(dict(row) | {"currency": currency(row["currency"])})) for row in rows]


async def at_merchants(database: Database, scope: Scope) -> list[AtMerchant]:
    """Where the customer has active cards with money on them, by merchant and currency."""
    async with database.read() as connection:
        rows = await connection.fetch(
            f"""
            WITH own AS ({_OWN})
            SELECT own.merchant_id, m.name AS merchant_name, own.currency, count(*) AS cards,
                   sum(own.balance)::bigint AS balance
            FROM own JOIN merchant m ON m.id = own.merchant_id
            WHERE own.status = 'active'
            GROUP BY own.merchant_id, m.name, own.currency ORDER BY m.name, own.merchant_id, own.currency""",
            *scope.values(),
        )
    return [AtMerchant(**(dict(row) | {"currency": currency(row["currency"])})) for row in rows]


async def entries(
    database: Database, scope: Scope, *, limit: int, offset: int, text: str | None = None
) -> tuple[list[tuple[Entry, Currency]], int]:
    """Entries of all cards with their currencies, newest first, and how many there are; with `text` as `entries_of`."""
    chosen = f"""
        FROM ({_OWN}) AS own
        JOIN card_transaction t ON t.program_id = own.program_id AND t.card_id = own.id
        WHERE {mentioning(6)}"""
    columns = ", ".join(f"t.{column.strip()}" for column in ENTRY_COLUMNS.split(","))
    async with database.read() as connection:
        rows = await connection.fetch(
            f"SELECT {columns}, own.currency {chosen}"
            " ORDER BY t.created_at DESC, t.program_id, t.card_id, t.seq DESC LIMIT $7 OFFSET $8",
            *scope.values(),
            text,
            limit,
            offset,
        )
        total = await connection.fetchval(f"SELECT count(*) {chosen}", *scope.values(), text)
    return [(entry_from_row(tuple(row)[:-1]), currency(row["currency"])) for row in rows], int(total)
