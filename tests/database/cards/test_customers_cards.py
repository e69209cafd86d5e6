"""The posting machine and a customer: whatever a door lets through, nobody moves a card that is not their own."""

from dataclasses import replace
from typing import Any

import pytest
from tests.database.cards.builders import Shop

from kado.access.caller import Caller, Customer
from kado.cards.activate import Activate
from kado.cards.posting import Posting
from kado.cards.redeem import Redeem
from kado.cards.reload import Reload
from kado.cards.resend_code import ResendCode
from kado.cards.suspend import Suspend, Unsuspend
from kado.cards.void import Void
from kado.errors import NotFound, Refusal
from kado.ids import new_id

ADA = Customer(new_id(), "ada@example.com", None, "Ada")
PHONE = Customer(new_id(), None, "+4930901820", None)

WISHES: dict[type[Posting], dict[str, Any]] = {
    Activate: {},
    Redeem: {"amount": 1},
    Reload: {"amount": 1},
    ResendCode: {},
    Suspend: {"reason": "lost"},
    Unsuspend: {},
    Void: {"reason": "lost"},
}


def acting(shop: Shop, customer: Customer) -> Caller:
    return replace(shop.caller, customer=customer)


@pytest.mark.parametrize("kind", WISHES, ids=lambda kind: kind.__name__)
async def test_a_customer_moves_no_card_of_another(shop: Shop, superuser: Any, kind: type[Posting]) -> None:
    card = await shop.card(5000, customer_email="eva@example.com", customer_phone="+4930901821")
    before = await superuser.fetchval("SELECT concat(xmin, c::text) FROM card c WHERE id = $1", card)
    for customer in (ADA, PHONE):
        with pytest.raises(NotFound) as refusal:
            await shop._post(kind, card, {**WISHES[kind], "caller": acting(shop, customer), "key": "k"})
        assert refusal.value.code == "card_not_found"
    assert await superuser.fetchval("SELECT concat(xmin, c::text) FROM card c WHERE id = $1", card) == before


@pytest.mark.parametrize(
    ("customer", "facts"),
    [(ADA, {"customer_email": "Ada@Example.COM"}), (PHONE, {"customer_phone": "+4930901820"})],
)
async def test_a_customer_moves_what_is_their_own(shop: Shop, customer: Customer, facts: dict[str, str]) -> None:
    card = await shop.card(5000, **facts)
    assert (await shop.redeem(card, 100, caller=acting(shop, customer))).status == 200


async def test_who_activates_with_the_proved_code_owns_the_card(shop: Shop, superuser: Any) -> None:
    card = await shop.issue(5000)
    assert (await shop.activate(card, caller=acting(shop, ADA), showed_code=True)).status == 200
    row = await superuser.fetchrow("SELECT customer_id, customer_email, customer_name FROM card WHERE id = $1", card)
    assert tuple(row) == (ADA.id, ADA.email, ADA.name)
    assert (await shop.redeem(card, 100, caller=acting(shop, ADA))).status == 200
    with pytest.raises(NotFound):
        await shop.redeem(card, 100, caller=acting(shop, PHONE))


async def test_a_key_of_the_merchant_tells_a_customer_nothing(shop: Shop) -> None:
    card = await shop.card(5000)
    assert (await shop.redeem(card, 100, key="sale")).status == 200
    with pytest.raises(NotFound):
        await shop.redeem(card, 100, key="sale", caller=acting(shop, ADA))


async def test_a_customers_activation_is_another_request_than_the_merchants(shop: Shop) -> None:
    card = await shop.issue(5000)
    first = await shop.activate(card, caller=acting(shop, ADA), showed_code=True, key="k")
    again = await shop.activate(card, caller=acting(shop, ADA), showed_code=True, key="k")
    assert again.body == first.body
    for caller in (acting(shop, PHONE), shop.caller):
        with pytest.raises(Refusal, match="another request"):
            await shop.activate(card, caller=caller, showed_code=True, key="k")
