"""Clients that do all that can be done with cards, by chance, on the same cards as everybody else.

Every wish has a key and is sent until it is settled; now and then a settled one is sent once more, and must get the
same bytes. What was acknowledged is added up, to be compared with the ledger.
"""

import asyncio
import random
import secrets
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import uvloop
from drills.wire import Reply, Wire

SETTLED: Final = (200, 201, 202, 400, 404, 409, 422, 429)
_OFTEN: Final = {
    "redeem": 40, "look": 12, "reload": 7, "check": 7, "refund": 6, "hold": 6, "capture": 5, "wrong_guess": 4,
    "transfer": 4, "list": 3, "entries": 3, "search": 2, "issue": 2, "page": 2, "release": 1, "reverse": 1,
    "suspend": 0.6, "unsuspend": 1.5, "consolidate": 0.5, "replace": 0.4, "void": 0.3, "bulk": 0.05,
}  # fmt: skip
"""How often each is done, of a hundred; where one has nothing to work on, it does what comes before it."""

_REMEMBERED: Final = 20
_FEWEST_CARDS: Final = 150
_HOT: Final = 4


@dataclass
class Known:
    """What the clients of a process know of one card."""

    id: str
    number: str
    page: str
    code: str | None = None
    sales: list[str] = field(default_factory=list)
    holds: list[str] = field(default_factory=list)
    references: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Job:
    """What one process of clients is told."""

    port: int
    token: str
    merchant_id: str
    program_id: str
    email: str
    cards: list[tuple[str, str, str, str]]
    """Id, number, address of the page, code."""
    till_headers: list[str]
    """Header lines of tills that are signed in through their platform; some of the clients work there."""
    clients: int
    seconds: float
    seed: str


@dataclass
class Tally:
    """What was done, and what came of it."""

    done: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    cents: Counter[str] = field(default_factory=Counter)
    """Type of entry → what was acknowledged, signed as the entry is."""
    granted: Counter[str] = field(default_factory=Counter)
    """Last word of the address → how many changes were granted there."""
    repeated: int = 0
    differing: list[str] = field(default_factory=list)
    """Answers to a repetition that were not the first answer."""
    failures: list[str] = field(default_factory=list)
    redeem_seconds: list[float] = field(default_factory=list)
    longest: float = 0.0
    processor_share: float = 0.0


def work(job: Job) -> Tally:
    """Run the clients in this process until their time is over."""
    return uvloop.run(_work(job))


async def _work(job: Job) -> Tally:
    cards = [Known(*card) for card in job.cards]
    tally = Tally()
    until, began, used = time.monotonic() + job.seconds, time.monotonic(), time.process_time()
    clients = [Client(job, cards, tally, random.Random(f"{job.seed}-{at}"), at) for at in range(job.clients)]
    await asyncio.gather(*(client.work(until) for client in clients))
    tally.processor_share = (time.process_time() - used) / (time.monotonic() - began)
    return tally


def cents(amount: str) -> int:
    """An amount of an answer, which always has two decimals here."""
    return int(amount.replace(".", ""))


class Client:
    """One of them."""

    def __init__(self, job: Job, cards: list[Known], tally: Tally, chance: random.Random, at: int) -> None:
        self._job = job
        self._cards = cards
        self._tally = tally
        self._chance = chance
        # Every third works at a till that is signed in through its platform.
        self._headers = job.till_headers[at % len(job.till_headers)] if at % 3 == 0 and job.till_headers else ""
        self._wire = Wire(job.port, job.token)
        self._anonymous = Wire(job.port)
        self._base = f"/v2/giftcards/programs/{job.program_id}"

    async def work(self, until: float) -> None:
        names, weights = list(_OFTEN), list(_OFTEN.values())
        while time.monotonic() < until:
            name = "issue" if len(self._cards) < _FEWEST_CARDS else self._chance.choices(names, weights)[0]
            try:
                await getattr(self, f"_{name}")(self._card())
            except (KeyError, ValueError, TypeError) as error:
                self._tally.failures.append(f"{name}: {type(error).__name__}: {error}")
            self._tally.done[name] += 1
        self._wire.close()
        self._anonymous.close()

    # ── asking ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _ask(self, path: str, body: dict[str, Any], wire: Wire | None = None) -> Reply:
        """Send until it is settled; perhaps once more."""
        key = secrets.token_hex(12)
        while True:
            reply = self._note(await (wire or self._wire).post(self._base + path, body, key, self._headers))
            if reply.outcome in SETTLED:
                break
            await asyncio.sleep(self._chance.uniform(0.05, 0.5))
        if reply.outcome not in (200, 201, 202):
            return reply
        self._tally.granted[path.rpartition("/")[2]] += 1
        if self._chance.random() < 0.03:
            again = self._note(await self._wire.post(self._base + path, body, key, self._headers))
            if again.outcome in SETTLED:
                self._tally.repeated += 1
                if (again.outcome, again.body, again.header("Idempotent-Replayed")) != (
                    reply.outcome,
                    reply.body,
                    "true",
                ):
                    self._tally.differing.append(f"{path}: {reply.body!r} then {again.outcome} {again.body!r}")
        return reply

    def _note(self, reply: Reply) -> Reply:
        self._tally.outcomes[str(reply.outcome)] += 1
        self._tally.longest = max(self._tally.longest, reply.seconds)
        if reply.outcome not in SETTLED and reply.outcome != 503 and len(self._tally.failures) < 100:
            self._tally.failures.append(f"{reply.outcome}: {reply.body[:300]!r}")
        return reply

    async def _get(self, path: str) -> Reply:
        return self._note(await self._wire.send("GET", path, headers=self._headers))

    def _card(self) -> Known:
        """The first cards are hot: everybody wants them."""
        if self._chance.random() < 0.3:
            return self._cards[self._chance.randrange(_HOT)]
        return self._chance.choice(self._cards)

    def _amount(self, most: int = 900) -> str:
        return f"{self._chance.randint(1, most) / 100:.2f}"

    # ── money ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _redeem(self, card: Known) -> None:
        body = {"amount": self._amount()}
        if self._chance.random() < 0.1:
            body["posTransactionId"] = secrets.token_hex(6)
        reply = await self._ask(f"/cards/{card.id}/redeem", body)
        self._tally.redeem_seconds.append(reply.seconds)
        if reply.outcome == 200:
            told = reply.json()
            self._tally.cents["REDEMPTION"] -= cents(told["amountRedeemed"])
            card.sales = [*card.sales[-_REMEMBERED:], told["transactionId"]]
            if "posTransactionId" in body:
                card.references = [*card.references[-_REMEMBERED:], body["posTransactionId"]]
        elif b'"voided"' in reply.body:  # by a client of another process
            self._remove(card)

    async def _reload(self, card: Known) -> None:
        amount = self._amount(3_000)
        by_number = self._chance.random() < 0.3
        body = {"amount": amount} | ({"cardNumber": card.number} if by_number else {})
        reply = await self._ask("/cards/reload-by-number" if by_number else f"/cards/{card.id}/reload", body)
        if reply.outcome == 200:
            self._tally.cents["RELOAD"] += cents(amount)

    async def _refund(self, card: Known) -> None:
        if not card.sales:
            return await self._redeem(card)
        sale = card.sales.pop(self._chance.randrange(len(card.sales)))
        body = {} if self._chance.random() < 0.5 else {"amount": self._amount(300)}
        reply = await self._ask(f"/cards/{card.id}/transactions/{sale}/refund", body)
        if reply.outcome == 200:
            self._tally.cents["REFUND"] += cents(reply.json()["refundedAmount"])
        return None

    async def _reverse(self, card: Known) -> None:
        if not card.references:
            return await self._redeem(card)
        reference = card.references.pop()
        reply = await self._ask("/reversals", {"cardId": card.id, "posTransactionId": reference})
        if reply.outcome == 200:
            self._tally.cents["REFUND"] += sum(cents(one["amount"]) for one in reply.json()["reversed"])
        return None

    async def _hold(self, card: Known) -> None:
        reply = await self._ask(f"/cards/{card.id}/holds", {"amount": self._amount(), "orderReference": "order"})
        if reply.outcome == 201:
            card.holds.append(reply.json()["id"])

    async def _capture(self, card: Known) -> None:
        if not card.holds:
            return await self._hold(card)
        hold = card.holds.pop()
        reply = await self._ask(f"/cards/{card.id}/holds/{hold}/capture", {})
        if reply.outcome == 200:
            told = reply.json()
            self._tally.cents["REDEMPTION"] -= cents(told["amountRedeemed"])
            card.sales = [*card.sales[-_REMEMBERED:], told["transactionId"]]
        return None

    async def _release(self, card: Known) -> None:
        if card.holds:
            await self._ask(f"/cards/{card.id}/holds/{card.holds.pop()}/release", {})
        else:
            await self._hold(card)

    async def _transfer(self, card: Known) -> None:
        other = self._card()
        if card.code is None or other is card:
            return await self._redeem(card)
        body = {"securityCode": card.code, "destinationCardNumber": other.number, "amount": self._amount()}
        reply = await self._ask(f"/cards/{card.id}/transfer", body)
        if reply.outcome == 200:
            self._tally.cents["TRANSFER_OUT"] -= cents(reply.json()["amountTransferred"])
        return None

    # ── cards that come and go ─────────────────────────────────────────────────────────────────────────────────────

    async def _issue(self, _: Known) -> None:
        value = f"{self._chance.randint(20, 200)}.00"
        body = {"initialValue": value, "merchantId": self._job.merchant_id, "customerEmail": self._job.email}
        issued = await self._ask("/cards", body)
        if issued.outcome != 201:
            return
        card = issued.json()
        active = await self._ask(f"/cards/{card['id']}/activate", {})
        if active.outcome == 200:
            self._tally.cents["ACTIVATION"] += cents(value)
            self._add(active.json())

    def _add(self, card: dict[str, Any]) -> None:
        self._cards.append(Known(card["id"], card["cardNumber"], "/" + card["card"]["url"].split("/", 3)[3]))

    def _remove(self, card: Known) -> None:
        if card in self._cards:
            self._cards.remove(card)

    def _cold(self, count: int = 1) -> list[Known]:
        """Cards that may come to their end: hot ones live on."""
        return self._chance.sample(self._cards[_HOT:], count)

    async def _bulk(self, _: Known) -> None:
        await self._ask("/cards/bulk", {"initialValue": "20.00", "count": 20})

    async def _void(self, _: Known) -> None:
        (card,) = self._cold()
        if (await self._ask(f"/cards/{card.id}/void", {"reason": "returned"})).outcome == 200:
            self._remove(card)

    async def _replace(self, _: Known) -> None:
        (card,) = self._cold()
        reply = await self._ask(f"/cards/{card.id}/replace", {"reason": "lost"})
        if reply.outcome == 201:
            told = reply.json()
            self._tally.cents["TRANSFER_OUT"] -= cents(told["transferredAmount"])
            self._remove(card)
            self._add(told["newCard"])

    async def _consolidate(self, _: Known) -> None:
        cards = self._cold(3)
        numbers = [card.number for card in cards]
        reply = await self._ask("/consolidate", {"cardNumbers": numbers, "merchantId": self._job.merchant_id})
        if reply.outcome == 200:
            for card in cards:
                self._remove(card)
            self._add(reply.json()["newCard"])

    async def _suspend(self, card: Known) -> None:
        await self._ask(f"/cards/{card.id}/suspend", {"reason": "lost"})

    async def _unsuspend(self, card: Known) -> None:
        await self._ask(f"/cards/{card.id}/unsuspend", {})

    # ── looking ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _look(self, card: Known) -> None:
        await self._get(f"{self._base}/cards/{card.id}")

    async def _entries(self, card: Known) -> None:
        await self._get(f"{self._base}/cards/{card.id}/transactions?limit=20")

    async def _list(self, _: Known) -> None:
        await self._get(f"{self._base}/cards?limit=20&status={self._chance.choice(('active', 'voided', 'depleted'))}")

    async def _search(self, card: Known) -> None:
        await self._get(f"{self._base}/search?limit=20&q={self._chance.choice((card.number, card.number[-4:]))}")

    async def _page(self, card: Known) -> None:
        self._note(await self._anonymous.get(card.page))

    async def _check(self, card: Known) -> None:
        if card.code is None:
            return await self._look(card)
        body = {"cardNumber": card.number, "securityCode": card.code}
        self._note(await self._anonymous.post(f"{self._base}/balance-check", body))
        return None

    async def _wrong_guess(self, _: Known) -> None:
        """From anywhere, at any number."""
        address = f"127.{self._chance.randint(1, 250)}.{self._chance.randrange(250)}.{self._chance.randint(2, 250)}"
        body = {"cardNumber": f"4{self._chance.randrange(10**15):015}", "securityCode": "000000"}
        async with Wire(self._job.port, address=address) as wire:
            self._note(await wire.post(f"{self._base}/balance-check", body))
