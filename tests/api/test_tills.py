"""Working with a merchant session: it takes rights away, gives none, and says who stands at the till."""

import pytest
import pytest_asyncio
from tests.api.operations import OPERATIONS, a_card_for, send
from tests.api.shop import Shop, card_path, cards_path, good
from tests.api.tills import TOKEN, FrontEnd

from kado.access import keys
from kado.access.permissions import ROLES, SHOP_ROLES, Permission, Role


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def front_end(shop: Shop) -> FrontEnd:
    return await FrontEnd.of(shop)


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name != "network merchants"])
@pytest.mark.parametrize("role", SHOP_ROLES)
async def test_a_session_leaves_an_owners_bearer_the_rights_of_its_role(
    front_end: FrontEnd, shop: Shop, name: str, role: Role
) -> None:
    card = await a_card_for(shop, name)
    answer = await send(shop, name, card, headers=await front_end.till(role))
    needed = {OPERATIONS[name].permission} | ({Permission.CARDS_RESEND} if name == "resend-elsewhere" else set())
    if needed <= ROLES[role]:
        assert answer.status_code == OPERATIONS[name].status, answer.text
    else:
        assert answer.json()["code"] == "permission_denied"


async def test_a_session_gives_no_right_that_the_bearer_lacks(front_end: FrontEnd, shop: Shop) -> None:
    card, till = await shop.active(), await front_end.till("owner")
    for bearer in (await shop.key(Role.READ_ONLY), await shop.key(scopes=[Permission.CARDS_READ])):
        good(await shop.get(card_path(card), token=bearer, headers=till))
        assert (await shop.redeem(card, token=bearer, headers=till)).status_code == 403
    assert (await shop.post(card_path(card, "void"), {"reason": "x"}, token=await shop.key(Role.CASHIER),
                            headers=till)).status_code == 403  # fmt: skip


async def test_a_cashiers_session_keeps_an_owners_bearer_to_the_cashiers_limit(shop: Shop, front_end: FrontEnd) -> None:
    program = await shop.program(cashierIssueLimit="10.00")
    body = {"initialValue": "20.00", "merchantId": shop.merchant_id}
    for role, status in (("cashier", 422), ("manager", 201)):
        answer = await shop.post(cards_path(program), body, headers=await front_end.till(role))
        assert answer.status_code == status, answer.text


async def test_a_session_counts_beside_its_own_merchants_live_bearer_only(front_end: FrontEnd, shop: Shop) -> None:
    card, till = await shop.active(), await front_end.till()
    _, stranger = await shop.stranger()
    _, admitted = await shop.admitted()
    for bearer in (stranger, admitted, await shop.key(is_test=True)):
        answer = await shop.redeem(card, token=bearer, headers=till)
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_session_token")
    answer = await shop.redeem(card, token=None, headers=till)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_two_tokens_that_differ_and_an_empty_one_are_not_valid(front_end: FrontEnd, shop: Shop) -> None:
    card = await shop.active()
    tokens = [(await front_end.session())["sessionToken"] for _ in range(2)]
    for sent, status in ((tokens, 401), ([tokens[0], tokens[0]], 200), (["", tokens[0]], 401), ([""], 401)):
        headers = [("Authorization", f"Bearer {shop.owner}"), *((TOKEN, token) for token in sent)]
        answer = await shop.api.client.get(card_path(card), headers=headers)
        assert answer.status_code == status, answer.text


async def test_the_caller_is_the_one_at_the_till(front_end: FrontEnd, shop: Shop) -> None:
    opened = await front_end.session(cashierId="C-7", terminalId="T-2", locationId="L1", role="cashier")
    services = shop.api.services
    bearer = await services.access.authenticate(f"Bearer {shop.owner}")
    caller = await services.merchant_sessions.narrow(bearer, opened["sessionToken"])
    assert (caller.cashier_id, caller.terminal_id, caller.role) == ("C-7", "T-2", Role.CASHIER)
    assert (caller.merchant_id, caller.subject) == (bearer.merchant_id, bearer.subject)
    assert caller.session is not None
    assert (caller.session.shop_id, caller.session.location_id) == (opened["id"], "L1")


async def test_a_session_token_works_for_every_key_of_the_merchant(front_end: FrontEnd, shop: Shop) -> None:
    till = await front_end.till("cashier")
    made = await keys.create_key(shop.api.services.database, shop.merchant_id, "operator:test", role=Role.CASHIER)
    good(await shop.redeem(await shop.active(), token=made.secret, headers=till))
