"""What the whole server holds, for network administrators: merchants, cards, volume; null for what Kado does not know.

Amounts of several currencies are never added up: volumes are those of the currency that most cards have, and the others
are named.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from kado import clock
from kado.cards.card import CardStatus
from kado.cards.turnover.figures import BEGINNING, Book, read_totals
from kado.money import Currency, currency
from kado.programs.find import list_all
from kado.reports.measures import Measure, figure, new_cards
from kado.reports.overview import change, percent
from kado.reports.source import Source
from kado.reports.states import Counted
from kado.storage.database import Connection

MONTHS: Final = 12
_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class Share:
    """What one merchant has: its cards, and the volume in the programs that it owns, in minor units."""

    merchant_id: str
    merchant_name: str
    cards: int
    volume: int


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month in UTC. `label` is `YYYY-MM`."""

    label: str
    new_cards: int
    activated: int
    sold: int


@dataclass(frozen=True, slots=True)
class Network:
    """Volume is what was sold and redeemed, in minor units of `currency`. Growth compares 30 days with those before."""

    currency: Currency
    other_currencies: list[str]
    merchants: int
    cards: int
    active_cards: int
    volume: int
    transactions: int
    shares: list[Share]
    months: list[Month]
    growth: Mapping[str, str | None]
    expired: int
    sold: int
    success_rate: str | None
    open_fraud_alerts: int


@dataclass(frozen=True, slots=True)
class _Part:
    """One program."""

    merchant_id: str
    currency: Currency
    books: list[Book]
    counted: Counted


_HEALTH: Final = """
    SELECT (SELECT count(*) FROM fraud_alert WHERE program_id = $1 AND status = 'open' AND NOT is_test) AS alerts,
           coalesce(sum(requests), 0)::bigint AS requests, coalesce(sum(errors), 0)::bigint AS errors
    FROM request_hour WHERE program_id = $1 AND hour >= $2"""


async def network(source: Source) -> Network:
    """All merchants and programs of this server. Raises `Unavailable`."""
    now = await source.now()
    months = _months(now)
    moments = [now, now - timedelta(days=_DAYS), now - timedelta(days=2 * _DAYS), BEGINNING, *months]
    parts, health = [], [0, 0, 0]
    for program in await list_all(source.database):
        books = await read_totals(source.reader, program.id, moments)
        counted = await source.states.of(program.id)
        parts.append(_Part(program.merchant_id, program.currency, books, counted))
        seen = await _health(source, program.id, moments[1])
        health = [a + b for a, b in zip(health, seen, strict=True)]
    merchants = await _merchants(source)
    return _put_together(parts, merchants, months, health, moments)


async def _health(source: Source, program_id: str, since: datetime) -> tuple[int, int, int]:
    async def work(connection: Connection) -> tuple[int, int, int]:
        row = await connection.fetchrow(_HEALTH, program_id, since)
        assert row is not None, "aggregates have a row"
        return row["alerts"], row["requests"], row["errors"]

    return await source.reader.looking(work)


async def _merchants(source: Source) -> list[tuple[str, str, datetime]]:
    async def work(connection: Connection) -> list[tuple[str, str, datetime]]:
        return [tuple(row) for row in await connection.fetch("SELECT id, name, created_at FROM merchant ORDER BY id")]

    return await source.reader.looking(work)


def _put_together(
    parts: list[_Part],
    merchants: list[tuple[str, str, datetime]],
    months: list[datetime],
    health: list[int],
    moments: list[datetime],
) -> Network:
    unit, others = _main_currency(parts)
    same = [part for part in parts if part.currency == unit]
    now, one_ago, two_ago = 0, 1, 2
    return Network(
        currency=unit,
        other_currencies=others,
        merchants=len(merchants),
        cards=sum(part.counted.total for part in parts),
        active_cards=sum(part.counted.of(CardStatus.ACTIVE).count for part in parts),
        volume=sum(_volume(part.books[now]) for part in same),
        transactions=sum(_transactions(part.books[now]) for part in parts),
        shares=[
            Share(
                merchant_id,
                name,
                sum(part.counted.total for part in parts if part.merchant_id == merchant_id),
                sum(_volume(part.books[now]) for part in same if part.merchant_id == merchant_id),
            )
            for merchant_id, name, _ in merchants
        ],
        months=[_month(parts, same, months, at) for at in range(MONTHS)],
        growth={
            "sales": _growth([[_sold(part.books[at]) for part in same] for at in (now, one_ago, two_ago)]),
            "merchant": _growth(
                [[1 for merchant in merchants if merchant[2] <= moment] for moment in moments[: two_ago + 1]]
            ),
            "card": _growth([[new_cards(part.books[at]) for part in parts] for at in (now, one_ago, two_ago)]),
            "tx": _growth([[_transactions(part.books[at]) for part in parts] for at in (now, one_ago, two_ago)]),
        },
        expired=sum(part.counted.of(CardStatus.EXPIRED).minor for part in same)
        + sum(figure(part.books[now], Measure.FORFEITED).minor for part in same),
        sold=sum(_sold(part.books[now]) for part in same),
        success_rate=percent(health[1] - health[2], health[1]),
        open_fraud_alerts=health[0],
    )


def _main_currency(parts: list[_Part]) -> tuple[Currency, list[str]]:
    cards: dict[str, int] = {}
    for part in parts:
        cards[part.currency.code] = cards.get(part.currency.code, 0) + part.counted.total
    if not cards:
        return currency("USD"), []
    main = min(cards, key=lambda code: (-cards[code], code))
    return currency(main), sorted(cards.keys() - {main})


def _month(parts: list[_Part], same: list[_Part], months: list[datetime], at: int) -> Month:
    first = 4 + at  # in the order of the moments
    between = [part.books[first + 1] - part.books[first] for part in parts]
    return Month(
        months[at].strftime("%Y-%m"),
        sum(new_cards(book) for book in between),
        sum(figure(book, Measure.ACTIVATED).count for book in between),
        sum(_sold(part.books[first + 1] - part.books[first]) for part in same),
    )


def _months(now: datetime) -> list[datetime]:
    """The beginnings of this month and those before it, oldest first, and that of the next one."""
    this = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return [clock.add_months(this, at) for at in range(1 - MONTHS, 2)]


def _sold(book: Book) -> int:
    return figure(book, Measure.SOLD).minor


def _volume(book: Book) -> int:
    return _sold(book) + figure(book, Measure.REDEEMED).minor


def _transactions(book: Book) -> int:
    """Entries that moved money."""
    return sum(figure(book, one).count for one in (Measure.SOLD, Measure.REDEEMED, Measure.REFUNDED))


def _growth(totals: list[list[int]]) -> str | None:
    """From what there was in all now, then, and before: how the last days compare with as many before them."""
    now, then, before = (sum(one) for one in totals)
    return change(now - then, then - before)
