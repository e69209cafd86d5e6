"""A customer who is signed in sees and moves their own cards, and for anybody else's there is nothing there."""

from datetime import timedelta

import httpx2
import pytest
from tests.api.operations import ABOUT_PEOPLE, FOR_CUSTOMERS, OPERATIONS, READING_PASSES, a_card_for, send
from tests.api.shop import UNKNOWN, Body, Fits, Shop, Superuser, card_path, fingerprint, good
from tests.api.sign_in import MERCHANTS, REPORTS, TRANSACTIONS, a_phone, an_email, on_behalf, other_than, signed_in
from tests.api.tills import FrontEnd

from kado.access.permissions import CUSTOMER, OF_KEYS, Permission, Role


def activation(card: Body) -> str:
    return card_path(card, "activate")


def nothing_there(answer: httpx2.Response) -> bytes:
    assert (answer.status_code, answer.json()["code"]) == (404, "card_not_found")
    return answer.content


# ── the session beside the bearer ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name not in FOR_CUSTOMERS])
@pytest.mark.parametrize("till", [None, "owner", "cashier"])
async def test_with_a_customer_the_bearer_may_do_what_customers_may(shop: Shop, name: str, till: str | None) -> None:
    """Also at a till that is signed in itself: the customer's session counts, whatever else comes with it."""
    session = await signed_in(shop)
    headers = on_behalf(session) | (await (await FrontEnd.of(shop)).till(till) if till else {})
    card = await a_card_for(shop, name)
    before = await shop.snapshot(card)
    answer = await send(shop, name, card, headers=headers)
    if OPERATIONS[name].permission not in CUSTOMER:
        assert answer.json()["code"] == "permission_denied"
        assert answer.status_code == (401 if name in READING_PASSES else 403)
    elif name in ABOUT_PEOPLE:  # somebody else is named
        assert (answer.status_code, answer.json()["code"].rpartition("_")[0]) in (
            (404, "customer_not"),
            (404, "export_not"),
        )
    elif name == "activate":
        assert answer.json()["detail"][0]["loc"] == ["body", "securityCode"]
    elif OPERATIONS[name].permission is Permission.CARDS_LIST:
        assert (answer.status_code, answer.content) == (200, b"[]")
    else:
        nothing_there(answer)
    assert await shop.snapshot(card) == before


async def test_a_bearer_that_may_not_sign_customers_in_may_not_act_for_them(shop: Shop) -> None:
    session = await signed_in(shop)
    card = await shop.active(customerEmail=session["identity"]["email"])
    without = await shop.key(scopes=OF_KEYS[Role.OWNER] - {Permission.CUSTOMERS_SIGN_IN})
    for path in (card_path(card), REPORTS):
        said = good(await shop.get(path, headers=on_behalf(session), token=without), 403)
        assert said["code"] == "permission_denied"
    with_it = await shop.key(Role.CASHIER)
    good(await shop.get(card_path(card), headers=on_behalf(session), token=with_it))


@pytest.mark.parametrize("name", OPERATIONS)
async def test_at_a_till_that_may_not_sign_customers_in_a_customer_opens_nothing(shop: Shop, name: str) -> None:
    card = await a_card_for(shop, name)
    session = await signed_in(shop)
    headers = on_behalf(session) | await (await FrontEnd.of(shop)).till("read-only")
    before = await shop.snapshot(card)
    answer = await send(shop, name, card, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401 if name in READING_PASSES else 403, "permission_denied")
    assert await shop.snapshot(card) == before


async def test_a_session_of_another_desk_is_none(shop: Shop) -> None:
    session = await signed_in(shop)
    card = await shop.active(customerEmail=session["identity"]["email"])
    _, admitted = await shop.admitted()
    for token in (admitted, await shop.key(is_test=True)):
        answer = await shop.get(card_path(card), headers=on_behalf(session), token=token)
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_session_token")
    answer = await shop.get(card_path(card), headers=on_behalf(session), token=None)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


@pytest.mark.parametrize("path", [REPORTS, TRANSACTIONS, MERCHANTS])
async def test_what_customers_see_takes_a_customer(shop: Shop, path: str) -> None:
    answer = await shop.get(path)
    assert (answer.status_code, answer.json()["code"]) == (401, "customer_session_required")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert (await shop.get(path, token=None)).json()["code"] == "unauthenticated"
    assert (await shop.get(path, token=await shop.key(Role.READ_ONLY))).status_code == 403
    answer = await shop.get(path, headers={"X-Eposn-Customer-Token": "x" * 43})
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_session_token")


# ── whose a card is ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_card_belongs_to_whoever_proved_its_address_or_number(shop: Shop) -> None:
    email, phone = an_email(), a_phone()
    by_email, by_phone = await signed_in(shop, email), await signed_in(shop, phone)
    mailed = await shop.active(customerEmail=email.replace("customer", "Customer"))
    texted = await shop.active(customerPhone=phone)
    for card, own, other in ((mailed, by_email, by_phone), (texted, by_phone, by_email)):
        seen = good(await shop.get(card_path(card), headers=on_behalf(own)))
        assert seen == await shop.look(card)
        listed = await shop.get(card_path(card, "transactions"), headers=on_behalf(own))
        assert listed.json() == await shop.entries(card)
        nowhere = nothing_there(await shop.get(card_path({**card, "id": UNKNOWN}), headers=on_behalf(other)))
        assert nothing_there(await shop.get(card_path(card), headers=on_behalf(other))) == nowhere
        assert nothing_there(await shop.get(card_path(card, "transactions"), headers=on_behalf(other))) == nowhere


# ── transfer ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_customer_moves_money_to_a_card_of_somebody_else(shop: Shop) -> None:
    session = await signed_in(shop)
    own, other = await shop.active(customerEmail=session["identity"]["email"]), await shop.active()
    body = {"securityCode": await shop.code_of(own), "destinationCardNumber": other["cardNumber"], "amount": "5.00"}
    for at in range(12):  # what succeeds does not count
        good(await shop.post(card_path(own, "transfer"), body, headers=on_behalf(session), key=f"move-{at % 2}"))
    assert (await shop.look(other))["balance"] == "110.00"


async def test_a_customer_who_tries_numbers_is_slowed_down_and_a_till_is_not(shop: Shop) -> None:
    session = await signed_in(shop)
    own = await shop.active(customerEmail=session["identity"]["email"])
    body = {"securityCode": await shop.code_of(own), "destinationCardNumber": "4000123412341234", "amount": "5.00"}
    before = await shop.snapshot(own)
    for _ in range(10):
        nothing_there(await shop.post(card_path(own, "transfer"), body, headers=on_behalf(session)))
    answer = await shop.post(card_path(own, "transfer"), body, headers=on_behalf(session))
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_destinations")
    assert 0 < int(answer.headers["retry-after"]) <= 3600
    nothing_there(await shop.post(card_path(own, "transfer"), body))
    assert await shop.snapshot(own) == before


# ── activation ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_gift_belongs_to_whoever_proves_its_code(shop: Shop) -> None:
    session = await signed_in(shop)
    card = await shop.issue(customerName="Ada")
    nothing_there(await shop.get(card_path(card), headers=on_behalf(session)))
    body = {"securityCode": await shop.code_of(card)}
    seen = good(await shop.post(activation(card), body, headers=on_behalf(session), key="gift"))
    assert (seen["status"], seen["balance"]) == ("active", "100.00")
    assert (seen["customerId"], seen["customerEmail"]) == (session["identity"]["id"], session["identity"]["email"])
    assert seen["customerName"] == "Ada"
    good(await shop.get(card_path(card), headers=on_behalf(session)))
    again = await shop.post(activation(card), body, headers=on_behalf(session), key="gift")
    assert (again.json(), again.headers["idempotent-replayed"]) == (seen, "true")
    other = await signed_in(shop)
    nothing_there(await shop.get(card_path(card), headers=on_behalf(other)))
    # Under somebody else's key there is nothing to be heard either.
    answer = await shop.post(activation(card), body, headers=on_behalf(other), key="gift")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


async def test_contacts_that_the_card_has_stay_unless_others_are_given(shop: Shop) -> None:
    session = await signed_in(shop)
    card = await shop.issue(customerEmail="eva@example.com")
    body = {"securityCode": await shop.code_of(card)}
    seen = good(await shop.post(activation(card), body, headers=on_behalf(session)))
    assert (seen["customerId"], seen["customerEmail"]) == (session["identity"]["id"], "eva@example.com")
    card = await shop.issue(customerEmail="eva@example.com")
    body = {"securityCode": await shop.code_of(card), "customerEmail": "ida@example.com"}
    assert (
        good(await shop.post(activation(card), body, headers=on_behalf(session)))["customerEmail"] == "ida@example.com"
    )


async def test_a_customer_activates_with_the_code_and_not_without(shop: Shop) -> None:
    session = await signed_in(shop)
    own, others = await shop.issue(customerEmail=session["identity"]["email"]), await shop.issue()
    before = await shop.snapshot(own), await shop.snapshot(others)
    for card in (own, others, {**own, "id": UNKNOWN}):
        answer = await shop.post(activation(card), {}, headers=on_behalf(session))
        assert [error["loc"] for error in good(answer, 422)["detail"]] == [["body", "securityCode"]]
    wrong = {"securityCode": other_than(await shop.code_of(own))}
    answer = await shop.post(activation(own), wrong, headers=on_behalf(session))
    assert (answer.status_code, answer.json()["code"]) == (401, "wrong_security_code")
    wrong = {"securityCode": other_than(await shop.code_of(others))}
    unknown = nothing_there(await shop.post(activation({**own, "id": UNKNOWN}), wrong, headers=on_behalf(session)))
    for _ in range(7):  # beyond the lock too
        assert nothing_there(await shop.post(activation(others), wrong, headers=on_behalf(session))) == unknown
    statuses = [(await shop.post(activation(own), wrong, headers=on_behalf(session))).status_code for _ in range(5)]
    assert statuses == [401, 401, 401, 401, 429]
    assert (await shop.look(own))["status"] == (await shop.look(others))["status"] == "pending"
    assert before[0] != await shop.snapshot(own), "new codes were made"


async def test_a_code_that_is_right_of_a_card_in_use_says_so(shop: Shop) -> None:
    session, card = await signed_in(shop), await shop.active()
    body = {"securityCode": await shop.code_of(card)}
    answer = await shop.post(activation(card), body, headers=on_behalf(session))
    assert (answer.status_code, answer.json()["code"]) == (400, "card_not_pending")
    nothing_there(await shop.get(card_path(card), headers=on_behalf(session)))


# ── all cards together ─────────────────────────────────────────────────────────────────────────────────────────────


async def read(shop: Shop, session: Body, path: str, **options: str) -> httpx2.Response:
    answer = await shop.get(path, headers=on_behalf(session), **options)
    assert answer.status_code == 200, answer.text
    return answer


async def test_a_report_counts_what_the_customer_has(shop: Shop, fits: Fits) -> None:
    email = an_email()
    session = await signed_in(shop, email)
    empty = await read(shop, session, REPORTS)
    assert fits("CustomerReportsResponse", empty.json()) == {
        "totalCards": 0,
        "activeCards": 0,
        "expiringSoonCards": 0,
        "totalSpent": "0.00",
        "totalBalance": "0.00",
    }
    assert "kado-currency" not in empty.headers
    for status in ("pending", "active", "depleted", "suspended", "expired", "voided"):
        await shop.card_in(status, "10.00", customerEmail=email)
    soon = await shop.active("7.00", customerEmail=email)
    await shop.shift(soon, expires_at=await shop.now() + timedelta(days=29))
    good(await shop.redeem(soon, "2.50"))
    await shop.active("1000.00", customerEmail=an_email())
    answer = await read(shop, session, REPORTS)
    assert answer.json() == {
        "totalCards": 7,
        "activeCards": 2,
        "expiringSoonCards": 1,
        "totalSpent": "12.50",
        "totalBalance": "24.50",
    }
    assert (answer.headers["kado-currency"], "kado-other-currencies" in answer.headers) == ("USD", False)


async def test_currencies_are_never_added_up(shop: Shop) -> None:
    email = an_email()
    session = await signed_in(shop, email)
    yen = await shop.program(currency="JPY")
    for _ in range(2):
        await shop.active("500", program_id=yen, customerEmail=email)
    await shop.active("10.00", customerEmail=email)
    answer = await read(shop, session, REPORTS)
    assert (answer.json()["totalCards"], answer.json()["totalBalance"]) == (3, "1000")
    assert (answer.headers["kado-currency"], answer.headers["kado-other-currencies"]) == ("JPY", "USD")
    one = await read(shop, session, f"{REPORTS}?programId={shop.program_id}")
    assert (one.json()["totalCards"], one.json()["totalBalance"]) == (1, "10.00")
    assert (one.headers["kado-currency"], "kado-other-currencies" in one.headers) == ("USD", False)
    answer = await read(shop, session, MERCHANTS)
    merchant = {"merchantId": shop.merchant_id, "merchantName": shop.merchant_name}
    assert answer.json() == [
        merchant | {"cardCount": 2, "totalBalance": "1000"},
        merchant | {"cardCount": 1, "totalBalance": "10.00"},
    ]
    assert answer.headers["kado-currency"] == "JPY,USD"
    amounts = [entry["amount"] for entry in (await read(shop, session, TRANSACTIONS)).json()]
    assert amounts == ["10.00", "0.00", "500", "0", "500", "0"]


async def test_merchants_are_those_of_active_cards_with_money(shop: Shop) -> None:
    email = an_email()
    session = await signed_in(shop, email)
    for status in ("pending", "depleted", "suspended", "expired", "voided"):
        await shop.card_in(status, customerEmail=email)
    empty = await read(shop, session, MERCHANTS)
    assert (empty.json(), "kado-currency" in empty.headers) == ([], False)
    merchant_id, admitted = await shop.admitted()
    await shop.active("3.00", customerEmail=email, merchantId=merchant_id)
    await shop.active("4.00", customerEmail=email)
    found = (await read(shop, session, MERCHANTS)).json()
    assert {one["merchantId"]: one["totalBalance"] for one in found} == {shop.merchant_id: "4.00", merchant_id: "3.00"}
    # Who is admitted to the program shows its own customers the same cards.
    there = await signed_in(shop, email, token=admitted)
    assert (await read(shop, there, MERCHANTS, token=admitted)).json() == found


async def test_entries_of_all_cards_come_newest_first(shop: Shop) -> None:
    email = an_email()
    session = await signed_in(shop, email)
    first, second = await shop.active(customerEmail=email), await shop.active(customerEmail=email)
    await shop.active(customerEmail=an_email())
    good(await shop.redeem(first, "1.00", more={"posTransactionId": "T-1"}))
    good(await shop.redeem(second, "2.00", more={"posTransactionId": "T-2"}))
    every = await read(shop, session, TRANSACTIONS)
    assert every.json() == sorted(
        await shop.entries(first) + await shop.entries(second), key=lambda entry: entry["createdAt"], reverse=True
    )
    assert every.headers["x-total-count"] == "6"
    page = await read(shop, session, f"{TRANSACTIONS}?limit=2&page=2")
    assert page.json() == every.json()[2:4]
    assert (await read(shop, session, f"{TRANSACTIONS}?limit=2&offset=5")).json() == every.json()[5:]
    found = await read(shop, session, f"{TRANSACTIONS}?q=t-1")
    assert [entry["posTransactionId"] for entry in found.json()] == ["T-1"]
    assert found.headers["x-total-count"] == "1"
    for query in ("limit=0", "limit=251", "page=0", "offset=-1", f"offset={10**30}", "q=%00"):
        assert (await shop.get(f"{TRANSACTIONS}?{query}", headers=on_behalf(session))).status_code == 422


async def test_a_customer_of_one_merchant_sees_nothing_of_another(shop: Shop, thief: Superuser) -> None:
    email = an_email()
    await shop.active(customerEmail=email)
    _, stranger = await shop.stranger()
    there = await signed_in(shop, email, token=stranger)
    before = await fingerprint(thief)
    for path in (REPORTS, f"{REPORTS}?programId={shop.program_id}"):
        assert (await read(shop, there, path, token=stranger)).json()["totalCards"] == 0
    for path in (TRANSACTIONS, MERCHANTS, f"{TRANSACTIONS}?programId={shop.program_id}"):
        assert (await read(shop, there, path, token=stranger)).json() == []
    assert await fingerprint(thief) == before


async def test_test_cards_and_live_cards_are_apart(shop: Shop) -> None:
    email, test_key = an_email(), await shop.key(is_test=True)
    live, test = await signed_in(shop, email), await signed_in(shop, email, is_test=True)
    await shop.active("1.00", customerEmail=email)
    await shop.active("2.00", customerEmail=email, token=test_key)
    assert (await read(shop, live, REPORTS)).json()["totalBalance"] == "1.00"
    assert (await read(shop, test, REPORTS, token=test_key)).json()["totalBalance"] == "2.00"
    for session, token, amount in ((live, "", "1.00"), (test, test_key, "2.00")):
        entries = (await read(shop, session, TRANSACTIONS, token=token)).json()
        assert [entry["amount"] for entry in entries] == [amount, "0.00"]
        (merchant,) = (await read(shop, session, MERCHANTS, token=token)).json()
        assert merchant["totalBalance"] == amount
