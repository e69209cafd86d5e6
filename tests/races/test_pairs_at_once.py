"""Every pair of money operations on one card at the same moment: it ends as if one had come after the other.

Each pair is sent three times, to three tables that are laid alike: at once, in one order, in the other. What is told
and what is left must be the same as in one of the two orders. Nothing is predicted here: the orders are run.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

import asyncpg
import httpx2
import pytest
from tests.behind import give_codes
from tests.races.conftest import Shop
from tests.serving.till import Till

from kado.crypto import Keyring

CODE = "314159"
MAIL = "ada@example.com"


@dataclass(frozen=True)
class Table:
    """Two cards of one person: what is fought over is `card`; on it a sale of 20 and a hold of 30. 80 are left."""

    till: Till
    card: str
    number: str
    other: str
    other_number: str
    sale: str
    hold: str

    async def post(self, path: str, body: dict[str, Any]) -> httpx2.Response:
        return await self.till.post(f"/v2/giftcards/programs/{self.till.program}/{path}", body)

    async def on_card(self, action: str, body: dict[str, Any]) -> httpx2.Response:
        return await self.post(f"cards/{self.card}/{action}", body)


Call = Callable[[Table], Awaitable[httpx2.Response]]
CALLS: dict[str, Call] = {
    "redeem": lambda table: table.on_card("redeem", {"amount": "45.00"}),
    "redeem a till's sale": lambda table: table.on_card("redeem", {"amount": "5.00", "posTransactionId": "P-2"}),
    "reload": lambda table: table.on_card("reload", {"amount": "25.00"}),
    "reload by number": lambda table: table.post(
        "cards/reload-by-number", {"cardNumber": table.number, "amount": "30.00"}
    ),
    "refund": lambda table: table.on_card(f"transactions/{table.sale}/refund", {"amount": "15.00"}),
    "transfer away": lambda table: table.on_card(
        "transfer", {"securityCode": CODE, "destinationCardNumber": table.other_number, "amount": "40.00"}
    ),
    "transfer here": lambda table: table.post(
        f"cards/{table.other}/transfer",
        {"securityCode": CODE, "destinationCardNumber": table.number, "amount": "10.00"},
    ),
    "consolidate": lambda table: table.post(
        "consolidate",
        {"cardNumbers": [table.number, table.other_number], "merchantId": table.till.merchant_id},
    ),
    "replace": lambda table: table.on_card("replace", {"reason": "lost"}),
    "void": lambda table: table.on_card("void", {"reason": "returned"}),
    "hold": lambda table: table.on_card("holds", {"amount": "35.00", "orderReference": "order-2"}),
    "capture": lambda table: table.on_card(f"holds/{table.hold}/capture", {"amount": "20.00"}),
    "release": lambda table: table.on_card(f"holds/{table.hold}/release", {}),
    "reverse the sale": lambda table: table.post("reversals", {"cardId": table.card, "posTransactionId": "P-1"}),
    "reverse what may come": lambda table: table.post("reversals", {"cardId": table.card, "posTransactionId": "P-2"}),
    "process-expired": lambda table: table.on_card("process-expired", {"action": "void"}),
    "suspend": lambda table: table.on_card("suspend", {"reason": "lost"}),
}
PAIRS = list(combinations_with_replacement(CALLS, 2))


class Waiter:
    """Lays tables. The codes are written past Kado, so that no mail has to be waited for."""

    def __init__(self, till: Till, superuser: "asyncpg.Connection[asyncpg.Record]", keyring: Keyring) -> None:
        self._till = till
        self._superuser = superuser
        self._keyring = keyring

    async def lay_three(self) -> list[Table]:
        tables = await asyncio.gather(self._lay(), self._lay(), self._lay())
        program = self._till.program
        cards = [card for table in tables for card in (table.card, table.other)]
        await give_codes(self._superuser, self._keyring, program, cards, CODE)
        return list(tables)

    async def left(self, table: Table, answers: list[httpx2.Response]) -> tuple[object, ...]:
        """What was told to each, and what is left on both cards and on those that came of them; ids left out."""
        told = [(answer.status_code, answer.json().get("code")) for answer in answers]
        made = [answer.json()["newCard"]["id"] for answer in answers if "newCard" in answer.json()]
        rows = [
            await self._superuser.fetchrow(
                """
                SELECT c.balance, c.held, c.status, (
                    SELECT array_agg(t.type || ' ' || t.amount ORDER BY t.type, t.amount) FROM card_transaction t
                    WHERE t.program_id = c.program_id AND t.card_id = c.id), (
                    SELECT array_agg(concat_ws(' ', h.status, h.amount, h.captured) ORDER BY h.amount) FROM hold h
                    WHERE h.program_id = c.program_id AND h.card_id = c.id)
                FROM card c WHERE c.program_id = $1 AND c.id = $2""",
                self._till.program,
                card,
            )
            for card in (table.card, table.other, *made)
        ]
        return (told, [tuple(row) for row in rows if row is not None])

    async def _lay(self) -> Table:
        card, other = await asyncio.gather(
            self._till.card("100.00", customerEmail=MAIL), self._till.card("50.00", customerEmail=MAIL)
        )
        sale = await self._till.post(
            self._till.cards_path(card["id"], "redeem"), {"amount": "20.00", "posTransactionId": "P-1"}
        )
        hold = await self._till.post(
            self._till.cards_path(card["id"], "holds"), {"amount": "30.00", "orderReference": "order-1"}
        )
        assert (sale.status_code, hold.status_code) == (200, 201), (sale.text, hold.text)
        return Table(
            self._till,
            card["id"],
            card["cardNumber"],
            other["id"],
            other["cardNumber"],
            sale.json()["transactionId"],
            hold.json()["id"],
        )


@pytest.fixture
async def waiter(till: Till, shop: Shop) -> AsyncIterator[Waiter]:
    superuser = await shop.server.superuser()
    yield Waiter(till, superuser, Keyring([(shop.server.data_dir / "secret.key").read_text().strip()]))
    await superuser.close()


@pytest.mark.parametrize(("one", "another"), PAIRS, ids=lambda name: name)
async def test_two_at_once_end_as_one_after_the_other(waiter: Waiter, one: str, another: str) -> None:
    at_once, forth, back = await waiter.lay_three()
    together = list(await asyncio.gather(CALLS[one](at_once), CALLS[another](at_once)))
    in_order = [await CALLS[one](forth), await CALLS[another](forth)]
    last, first = await CALLS[another](back), await CALLS[one](back)
    assert all(answer.status_code < 500 for answer in (*together, *in_order, first, last))
    outcome = await waiter.left(at_once, together)
    assert outcome in (await waiter.left(forth, in_order), await waiter.left(back, [first, last]))
