"""Everything at once, through two posting machines: what is there is what went in less what went out."""

import asyncio
import json
import random

from tests.database.cards.builders import Shop

from kado.cards.capture import Capture
from kado.cards.card import TransactionType
from kado.cards.hold import PlaceHold
from kado.cards.ledger import Ledger
from kado.cards.posting import Answer, Posting
from kado.cards.redeem import Redeem
from kado.cards.refund import Refund
from kado.cards.release import Release
from kado.cards.reload import Reload
from kado.cards.replace import Replace
from kado.cards.reverse import Reverse
from kado.cards.verify import verify
from kado.errors import Refusal

CARDS = 6
ROUNDS = 6
ROUNDS_MAX = 60
ALL = {"redeem", "reload", "transfer", "hold", "capture", "refund", "reverse"}


class Crowd:
    """People who do what comes to their minds with a handful of cards."""

    def __init__(self, shop: Shop, cards: list[str], seed: int) -> None:
        self.shop = shop
        self.cards = cards
        self.holds: list[tuple[str, str]] = []
        self.sales: list[tuple[str, str]] = []
        self.random = random.Random(seed)

    async def wish(self) -> Posting:
        shop, pick = self.shop, self.random
        card, other, amount = pick.choice(self.cards), pick.choice(self.cards), pick.randint(1, 2000)
        held, hold = pick.choice(self.holds) if self.holds else (card, "ab" * 12)
        sold, sale = pick.choice(self.sales) if self.sales else (card, "ab" * 12)
        reference = f"POS-{pick.randint(1, 5)}"
        match pick.randint(1, 12):
            case 1 | 2:
                return shop.posting(Redeem, card, amount=amount, pos_transaction_id=reference)
            case 3:
                return shop.posting(Reload, card, amount=amount, reference_id=reference)
            case 4 | 5 | 6:
                return await shop.transfer_posting(card, other, amount)
            case 7:
                return shop.posting(PlaceHold, card, amount=amount, order_reference=reference)
            case 8:
                return shop.posting(Capture, held, hold=hold, amount=amount, keep_rest=pick.random() < 0.5)
            case 9:
                return shop.posting(Release, held, hold=hold)
            case 10:
                return shop.posting(Refund, sold, transaction_id=sale, amount=amount)
            case 11:
                return shop.posting(Reverse, card, kind="pos_transaction_id", own_reference=reference)
            case _:
                return (
                    shop.posting(Replace, card, reason="lost")
                    if pick.random() < 0.3
                    else shop.consolidation(*{card, other, pick.choice(self.cards)})
                )

    def learn(self, posting: Posting, answer: Answer) -> None:
        """What can be asked about next."""
        said = json.loads(answer.body)
        if isinstance(posting, PlaceHold):
            self.holds += [(posting.card_id, hold) for hold in said["holds"]]
        if isinstance(posting, Redeem | Capture):
            self.sales += [(posting.card_id, entry) for entry in said["entries"]]


async def test_nothing_is_made_or_lost(shop: Shop) -> None:
    cards = [await shop.card(10_000, customer_email="ada@example.com") for _ in range(CARDS)]
    crowd, ledgers = Crowd(shop, cards, 7), [shop.ledger, Ledger(shop.database, shop.keyring)]
    passed: set[str] = set()
    for round_number in range(ROUNDS_MAX):
        if round_number >= ROUNDS and passed >= ALL:
            break
        wishes = [await crowd.wish() for _ in range(40)]
        answers = await asyncio.gather(
            *(ledgers[at % 2].post(wish) for at, wish in enumerate(wishes)), return_exceptions=True
        )
        for wish, answer in zip(wishes, answers, strict=True):
            if isinstance(answer, BaseException):
                assert isinstance(answer, Refusal), answer
                assert answer.status < 500, answer.code
            elif answer.status == 200:
                passed.add(wish.action)
                crowd.learn(wish, answer)
        async with shop.database.read() as connection:
            rows = await connection.fetch("SELECT id FROM card WHERE voided_at IS NULL ORDER BY id")
        crowd.cards = [row["id"] for row in rows] + cards[:1]
    await ledgers[1].close()
    assert passed >= ALL
    await the_books_are_right(shop)


async def the_books_are_right(shop: Shop) -> None:
    assert (await verify(shop.database, shop.keyring)).findings == []
    async with shop.database.read() as connection:
        sums = {row["type"]: row["sum"] for row in await connection.fetch(
            "SELECT type, sum(amount)::bigint FROM card_transaction GROUP BY type")}  # fmt: skip
        balances = await connection.fetchval("SELECT sum(balance)::bigint FROM card")
        overdone = await connection.fetch(
            "SELECT t.id FROM card_transaction t JOIN card_transaction u"
            " ON u.counterpart_id = t.id AND u.type IN ('REFUND', 'REDEMPTION')"
            " GROUP BY t.id, t.amount HAVING sum(abs(u.amount)) > abs(t.amount)"
        )
    in_and_out = (TransactionType.ACTIVATION, TransactionType.RELOAD, TransactionType.REFUND,
                  TransactionType.REDEMPTION, TransactionType.VOID)  # fmt: skip
    assert balances == sum(sums.get(kind, 0) for kind in in_and_out)
    assert sums["TRANSFER_IN"] + sums["TRANSFER_OUT"] == 0
    assert sums.get("CONSOLIDATION", 0) == 0
    assert overdone == []
