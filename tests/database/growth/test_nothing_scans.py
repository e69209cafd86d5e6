"""What is done all day costs what it is about, and not what there is: no routine reads a large table from end to end.

A program is filled with some ten thousand rows of everything, and PostgreSQL itself is asked afterwards how many rows
it read without an index. The planner then chooses as it does with a million: what it reads whole here, it would read
whole there.
"""

import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import md5
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest
from tests.api.serving import settings_for
from tests.conftest import _on_server, url_of
from tests.database.cards.builders import Shop, open_shop
from tests.serving.working import until

from kado.access.caller import Customer
from kado.app import background
from kado.cards import customer_cards, find
from kado.cards.card import CardStatus
from kado.cards.ledger import Ledger
from kado.cards.lists import Wanted, list_cards
from kado.cards.turnover.behind import WantedEntries, list_behind
from kado.cards.turnover.figures import BEGINNING, Dimension, _statement, read_books
from kado.cards.turnover.kinds import Kind
from kado.crypto import Keyring
from kado.delivery import undelivered as messages
from kado.doors.worker.run import Worker
from kado.fraud import alerts, figures
from kado.reports import expiring
from kado.reports import undelivered as reports
from kado.reports.source import source_of
from kado.storage.database import _IN_ORDER, Database
from kado.trail import read as trail
from kado.trail.wanted import Scope
from kado.trail.wanted import Wanted as WantedRows
from kado.webhooks import history
from kado.webhooks import undelivered as events

MANY: Final = 12_000
FEW: Final = 1_000
"""Rows that may be read without an index: walks that end early, and what was just written."""

CROWD: Final = Path(__file__).with_name("crowded.sql")

RARE: Final = (CardStatus.VOIDED,)
"""Of these the crowd has none."""

EXEMPT: Final = {
    "cards whose money ends soon": "cards are counted, and the count serves for a while where there are many",
    "worker: sweep-attempts": "once an hour, and the table holds what failed within a day",
}
"""What reads a table whole, and why that is no harm."""

Routine = Callable[["Crowd"], Awaitable[object]]


def _id(kind: str, number: int) -> str:
    """As in the script."""
    return md5(f"{kind}{number}".encode()).hexdigest()[:24]


class Crowd:
    """A database that is full, and a shop in it."""

    def __init__(self, database: Database, shop: Shop, keyring: Keyring, worker: Worker) -> None:
        self.database, self.shop, self.keyring, self.worker = database, shop, keyring, worker
        self.program_id, self.merchant_id = shop.program_id, shop.program.merchant_id


def _listed(**wanted: Any) -> Routine:
    async def run(crowd: Crowd) -> object:
        asked = Wanted(is_test=False, limit=25, **wanted)
        return await list_cards(crowd.database, crowd.keyring, [crowd.program_id], asked)

    return run


def _audited(**wanted: Any) -> Routine:
    async def run(crowd: Crowd) -> object:
        scope = Scope(crowd.merchant_id, (crowd.program_id,))
        return await trail.read_page(crowd.database, scope, WantedRows(**wanted), start=0, limit=25)

    return run


def _of_customer(work: Callable[[Database, customer_cards.Scope], Awaitable[object]]) -> Routine:
    async def run(crowd: Crowd) -> object:
        return await work(crowd.database, customer_cards.Scope(PERSON, is_test=False, program_ids=[crowd.program_id]))

    return run


def _figures(*ages: timedelta, dimension: Dimension = "") -> Routine:
    async def run(crowd: Crowd) -> object:
        now = datetime.now(UTC)
        books = await read_books(crowd.database, crowd.program_id, [now - age for age in ages], dimension=dimension)
        assert any(books)
        return books

    return run


def _behind(start: int = 0) -> Routine:
    async def run(crowd: Crowd) -> object:
        now = datetime.now(UTC)
        wanted = WantedEntries(kinds=[Kind.RELOAD], since=BEGINNING, until=now, limit=25, start=start)
        found, book = await list_behind(crowd.database, crowd.program_id, wanted)
        total = book.of(Kind.RELOAD).entries
        assert (len(found), total) == (25, MANY)
        return found

    return run


PERSON: Final = Customer(_id("customer", 2), "someone2@example.com", "+49123455", "Someone 2")

READS: Final[dict[str, Routine]] = {
    "cards": _listed(),
    "cards far behind": _listed(start=500),
    **{f"cards that are {status}": _listed(status=status) for status in CardStatus if status not in RARE},
    "cards with a balance": _listed(has_balance=True),
    "a search for a word": _listed(text="someone"),
    "a search for two words": _listed(text="some one"),
    "a search for a number": _listed(text="4000 1234 5678 9012"),
    "a search for four digits": _listed(text="1234"),
    "a search for nothing": _listed(text="zzzz"),
    "a customer's cards": _listed(customer=PERSON),
    "a customer's totals": _of_customer(customer_cards.totals),
    "a customer's merchants": _of_customer(customer_cards.at_merchants),
    "a card": lambda crowd: find.card_by_id(crowd.database, crowd.program_id, _id("card", 5), is_test=False),
    "a card's entries": lambda crowd: find.entries_of(
        crowd.database, crowd.program_id, _id("card", 5), limit=25, offset=0
    ),
    "entries by reference": lambda crowd: find.entries_by_reference(
        crowd.database, crowd.program_id, "reference_id", "R-5", merchant_id=crowd.merchant_id, is_test=False
    ),
    "entries by the till's number": lambda crowd: find.entries_by_reference(
        crowd.database, crowd.program_id, "pos_transaction_id", "T-5", merchant_id=crowd.merchant_id, is_test=False
    ),
    "the audit log": _audited(),
    "the audit log of a card": _audited(subject_id=_id("card", 5)),
    "the audit log of an action": _audited(actions=("card:issued",)),
    "alerts": lambda crowd: alerts.list_alerts(crowd.database, crowd.program_id, is_test=False, limit=25, offset=0),
    "figures of fraud": lambda crowd: figures.metrics(crowd.database, crowd.program_id, is_test=False),
    "patterns of fraud": lambda crowd: figures.patterns(crowd.database, crowd.program_id, is_test=False),
    "the latest counts": lambda crowd: figures.latest_tallies(
        crowd.database, crowd.program_id, is_test=False, limit=25
    ),
    "messages that are given up": lambda crowd: messages.list_messages(crowd.database, ["failed"], 25),
    "messages of a program": lambda crowd: messages.list_of_program(
        crowd.database, crowd.program_id, ["failed", "queued", "sent"], limit=25, offset=0
    ),
    "a message": lambda crowd: messages.find_message(crowd.database, _id("card", 5)),
    "how many messages wait": lambda crowd: messages.count_messages(crowd.database),
    "events that are given up": lambda crowd: events.list_events(crowd.database, ["failed"], 25),
    "an event": lambda crowd: events.find_event(crowd.database, _id("card", 5)),
    "how many events wait": lambda crowd: events.count_events(crowd.database),
    "deliveries": lambda crowd: history.list_deliveries(
        crowd.database, crowd.merchant_id, _id("webhook", 1), state=None, limit=25, offset=0
    ),
    "figures at one moment": _figures(timedelta(days=14)),
    "figures of many days": _figures(*(timedelta(days=days, minutes=7) for days in range(20))),
    "figures by merchant": _figures(timedelta(days=14), dimension="merchant"),
    "the entries behind a figure": _behind(),
    "the entries far behind a figure": _behind(start=3000),
    "cards whose money ends soon": lambda crowd: expiring.expiring(
        source_of(crowd.database), crowd.shop.program, limit=25
    ),
    "report mails that are given up": lambda crowd: reports.list_reports(crowd.database, ["failed"], 25),
    "how many report mails wait": lambda crowd: reports.count_reports(crowd.database),
    "a redemption": lambda crowd: crowd.shop.redeem(_id("card", 5), 1, key="k-1"),
    "a repetition": lambda crowd: crowd.shop.redeem(_id("card", 5), 1, key="k-1"),
    "a reload with a reference": lambda crowd: crowd.shop.reload(_id("card", 10), 1, reference_id="R-10"),
    "a new card": lambda crowd: crowd.shop.issue(5000, customer_email="x@example.com"),
}
"""What merchants, customers, tills and operators ask for. Those that write leave little behind."""


@pytest.fixture(scope="module")
def crowded_url(server_url: str, template: str) -> Iterator[str]:
    """A database with all of that in it, for the whole file."""
    name = f"kado_{secrets.token_hex(6)}"
    _on_server(server_url, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield url_of(server_url, name)
    _on_server(server_url, f"DROP DATABASE {name} WITH (FORCE)")


SECRET: Final = secrets.token_hex(32)


@asynccontextmanager
async def _opened(url: str, shop: Shop, folder: Path) -> AsyncIterator[Crowd]:
    database = await Database.open(url)
    keyring = Keyring([SECRET])
    theirs = Shop(database, keyring, Ledger(database, keyring), shop.program, shop.caller)
    worker = background.worker(settings_for(folder, KADO_SECRET_KEY=SECRET), database)
    try:
        yield Crowd(database, theirs, keyring, worker)
    finally:
        await theirs.ledger.close()
        await database.close()


async def _fill(url: str) -> Shop:
    database = await Database.open(url)
    shop = await open_shop(database, Keyring([SECRET]))
    await database.close()
    connection: asyncpg.Connection[Any] = await asyncpg.connect(url)
    text = CROWD.read_text().replace("@program", shop.program_id).replace("@merchant", shop.program.merchant_id)
    await connection.execute(text.replace("@many", str(MANY)))
    await connection.execute("VACUUM (ANALYZE)")
    await connection.close()
    return shop


async def _read_whole(url: str, run: Callable[[], Awaitable[object]], column: str = "seq_tup_read") -> dict[str, int]:
    """The tables of which more than a few rows were read, by default without an index, and how many rows."""
    connection = await asyncpg.connect(url)
    try:
        before = await _rows_read(connection, column)
        await run()
        after = await _rows_read(connection, column)
    finally:
        await connection.close()
    return {table: count - before[table] for table, count in after.items() if count - before[table] > FEW}


async def _rows_read(connection: Any, column: str) -> dict[str, int]:
    """Counts are told when a connection ends, so all others are ended first."""
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    await connection.execute(f"SELECT pg_terminate_backend(pid) {others} AND backend_type = 'client backend'")

    async def gone() -> bool:
        return not await connection.fetchval(f"SELECT count(*) {others} AND backend_type = 'client backend'")

    await until(gone)
    rows = await connection.fetch(f"SELECT relname, coalesce({column}, 0) AS count FROM pg_stat_user_tables")
    return {row["relname"]: row["count"] for row in rows}


async def test_no_routine_reads_a_large_table_from_end_to_end(crowded_url: str, tmp_path: Path) -> None:
    shop = await _fill(crowded_url)
    found: dict[str, dict[str, int]] = {}
    for name, routine in READS.items():

        async def one(routine: Routine = routine) -> None:
            async with _opened(crowded_url, shop, tmp_path) as crowd:
                await routine(crowd)

        if read := await _read_whole(crowded_url, one):
            found[name] = read

    # Through an index, too, one can read all that there is.
    async def messages_listed() -> None:
        async with _opened(crowded_url, shop, tmp_path) as crowd:
            await READS["messages of a program"](crowd)

    if read := await _read_whole(crowded_url, messages_listed, "idx_tup_fetch"):
        found["messages of a program, by an index,"] = read
    async with _opened(crowded_url, shop, tmp_path) as crowd:
        names = [one.name for one in crowd.worker._periodic]
    for at, name in enumerate(names):

        async def periodic(at: int = at) -> None:
            async with _opened(crowded_url, shop, tmp_path) as crowd:
                await crowd.worker._periodic[at].run()

        if read := await _read_whole(crowded_url, periodic):
            found[f"worker: {name}"] = read
    assert found.keys() >= EXEMPT.keys(), "an exemption that is not needed any more"
    said = [
        f"{name} read {rows} rows of {table}"
        for name, read in found.items()
        for table, rows in read.items()
        if name not in EXEMPT
    ]
    assert not said, "\n".join(said)


async def test_figures_of_a_month_are_read_by_time_however_many_cards_there_are(crowded_url: str) -> None:
    """The planner does not know that what is not summed up is little, and chose otherwise among 300,000 cards."""
    connection: asyncpg.Connection[Any] = await asyncpg.connect(crowded_url)
    moments = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=at) for at in range(31)]
    try:
        if not await connection.fetchval("SELECT count(*) FROM card_transaction"):
            await _fill(crowded_url)
        program_id = await connection.fetchval("SELECT program_id FROM turnover_progress")
        turn = connection.transaction()
        await turn.start()
        try:
            await connection.execute(
                "UPDATE pg_class SET reltuples = 100 * reltuples WHERE relname IN ('card', 'card_transaction')"
            )
            await connection.execute(_IN_ORDER)
            rows = await connection.fetch(
                "EXPLAIN " + _statement("", one_value=False), program_id, moments[0], moments, ""
            )
        finally:
            await turn.rollback()  # nobody else is told of so many
    finally:
        await connection.close()
    plan = "\n".join(row[0] for row in rows)
    read = re.findall(r"Scan using (\w+) on (card|card_transaction) ", plan)
    assert sorted(read) == [("card_pkey", "card"), ("card_transaction_when", "card_transaction")], plan
