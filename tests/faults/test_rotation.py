"""The secret key is changed while tills sell: servers are exchanged one by one, everything is moved, and the old secret
goes. The command that moves is killed in the middle three times. No sale fails, none is lost, none counts twice."""

import asyncio
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import asyncpg
import httpx2
import pytest
from tests.serving.server import Server
from tests.serving.till import REPLAYED, Till

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")

OLD, NEW = secrets.token_hex(32), secrets.token_hex(32)
MADE = 12
"""Bulk issues of fifty cards."""

SELLERS = 3


@dataclass
class Place:
    """One database, the servers that work on it now, and what the tills were told."""

    database_url: str
    stack: ExitStack
    servers: list[Server] = field(default_factory=list)
    tills: dict[str, Till] = field(default_factory=dict)
    busy: dict[str, int] = field(default_factory=dict)
    merchant_id: str = ""
    key: str = ""
    program: str = ""
    sold: dict[str, int] = field(default_factory=dict)
    """Cents by card."""
    answers: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """By card and idempotency key."""

    def start(self, *values: str) -> Server:
        server = Server(database_url=self.database_url, settings={"KADO_SECRET_KEY": ",".join(values)})
        self.stack.callback(server.remove)
        server.start()
        if not self.key:
            self.merchant_id = server.merchant("Flower Shop")
            self.key = server.key("Flower Shop")
        till = Till(server, self.key, self.merchant_id)
        till.program = self.program
        self.tills[server.base_url], self.busy[server.base_url] = till, 0
        self.servers.append(server)
        return server

    async def stop(self, server: Server) -> None:
        """As behind a proxy: nobody is sent there any more, what is under way is answered, then it is told to end."""
        self.servers.remove(server)
        while self.busy[server.base_url]:
            await asyncio.sleep(0.005)
        await self.tills.pop(server.base_url).http.aclose()
        await asyncio.to_thread(server.stop)

    async def redeem(self, card: str, cents: int, key: str, at: int) -> httpx2.Response:
        server = self.servers[at % len(self.servers)]
        self.busy[server.base_url] += 1
        try:
            return await self.tills[server.base_url].redeem(card, f"0.{cents:02}", key)
        finally:
            self.busy[server.base_url] -= 1

    async def sell(self, cards: list[str], stop: asyncio.Event, seller: int) -> None:
        """Sell, and now and then send again what was sold long before."""
        at = seller
        while not stop.is_set():
            card, key = cards[at % len(cards)], f"sale-{at}"
            answer = await self.redeem(card, 1, key, at)
            assert answer.status_code == 200, answer.text
            self.sold[card] = self.sold.get(card, 0) + 1
            self.answers[card, key] = answer.content
            if at % 3 == 0:
                (card, key), said = secrets.choice(list(self.answers.items()))
                again = await self.redeem(card, 1, key, at + 1)
                assert (again.status_code, again.headers.get(REPLAYED), again.content) == (200, "true", said)
            at += SELLERS
            await asyncio.sleep(0.02)  # the machine is for what is tested

    @asynccontextmanager
    async def selling(self, cards: list[str]) -> AsyncIterator[None]:
        stop = asyncio.Event()
        sellers = [asyncio.create_task(self.sell(cards, stop, seller)) for seller in range(SELLERS)]
        yield
        stop.set()
        await asyncio.gather(*sellers)


@pytest.fixture
def place(database_url: str) -> Iterator[Place]:
    with ExitStack() as stack:
        yield Place(database_url, stack)


async def issue(place: Place, till: Till) -> dict[str, tuple[str, str]]:
    """Number and code by card, of cards with a printed code."""
    found: dict[str, tuple[str, str]] = {}
    for _ in range(MADE):
        made = await till.bulk(count=50, isPhysical=True)
        assert made.status_code in (200, 201), made.text
        file = await till.http.get(urlsplit(made.json()["csvDownloadUrl"]).path)
        rows = [line.split(",") for line in file.text.splitlines()[1:]]
        found |= {card: (number, code) for number, code, _, card, *_ in rows}
    assert len(found) == MADE * 50
    return found


async def killed_in_the_middle(place: Place, server: Server, card: str, done: int) -> None:
    """Start the command, hold it up at this card, kill it there, and see that so many cards are moved."""
    async with asyncpg.create_pool(place.database_url, min_size=2, max_size=2) as pool:
        async with pool.acquire() as holder, holder.transaction():
            await holder.execute("SELECT FROM card WHERE id = $1 FOR UPDATE", card)
            command = [sys.executable, "-m", "kado", "keys", "rotate"]
            process = subprocess.Popen(command, env=server.environment, stdout=subprocess.DEVNULL)
            own = await holder.fetchval("SELECT pg_backend_pid()")
            waiting = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE $1 = ANY(pg_blocking_pids(pid)))"
            while not await pool.fetchval(waiting, own):
                assert process.poll() is None, "it was not held up"
                await asyncio.sleep(0.01)
            process.kill()
            process.wait()
        moved = "SELECT count(*) FROM card WHERE key_version = (SELECT key_version FROM card ORDER BY id LIMIT 1)"
        assert await pool.fetchval(moved) == done


async def test_the_secret_key_is_changed_while_tills_sell(place: Place) -> None:
    first = await asyncio.to_thread(place.start, OLD)
    till = place.tills[first.base_url]
    place.program = await till.open_program()
    printed = await issue(place, till)
    by_id = sorted(printed)
    cards = by_id[:3] + by_id[-3:]
    for card in cards:
        assert (await till.activate(card)).status_code == 200
    async with place.selling(cards):
        second = await asyncio.to_thread(place.start, OLD, NEW)
        await place.stop(first)
        third = await asyncio.to_thread(place.start, NEW, OLD)
        refused = await asyncio.to_thread(third.command, "keys", "rotate")
        assert (refused.code, "does not write under" in refused.err) == (1, True), refused.err
        await place.stop(second)
        fourth = await asyncio.to_thread(place.start, NEW, OLD)
        for batch in (1, 3, 4):
            await killed_in_the_middle(place, third, by_id[batch * 100 + 50], batch * 100)
        done = (await asyncio.to_thread(third.command, "keys", "rotate", "--json")).json
        assert done["left"] == 0
        assert {one["how"] for one in done["needs"]} == {"codes", "wait"}
        await asyncio.sleep(0.2)
    assert len(place.answers) > 100
    till = place.tills[fourth.base_url]
    for card in (*by_id[::60], *cards):
        assert (await till.check(*printed[card])).status_code == 200
    for (card, key), said in list(place.answers.items())[::5]:
        assert (await till.redeem(card, "0.01", key)).content == said

    # What still needs the old secret is given up, and the old secret with it.
    gone = await asyncio.to_thread(fourth.command, "secret", "renew-codes", "--void")
    assert gone.code == 0, gone.err
    assert gone.out.startswith(f"{MADE * 50:,} codes are void.")
    for server in (third, fourth):
        await place.stop(server)
    last = await asyncio.to_thread(place.start, NEW)
    till = place.tills[last.base_url]
    for card in cards:
        body = {"cardNumber": printed[card][0], "amount": "1.00"}
        assert (await till.post(till.cards_path("reload-by-number"), body)).status_code == 200
        details = await till.details(card)
        assert details["balance"] == f"{(2000 + 100 - place.sold[card]) / 100:.2f}"
        assert details["cardNumber"] == printed[card][0]
    assert (await till.check(*printed[cards[0]])).status_code == 404
    assert (await till.issue("1.00")).status_code == 201
    await asyncio.to_thread(last.books_are_right)
    await place.stop(last)
    for server in (first, second, third, fourth, last):
        assert " 500 " not in server.said()
        assert '"level": "error"' not in server.said()
