"""A sale at the counter is taken back by whoever made it, while nothing else has happened to the card; and a sale of
which nobody heard does nothing any more."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.database.cards.builders import Shop
from tests.database.cards.test_one_list import clean, said

from kado.access.caller import Caller
from kado.access.permissions import ROLES, Role
from kado.cards import counter
from kado.cards.activate import Activate
from kado.cards.card import CardStatus
from kado.cards.counter import Told
from kado.cards.find import card_by_id
from kado.cards.hold import PlaceHold
from kado.cards.issue import Issue
from kado.cards.ledger import Ledger
from kado.cards.redeem import Redeem
from kado.cards.refund import Refund
from kado.cards.take_back_sale import TakeBackSale
from kado.errors import Refusal
from kado.ids import new_id

MAIL = "zoe@mail.example"


@pytest.fixture
def bo(shop: Shop) -> Caller:
    """A cashier at a till."""
    rights = ROLES[Role.CASHIER]
    who = new_id()
    return Caller(
        shop.program.merchant_id,
        f"staff:{who}",
        Role.CASHIER,
        rights,
        is_test=False,
        cashier_id=who,
        terminal_id=new_id(),
    )


def a_sale(shop: Shop, caller: Caller, key: str = "sale", **facts: Any) -> Issue:
    return Issue(
        program_id=shop.program_id,
        caller=caller,
        key=key,
        render=counter.telling("sell"),
        merchant_id=shop.program.merchant_id,
        merchant_name=shop.program.merchant_name,
        initial_value=2500,
        **facts,
    )


def an_undo(shop: Shop, told: Told, caller: Caller, key: str = "undo") -> TakeBackSale:
    undo = counter.undoing(shop.program_id, told.card_id, told.deed, counter.undone_by(told, "sale"), caller, key)
    assert isinstance(undo, TakeBackSale)
    return undo


async def look(shop: Shop, card_id: str) -> tuple[int, CardStatus]:
    found = await card_by_id(shop.database, shop.program_id, card_id, is_test=False)
    return found.card.balance, found.card.status_at(found.now)


async def letters(shop: Shop, card_id: str) -> list[str]:
    async with shop.database.read() as connection:
        rows = await connection.fetch("SELECT state FROM message WHERE card_id = $1 ORDER BY created_at", card_id)
    return [row["state"] for row in rows]


async def test_a_sale_is_taken_back_once_and_its_mail_does_not_go(shop: Shop, bo: Caller) -> None:
    sold = await counter.sell(shop.ledger, a_sale(shop, bo, customer_email=MAIL))
    assert (sold.amount, await letters(shop, sold.card_id)) == (2500, ["queued"])
    undo = an_undo(shop, sold, bo)
    first, again = [await counter.do(shop.ledger, undo) for _ in range(2)]
    assert (first.amount, first.balance, first.is_ended, first.is_replayed) == (2500, 0, True, False)
    assert again == replace(first, is_replayed=True)
    assert await look(shop, sold.card_id) == (0, CardStatus.VOIDED)
    assert await letters(shop, sold.card_id) == ["superseded"]
    kinds = [(entry.type, entry.amount) for entry in await shop.entries(sold.card_id)]
    assert sorted(kinds) == [("ACTIVATION", 2500), ("PURCHASE", 0), ("VOID", -2500)]
    assert (await counter.do(shop.ledger, an_undo(shop, sold, bo, "another"))).code == "card_not_active"
    await clean(shop)


async def test_a_card_from_the_rack_is_taken_back_as_well(shop: Shop, bo: Caller) -> None:
    card_id = await shop.issue(3000)
    posting = Activate(
        program_id=shop.program_id, card_id=card_id, caller=bo, key="rack", render=counter.telling("activate")
    )
    sold = await counter.do(shop.ledger, posting)
    assert (await counter.do(shop.ledger, an_undo(shop, sold, bo))).amount == 3000
    assert await look(shop, card_id) == (0, CardStatus.VOIDED)
    await clean(shop)


@pytest.mark.parametrize("since", ["redeem", "reload", "hold", "suspend", "resend", "customer"])
async def test_nothing_is_taken_back_once_something_has_happened(
    shop: Shop, bo: Caller, since: str, superuser: Any
) -> None:
    sold = await counter.sell(shop.ledger, a_sale(shop, bo, customer_email=MAIL))
    happens: dict[str, Callable[[], Awaitable[object]]] = {
        "redeem": lambda: shop.redeem(sold.card_id, 1),
        "reload": lambda: shop.reload(sold.card_id, 1),
        "hold": lambda: shop.post(PlaceHold, sold.card_id, amount=1, order_reference="order-1"),
        "suspend": lambda: shop.suspend(sold.card_id),
        "resend": lambda: shop.resend(sold.card_id),
        "customer": lambda: superuser.execute("UPDATE card SET customer_id = $2 WHERE id = $1", sold.card_id, new_id()),
    }
    await happens[since]()
    before = await look(shop, sold.card_id)
    told = await counter.do(shop.ledger, an_undo(shop, sold, bo))
    assert told.code == ("card_has_holds" if since == "hold" else "card_used_since")
    assert await look(shop, sold.card_id) == before


async def test_nobody_takes_back_what_somebody_else_sold(shop: Shop, bo: Caller, superuser: Any) -> None:
    sold = await counter.sell(shop.ledger, a_sale(shop, bo))
    redeemed = await counter.do(
        shop.ledger,
        Redeem(
            program_id=shop.program_id,
            card_id=(await counter.sell(shop.ledger, a_sale(shop, bo, "other"))).card_id,
            caller=bo,
            key="take",
            render=counter.telling("redeem"),
            amount=1,
        ),
    )
    for who in (
        replace(bo, cashier_id=new_id()),
        replace(bo, terminal_id=new_id()),
        replace(bo, terminal_id=None),
        replace(bo, merchant_id=new_id()),
        shop.caller,
    ):
        with pytest.raises(Refusal) as refused:
            await counter.do(shop.ledger, an_undo(shop, sold, who))
        assert refused.value.code == "permission_denied"
    # An entry that is no sale of this card.
    for wrong in (
        replace(sold, entry_id=redeemed.entry_id),
        replace(redeemed, deed="sell"),
        replace(sold, entry_id="x"),
    ):
        with pytest.raises(Refusal) as refused:
            await counter.do(shop.ledger, an_undo(shop, wrong, bo))
        assert refused.value.code == "transaction_not_found"
    await superuser.execute("SET session_replication_role = replica")
    await superuser.execute("UPDATE card_transaction SET created_at = created_at - interval '1 day'")
    with pytest.raises(Refusal) as refused:
        await counter.do(shop.ledger, an_undo(shop, sold, bo))
    assert refused.value.code == "transaction_not_found"
    assert (await look(shop, sold.card_id))[0] == 2500


async def test_of_an_undo_and_a_redemption_at_once_exactly_one_wins(shop: Shop, bo: Caller) -> None:
    other = Ledger(shop.database, shop.keyring)
    won = []
    for at in range(12):
        sold = await counter.sell(shop.ledger, a_sale(shop, bo, f"sale {at}"))
        both = [
            shop.ledger.post(an_undo(shop, sold, bo, f"undo {at}")),
            other.post(shop.posting(Redeem, sold.card_id, amount=2500)),
        ]
        outcomes = said(await asyncio.gather(*(both if at % 2 else both[::-1]), return_exceptions=True))
        undone = (await look(shop, sold.card_id))[1] is CardStatus.VOIDED
        won.append(undone)
        assert sorted(outcomes, key=str) == [200, "card_not_active" if undone else "card_used_since"]
        assert (await look(shop, sold.card_id))[0] == 0
    await other.close()
    await clean(shop)


async def test_a_sale_that_never_arrived_does_nothing_any_more(shop: Shop, bo: Caller) -> None:
    sale = a_sale(shop, bo, customer_email=MAIL)
    for _ in range(2):
        assert (await counter.never_any_more(shop.ledger, sale, "sell")).code == "stale"
    assert (await counter.sell(shop.ledger, sale)).code == "stale"
    async with shop.database.read() as connection:
        assert await connection.fetchval("SELECT count(*) FROM card") == 0
    await clean(shop)


async def test_a_sale_of_which_only_the_card_was_made_ends_with_it(shop: Shop, bo: Caller) -> None:
    sale = a_sale(shop, bo, customer_email=MAIL)
    made = counter.heard(await shop.ledger.post(sale))
    assert (await counter.never_any_more(shop.ledger, sale, "sell")).code == "stale"
    assert (await counter.sell(shop.ledger, sale)).code == "stale"
    assert await look(shop, made.card_id) == (0, CardStatus.VOIDED)
    assert await letters(shop, made.card_id) == ["superseded"]
    await clean(shop)


async def test_what_was_sold_is_told_and_stays(shop: Shop, bo: Caller) -> None:
    sale = a_sale(shop, bo)
    sold = await counter.sell(shop.ledger, sale)
    told = await counter.never_any_more(shop.ledger, sale, "sell")
    assert told == replace(sold, is_replayed=True)
    assert await look(shop, sold.card_id) == (2500, CardStatus.ACTIVE)


async def test_of_a_late_sale_and_its_withdrawal_one_wins(shop: Shop, bo: Caller) -> None:
    other = Ledger(shop.database, shop.keyring)
    for at in range(8):
        sale = a_sale(shop, bo, f"sale {at}")
        both = [counter.sell(shop.ledger, sale), counter.never_any_more(other, sale, "sell")]
        late, withdrawn = await asyncio.gather(*both)
        assert (late.is_done, late.code) in ((True, ""), (False, "stale"))
        assert withdrawn.is_done == late.is_done, (late, withdrawn)
    async with shop.database.read() as connection:
        rows = await connection.fetch("SELECT balance, status FROM card")
    assert {(row["balance"], row["status"]) for row in rows} <= {(2500, "active"), (0, "voided")}
    await other.close()
    await clean(shop)


async def test_other_wishes_are_withdrawn_by_their_keys(shop: Shop, bo: Caller) -> None:
    rack, card_id = await shop.issue(3000), await shop.card(5000)
    taken = counter.heard(
        await shop.ledger.post(
            Redeem(
                program_id=shop.program_id,
                card_id=card_id,
                caller=bo,
                key="take",
                render=counter.telling("redeem"),
                amount=2000,
                pos_transaction_id=counter.reference_of("take"),
            )
        )
    )
    about: dict[str, Any] = {"program_id": shop.program_id, "caller": bo}
    wishes = {
        "activate": Activate(card_id=rack, key="a", render=counter.telling("activate"), **about),
        "refund": Refund(
            card_id=card_id, key="b", render=counter.telling("refund"), transaction_id=taken.entry_id, **about
        ),
        "undo": counter.undoing(shop.program_id, card_id, "redeem", counter.reference_of("take"), bo, "c"),
    }
    for deed, wish in wishes.items():
        told = await counter.never_any_more(shop.ledger, wish, deed)  # type: ignore[arg-type]
        assert told.code == "stale", deed
        assert (await counter.do(shop.ledger, wish)).code == "stale", deed
    assert await look(shop, rack) == (0, CardStatus.PENDING)
    assert await look(shop, card_id) == (3000, CardStatus.ACTIVE)
    await clean(shop)
