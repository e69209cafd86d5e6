"""A rush at the tills: redeems with idempotency keys, without pause, while something goes wrong; and the reckoning."""

import asyncio
import json
import random
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal

import httpx2
from tests.serving.server import Server
from tests.serving.till import REPLAYED, Till

_SETTLED = (200, 400)


@dataclass
class Attempt:
    """One sending of a request: a status, or the name of what the connection died of."""

    outcome: int | str
    seconds: float
    retry_after: str | None = None


@dataclass
class Sale:
    """One wish to take money, under one key, however often it is sent."""

    card: str
    amount: str
    key: str = field(default_factory=lambda: secrets.token_hex(12))
    attempts: list[Attempt] = field(default_factory=list)
    status: int | None = None
    body: bytes = b""

    @property
    def is_settled(self) -> bool:
        return self.status is not None

    @property
    def was_refused_at_the_door(self) -> bool:
        """Whether nobody listened when it was last sent."""
        return bool(self.attempts) and self.attempts[-1].outcome == "ConnectError"

    async def send(self, till: Till) -> None:
        began = time.monotonic()
        try:
            answer = await till.redeem(self.card, self.amount, self.key)
        except httpx2.TransportError as error:
            self.attempts.append(Attempt(type(error).__name__, time.monotonic() - began))
            return
        self.attempts.append(Attempt(answer.status_code, time.monotonic() - began, answer.headers.get("Retry-After")))
        if answer.status_code not in _SETTLED:
            return
        if self.is_settled:
            assert (answer.status_code, answer.content) == (self.status, self.body), "a key has two answers"
            assert answer.headers.get(REPLAYED) == "true", "an acknowledged sale was made again"
        self.status, self.body = answer.status_code, answer.content


class Rush:
    """Workers that sell until they are told to stop. Every second one repeats what was not answered; the others leave
    it lying, to be settled when all is over, and repeat only what found nobody listening."""

    def __init__(self, till: Till, cards: Sequence[str], workers: int = 16) -> None:
        self.sales: list[Sale] = []
        self.settled_at: list[float] = []
        self.longest_pause = 0.05
        self._till = till
        self.cards = cards
        self._workers = workers
        self._over = asyncio.Event()
        self._changed = asyncio.Condition()

    @classmethod
    def going_on(cls, earlier: "Rush") -> "Rush":
        """The next rush on the same cards; it answers for the sales of the earlier one too."""
        rush = cls(earlier._till, earlier.cards, earlier._workers)
        rush.sales = earlier.sales
        return rush

    @asynccontextmanager
    async def under_way(self) -> AsyncIterator["Rush"]:
        """The rush goes on inside the block."""
        work = [asyncio.create_task(self._sell(is_patient=at % 2 == 0)) for at in range(self._workers)]
        try:
            yield self
        finally:
            self._over.set()
            results = await asyncio.gather(*work, return_exceptions=True)
            errors = [result for result in results if isinstance(result, BaseException)]
        assert not errors, errors

    async def sold(self, more: int, seconds: float = 30) -> None:
        """Return when that many more sales were answered for good."""
        wanted = len(self.settled_at) + more
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: len(self.settled_at) >= wanted)

    def sale(self) -> Sale:
        """One more wish, not sent yet."""
        sale = Sale(random.choice(self.cards), f"{random.randint(1, 60) / 100:.2f}")
        self.sales.append(sale)
        return sale

    async def _sell(self, *, is_patient: bool) -> None:
        while not self._over.is_set():
            sale = self.sale()
            await sale.send(self._till)
            while not sale.is_settled and (is_patient or sale.was_refused_at_the_door) and not self._over.is_set():
                await asyncio.sleep(random.uniform(0, self.longest_pause))
                await sale.send(self._till)
            if not sale.is_settled:
                await asyncio.sleep(random.uniform(0, self.longest_pause))
                continue
            async with self._changed:
                self.settled_at.append(time.monotonic())
                self._changed.notify_all()

    # ── the reckoning ──────────────────────────────────────────────────────────────────────────────────────────────

    def outcomes(self) -> Counter[int | str]:
        return Counter(attempt.outcome for sale in self.sales for attempt in sale.attempts)

    def attempts(self) -> list[Attempt]:
        return [attempt for sale in self.sales for attempt in sale.attempts]

    async def settle(self, till: Till, seconds: float = 30, *, first: int = 0) -> None:
        """Send every key again until it is settled, and once more: all answers to a key must be the same bytes.

        Each key must be settled so many seconds after its turn came. `first` leaves out that many earlier sales, which
        were settled before.
        """
        waiting = asyncio.Semaphore(32)

        async def one(sale: Sale) -> None:
            async with waiting:
                deadline = time.monotonic() + seconds
                while not sale.is_settled:
                    assert time.monotonic() < deadline, sale
                    await sale.send(till)
                await sale.send(till)

        await asyncio.gather(*(one(sale) for sale in self.sales[first:]))

    async def is_booked_exactly_once(self, server: Server, program: str) -> None:
        """The ledger holds the sales that were confirmed, each once, and nothing else."""
        booked, wrong = await self.booked(server, program)
        confirmed = self.confirmed()
        assert len(confirmed) == sum(sale.status == 200 for sale in self.sales), "two sales share an entry"
        assert booked == confirmed
        assert wrong == []

    def confirmed(self) -> dict[str, tuple[str, int]]:
        """What the callers were told: entry → card and cents."""
        return {
            json.loads(sale.body)["transactionId"]: (sale.card, int(Decimal(sale.amount) * 100))
            for sale in self.sales
            if sale.status == 200
        }

    async def booked(self, server: Server, program: str) -> tuple[dict[str, tuple[str, int]], list[str]]:
        """The same as the database has it, and the cards whose balance is not the sum of their entries."""
        connection = await server.superuser()
        try:
            rows = await connection.fetch(
                "SELECT id, card_id, amount FROM card_transaction WHERE program_id = $1 AND type = 'REDEMPTION'"
                " AND card_id = ANY($2::text[])",
                program,
                list(self.cards),
            )
            balances = await connection.fetch(
                "SELECT c.id, c.balance, sum(t.amount)::bigint AS entries FROM card c JOIN card_transaction t"
                " ON t.program_id = c.program_id AND t.card_id = c.id"
                " WHERE c.program_id = $1 AND c.id = ANY($2::text[]) GROUP BY c.id, c.balance",
                program,
                list(self.cards),
            )
        finally:
            await connection.close()
        booked = {row["id"]: (row["card_id"], -row["amount"]) for row in rows}
        return booked, [row["id"] for row in balances if row["balance"] != row["entries"]]
