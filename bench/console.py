"""How long the console's pages take among many cards, beside a thousand: `python bench/console.py`.

Both servers answer in turns, a page at a time, in the same run. For each page it also says how many rows PostgreSQL
read from end to end of a table, and how many it found by an index, on the large database: what grows with the cards is
seen there before it is felt.
"""

import argparse
import asyncio
import http.client
import re
import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from statistics import median
from typing import Final
from urllib.parse import urlencode

import asyncpg

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench import grown  # noqa: E402
from bench.grown import Grown, Size  # noqa: E402

from kado.access import staff  # noqa: E402
from kado.access.permissions import Role  # noqa: E402
from kado.app.measure.scratch import Scratch  # noqa: E402
from kado.cards.turnover.summarise import summarise_all  # noqa: E402
from kado.storage.database import Database  # noqa: E402

PASSWORD: Final = "a password for figures"
_PERSON: Final = """
    SELECT id, customer_name, customer_email FROM card
    WHERE program_id = $1 AND customer_email IS NOT NULL AND customer_name IS NOT NULL ORDER BY id LIMIT 200"""
_TABLES: Final = ["card", "card_transaction", "message", "card_word", "turnover"]


@dataclass(frozen=True, slots=True)
class Console:
    """Somebody's sign-in at one of the servers."""

    server: Scratch
    of: Grown
    cookie: str
    pages: dict[str, Callable[[], tuple[str, bytes | None]]]
    """What is asked for, by its name: an address, and what is sent where it is a form."""

    def ask(self, name: str) -> int:
        """Open the page once more; how many microseconds it took."""
        path, sent = self.pages[name]()
        began = time.perf_counter_ns()
        status = _asked(self.server.port, path, self.cookie, sent)[0]
        took = (time.perf_counter_ns() - began) // 1000
        assert status == 200, (name, path, status)
        return took


def _asked(port: int, path: str, cookie: str, sent: bytes | None = None) -> tuple[int, str, list[str]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Cookie": cookie} if cookie else {}
    if sent is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    connection.request("GET" if sent is None else "POST", path, sent, headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    cookies = [one.partition(";")[0] for one in answer.msg.get_all("set-cookie") or []]
    connection.close()
    return answer.status, text, cookies


def _form(page: str, action: str) -> str:
    """The token of the page's form that is sent to this address."""
    found = re.search(rf'<form[^>]*action="{re.escape(action)}"[^>]*>.*?name="form" value="([^"]*)"', page, re.DOTALL)
    assert found is not None, action
    return unescape(found[1])


def signed_in(server: Scratch, of: Grown) -> Console:
    """An owner of the grown program before the console."""
    email, rows = asyncio.run(_hired(server.database_url(), of))
    _, page, _ = _asked(server.port, "/console/sign-in", "")
    typed = {"form": _form(page, "/console/sign-in"), "email": email, "password": PASSWORD}
    _, _, cookies = _asked(server.port, "/console/sign-in", "", urlencode(typed).encode())
    cookie = cookies[0]
    base = f"/console/{of.program_id}"
    turn = iter(range(10**9))

    def row() -> asyncpg.Record:
        return rows[next(turn) % len(rows)]

    def person() -> tuple[str, bytes]:
        page = _asked(server.port, "/console/people", cookie)[1]
        typed = {"form": _form(page, "/console/people"), "customerEmail": row()["customer_email"]}
        return "/console/people", urlencode(typed).encode()

    pages: dict[str, Callable[[], tuple[str, bytes | None]]] = {
        "overview": lambda: (base, None),
        "cards, newest": lambda: (f"{base}/cards", None),
        "cards by name": lambda: (f"{base}/cards?{urlencode({'q': row()['customer_name']})}", None),
        "cards by one word": lambda: (f"{base}/cards?{urlencode({'q': row()['customer_name'].split()[0]})}", None),
        "cards of a state": lambda: (f"{base}/cards?status=suspended", None),
        "a card": lambda: (f"{base}/cards/{row()['id']}", None),
        "report, 30 days": lambda: (f"{base}/reports", None),
        "report, 12 months": lambda: (f"{base}/reports?period=12m&granularity=monthly", None),
        "entries behind a figure": lambda: (f"{base}/entries?measure=liability", None),
        "ends soon": lambda: (f"{base}/reports/expiring", None),
        "untouched for three years": lambda: (f"{base}/reports/dormant", None),
        "untouched for a day": lambda: (f"{base}/reports/dormant?days=1", None),
        "laundering": lambda: (f"{base}/reports/laundering", None),
        "a customer": person,
        "messages": lambda: (f"{base}/messages", None),
        "messages that failed": lambda: (f"{base}/messages?state=failed", None),
        "audit log": lambda: ("/console/audit", None),
        "books": lambda: (f"{base}/books", None),
        "many cards": lambda: (f"{base}/bulk", None),
        "look": lambda: (f"{base}/look", None),
    }
    return Console(server, of, cookie, pages)


async def _hired(url: str, of: Grown) -> tuple[str, list[asyncpg.Record]]:
    """Somebody who may see everything, and cards to look for. What reports need is summed up."""
    database = await Database.open(url, as_app=False, size=2)
    try:
        email = f"owner{secrets.token_hex(4)}@bench.example"
        await staff.add(database, of.merchant_id, email, PASSWORD, Role.OWNER, None, "operator:bench")
        while await summarise_all(database):
            pass
        async with database.read() as connection:
            rows = list(await connection.fetch(_PERSON, of.program_id))
    finally:
        await database.close()
    return email, rows


async def _messages(url: str, of: Grown, share: int) -> None:
    """A message that left for each `share`th card, where there are none yet."""
    connection = await asyncpg.connect(url)
    try:
        if not await connection.fetchval("SELECT count(*) FROM (SELECT FROM message LIMIT 1) m"):
            await connection.execute(
                "INSERT INTO message (program_id, id, card_id, kind, channel, recipient, state, created_at, sent_at)"
                " SELECT program_id, id, id, 'security_code', 'email', 'x@b.example', 'sent', created_at, created_at"
                " FROM card WHERE program_id = $1 AND abs(hashtext(id)) % $2 = 0",
                of.program_id,
                share,
            )
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


async def _read(url: str) -> tuple[int, int]:
    """Rows that PostgreSQL read so far: from end to end of a table, and found by an index."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SELECT pg_stat_force_next_flush()")
        row = await connection.fetchrow(
            "SELECT coalesce(sum(seq_tup_read), 0)::bigint, coalesce(sum(idx_tup_fetch), 0)::bigint"
            " FROM pg_stat_user_tables WHERE relname = ANY($1)",
            _TABLES,
        )
        assert row is not None, "an aggregate has a row"
        return row[0], row[1]
    finally:
        await connection.close()


def measure(many: Console, few: Console, rounds: int) -> None:
    """Each page in turn at both; medians in milliseconds, their ratio, and what was read for one look at the large."""
    took: dict[str, tuple[list[int], list[int]]] = {name: ([], []) for name in many.pages}
    first: dict[str, int] = {}
    for at in range(rounds + 1):
        for name in many.pages:
            for console, found in zip((few, many), took[name], strict=True):
                one = console.ask(name)
                if at:
                    found.append(one)
                elif console is many:
                    first[name] = one
    reads = {}
    url = many.server.database_url()
    for name in many.pages:
        before = asyncio.run(_read(url))
        many.ask(name)
        time.sleep(1.2)  # what a session has read is told once a second
        after = asyncio.run(_read(url))
        reads[name] = (after[0] - before[0], after[1] - before[1])
    print(f"\n{datetime.now(UTC):%Y-%m-%d}; milliseconds, medians of {rounds} rounds; first: the first look ever\n")
    print("| page | few | many | ratio | p95, many | first, many | rows scanned | rows by index |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, (small, large) in took.items():
        p95 = sorted(large)[len(large) * 95 // 100]
        ratio = median(large) * 100 // max(1, int(median(small)))
        cells = [median(small), median(large), p95, first[name]]
        shown = [f"{int(one) // 1000}.{int(one) // 100 % 10}" for one in cells]
        scanned, fetched = reads[name]
        print(
            f"| {name} | {shown[0]} | {shown[1]} | {int(ratio) // 100}.{int(ratio) % 100:02} | {shown[2]} | {shown[3]}"
            f" | {scanned:,} | {fetched:,} |"
        )


def main() -> None:
    """Make or find both databases, and measure."""
    parser = argparse.ArgumentParser(description="Measure the console's pages among many cards.")
    parser.add_argument("--cards", type=int, default=1_000_000)
    parser.add_argument("--few", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=15)
    wanted = parser.parse_args()
    sizes = (Size(wanted.few, 5 * wanted.few), Size(wanted.cards, 5 * wanted.cards))
    both = [grown.kept(size) for size in sizes]
    servers = [grown.server(one) for one in both]
    try:
        for server, of in zip(servers, both, strict=True):
            server.start()
            asyncio.run(_messages(server.database_url(), of, 2))
        few, many = (signed_in(server, of) for server, of in zip(servers, both, strict=True))
        measure(many, few, wanted.rounds)
    finally:
        for server in servers:
            server.stop()


if __name__ == "__main__":
    main()
