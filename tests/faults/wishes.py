"""One wish of each kind that moves money, each on cards of its own, so that all of them fit into one list."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx2
from tests.serving.till import REPLAYED, Till


@dataclass
class Wish:
    """A request under a key, and how many entries it writes."""

    name: str
    path: str
    body: dict[str, Any]
    cards: tuple[str, ...]
    entries: int = 1
    key: str = field(default_factory=lambda: secrets.token_hex(12))

    async def send(self, till: Till) -> httpx2.Response:
        return await till.post(self.path, self.body, self.key)


CodeOf = Callable[[str, str], Awaitable[str]]
"""The security code of a card (program id, card id)."""


async def a_redeem(till: Till, code_of: CodeOf | None = None) -> list[Wish]:
    """The smallest list."""
    card = (await till.card("20.00"))["id"]
    return [Wish("redeem", till.cards_path(card, "redeem"), {"amount": "1.25"}, (card,))]


async def one_of_each(till: Till, code_of: CodeOf | None = None) -> list[Wish]:
    """Everything that moves money, and two sales on one card; a transfer where somebody knows the card's code."""
    cards = await asyncio.gather(*(till.card("20.00", customerEmail="ada@example.com") for _ in range(9)))
    redeemed, reloaded, sold, held, taken, left, right, replaced, voided = cards
    pending = (await till.issue("20.00")).json()["id"]
    sale = (await till.redeem(sold["id"], "4.00")).json()["transactionId"]
    made = await till.post(till.cards_path(held["id"], "holds"), {"amount": "5.00", "orderReference": "order-1"})
    hold = made.json()["id"]

    def wish(name: str, card: dict[str, Any], action: str, body: dict[str, Any], entries: int = 1) -> Wish:
        return Wish(name, till.cards_path(card["id"], action), body, (card["id"],), entries)

    consolidated = {"cardNumbers": [left["cardNumber"], right["cardNumber"]], "merchantId": till.merchant_id}
    wishes = [] if code_of is None else [await a_transfer(till, code_of)]
    return [
        *wishes,
        wish("redeem", redeemed, "redeem", {"amount": "1.25"}),
        wish("redeem again", redeemed, "redeem", {"amount": "0.75"}),
        wish("reload", reloaded, "reload", {"amount": "7.00"}),
        wish("refund", sold, f"transactions/{sale}/refund", {"amount": "3.00"}),
        wish("capture", held, f"holds/{hold}/capture", {"amount": "5.00"}),
        wish("hold", taken, "holds", {"amount": "2.00", "orderReference": "order-2"}, 0),
        wish("replace", replaced, "replace", {"reason": "lost"}, 2),
        wish("void", voided, "void", {"reason": "returned"}),
        Wish("activate", till.cards_path(pending, "activate"), {}, (pending,)),
        Wish(
            "consolidate",
            f"/v2/giftcards/programs/{till.program}/consolidate",
            consolidated,
            (left["id"], right["id"]),
            3,
        ),
        Wish("issue", till.cards_path(), {"initialValue": "9.00", "merchantId": till.merchant_id}, ()),
    ]


async def a_transfer(till: Till, code_of: CodeOf) -> Wish:
    """Money from one card to another: both change, or neither does."""
    source, destination = [await till.card("20.00") for _ in range(2)]
    code = await code_of(till.program, source["id"])
    body = {"securityCode": code, "destinationCardNumber": destination["cardNumber"], "amount": "3.00"}
    path = till.cards_path(source["id"], "transfer")
    return Wish("transfer", path, body, (source["id"], destination["id"]), 2)


async def count(database_url: str, program: str) -> int:
    """How many entries the program has."""
    connection = await asyncpg.connect(database_url)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM card_transaction WHERE program_id = $1", program))
    finally:
        await connection.close()


async def are_settled(till: Till, wishes: Sequence[Wish], *, done: bool) -> None:
    """Each key has one answer, however often it is sent; the first time now it is a replay if it was `done` before."""
    for replayed in (done, True):
        answers = await asyncio.gather(*(wish.send(till) for wish in wishes))
        for wish, answer in zip(wishes, answers, strict=True):
            assert answer.is_success, f"{wish.name}: {answer.status_code} {answer.text}"
            assert (answer.headers.get(REPLAYED) == "true") is replayed, wish.name
        bodies = [answer.content for answer in answers]
        if replayed:
            again = await asyncio.gather(*(wish.send(till) for wish in wishes))
            assert [answer.content for answer in again] == bodies
