"""Who is signed in can be seen and ended, by themselves and by who is responsible, in all processes within a minute."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import httpx2
import pytest
import pytest_asyncio
from tests.api.serving import Served, serving
from tests.api.shop import PASSWORD, UNKNOWN, Body, Shop, an_address, good, pass_path
from tests.api.sign_in import REPORTS, signed_in
from tests.api.tills import THEME, TOKEN, FrontEnd

from kado.access import keys, sessions, staff
from kado.access.permissions import Role
from kado.access.signatures import HEADER
from kado.settings import Settings

OWN, MINE, TILLS = "/v2/token/sessions", "/v2/giftcards/customer/sessions", "/v2/giftcards/merchants/sessions"
CUSTOMER = "X-Eposn-Customer-Token"


async def own(shop: Shop, token: str) -> list[Body]:
    answer = await shop.get(OWN, token=token)
    assert answer.status_code == 200, answer.text
    listed: list[Body] = answer.json()
    return listed


def refused(answer: httpx2.Response, code: str, status: int = 401) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


# ── people ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_person_sees_when_from_where_and_with_what_they_signed_in(shop: Shop) -> None:
    email, first = await shop.somebody(Role.CASHIER)
    address = an_address()
    second = good(await shop.sign_in(email, address=address, agent="Till/7 (odd)"))["accessToken"]
    newest, oldest = await own(shop, second)
    assert (newest["address"], newest["userAgent"], newest["current"]) == (address, "Till/7 (odd)", True)
    assert (oldest["current"], newest["kind"], newest["name"], newest["secondFactor"]) == (False, "staff", email, False)
    assert newest["startedAt"] > oldest["startedAt"]
    assert [one["current"] for one in await own(shop, first)] == [False, True]


async def test_a_person_ends_one_sign_in_or_all_others(shop: Shop) -> None:
    email, here = await shop.somebody(Role.CASHIER)
    lost, *others = [await shop.token_of(email) for _ in range(3)]
    (session,) = [one["id"] for one in await own(shop, lost) if one["current"]]
    assert good(await shop.call("DELETE", f"{OWN}/{session}", token=here)) == {"ended": 1}
    refused(await shop.get("/v2/token", token=lost), "invalid_token")
    good(await shop.get("/v2/token", token=others[0]))
    assert good(await shop.call("DELETE", OWN, token=here)) == {"ended": 2}
    for token in others:
        refused(await shop.get("/v2/token", token=token), "invalid_token")
    assert [one["current"] for one in await own(shop, here)] == [True]


async def test_signing_out_is_ending_ones_own(shop: Shop) -> None:
    _, token = await shop.somebody(Role.CASHIER)
    (session,) = await own(shop, token)
    good(await shop.call("DELETE", f"{OWN}/{session['id']}", token=token))
    refused(await shop.get("/v2/token", token=token), "invalid_token")


async def test_somebody_elses_session_and_none_at_all_are_unknown_alike(shop: Shop) -> None:
    _, anna = await shop.somebody(Role.CASHIER)
    _, bo = await shop.somebody(Role.CASHIER)
    (session,) = await own(shop, bo)
    answers = [await shop.call("DELETE", f"{OWN}/{one}", token=anna) for one in (session["id"], UNKNOWN)]
    assert {(answer.status_code, answer.content) for answer in answers} == {(404, answers[0].content)}
    good(await shop.get("/v2/token", token=bo))


async def test_the_owner_ends_what_a_colleague_left_open(shop: Shop) -> None:
    email, token = await shop.somebody(Role.CASHIER)
    colleague = good(await shop.get("/v2/token", token=token))["id"]
    path = f"/v2/staff/{colleague}/sessions"
    (session,) = (await shop.get(path)).json()
    good(await shop.call("DELETE", f"{path}/{session['id']}", token=await shop.person()))
    refused(await shop.get("/v2/token", token=token), "invalid_token")
    again = [await shop.token_of(email) for _ in range(2)]
    assert good(await shop.call("DELETE", path, token=await shop.person())) == {"ended": 2}
    for one in again:
        refused(await shop.get("/v2/token", token=one), "invalid_token")
    assert (await shop.get(path)).json() == []


async def test_who_ended_what_is_in_the_audit_log(shop: Shop) -> None:
    email, token = await shop.somebody(Role.CASHIER)
    await shop.token_of(email)
    person = good(await shop.get("/v2/token", token=token))["id"]
    good(await shop.call("DELETE", OWN, token=token))
    rows = await shop.rows("SELECT actor, merchant_id FROM audit_log WHERE action = 'staff-session:ended'")
    assert {"actor": f"staff:{person}", "merchant_id": shop.merchant_id} in rows


# ── customers ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_customer_sees_and_ends_their_own(shop: Shop) -> None:
    phone = await signed_in(shop)
    email = phone["verifiedTarget"]
    laptop = await signed_in(shop, email)
    beside = {CUSTOMER: phone["sessionToken"]}
    listed = (await shop.get(MINE, headers=beside)).json()
    assert [(one["kind"], one["who"], one["name"]) for one in listed] == [
        ("customer", phone["identity"]["id"], email)
    ] * 2
    good(await shop.call("DELETE", f"{MINE}/{listed[0]['id']}", headers=beside))
    refused(await shop.get(REPORTS, headers={CUSTOMER: laptop["sessionToken"]}), "invalid_session_token")
    assert (await shop.get(REPORTS, headers=beside)).status_code == 200
    assert good(await shop.call("DELETE", MINE, headers=beside)) == {"ended": 1}
    refused(await shop.get(REPORTS, headers=beside), "invalid_session_token")


async def test_the_merchant_signs_a_customer_out_and_only_its_own(shop: Shop) -> None:
    customer = await signed_in(shop)
    path = f"/v2/giftcards/customers/{customer['identity']['id']}/sessions"
    _, stranger = await shop.stranger()
    test_key = await shop.key(is_test=True)
    for token in (stranger, test_key):
        assert (await shop.get(path, token=token)).json() == []
        assert good(await shop.call("DELETE", path, token=token)) == {"ended": 0}
    assert (await shop.get(REPORTS, headers={CUSTOMER: customer["sessionToken"]})).status_code == 200
    assert good(await shop.call("DELETE", path)) == {"ended": 1}
    refused(await shop.get(REPORTS, headers={CUSTOMER: customer["sessionToken"]}), "invalid_session_token")


async def test_one_customer_does_not_end_anothers(shop: Shop) -> None:
    anna, bo = await signed_in(shop), await signed_in(shop)
    (session,) = (await shop.get(MINE, headers={CUSTOMER: bo["sessionToken"]})).json()
    beside = {CUSTOMER: anna["sessionToken"]}
    refused(await shop.call("DELETE", f"{MINE}/{session['id']}", headers=beside), "session_not_found", 404)
    assert (await shop.get(REPORTS, headers={CUSTOMER: bo["sessionToken"]})).status_code == 200


# ── tills ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_merchant_ends_a_tills_session_and_a_till_its_own(shop: Shop) -> None:
    front_end = await FrontEnd.of(shop)
    first = await front_end.till(locationId="7")
    (session,) = [one for one in (await shop.get(TILLS)).json() if one["name"] == "7"]
    good(await shop.get(THEME, headers=first))
    good(await shop.call("DELETE", f"{TILLS}/{session['id']}"))
    refused(await shop.get(THEME, headers=first), "invalid_session_token")
    second = await front_end.till()
    assert good(await shop.call("DELETE", "/v2/giftcards/merchants/session", headers=second)) == {"ended": 1}
    refused(await shop.get(THEME, headers=second), "invalid_session_token")


async def test_another_merchants_till_and_none_at_all_are_unknown_alike(shop: Shop) -> None:
    headers = await (await FrontEnd.of(shop)).till()
    (session, *_) = (await shop.get(TILLS)).json()
    _, stranger = await shop.stranger()
    answers = [
        await shop.call("DELETE", f"{TILLS}/{one}", token=token)
        for one in (session["id"], UNKNOWN)
        for token in (stranger, await shop.key(is_test=True))
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(404, answers[0].content)}
    assert (await shop.get(TILLS, token=stranger)).json() == []
    good(await shop.get(THEME, headers=headers))


# ── another process ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Elsewhere:
    """Another process at the same database, whose memory is as old as the test says."""

    served: Served
    passed: float = 0.0

    async def get(self, path: str, headers: dict[str, str]) -> int:
        return (await self.served.client.get(path, headers=headers)).status_code


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def elsewhere(app_settings: Settings, shared_database_url: str, shop: Shop) -> AsyncIterator[Elsewhere]:
    others: list[Elsewhere] = []
    async with serving(app_settings, shared_database_url, lambda: others[0].passed if others else 0.0) as served:
        others.append(Elsewhere(served))
        yield others[0]


Taken = tuple[str, dict[str, str], Callable[[], Awaitable[object]]]


async def _a_sign_in(shop: Shop) -> Taken:
    _, token = await shop.somebody(Role.CASHIER)
    return "/v2/token", {"Authorization": f"Bearer {token}"}, lambda: _own_ended(shop, token)


async def _own_ended(shop: Shop, token: str) -> None:
    (session,) = await own(shop, token)
    good(await shop.call("DELETE", f"{OWN}/{session['id']}", token=token))


async def _a_closed_account(shop: Shop) -> Taken:
    _, token = await shop.somebody(Role.CASHIER)
    colleague = good(await shop.get("/v2/token", token=token))["id"]

    async def close() -> None:
        good(await shop.call("PUT", f"/v2/staff/{colleague}", {"active": False}, token=await shop.person()))

    return "/v2/token", {"Authorization": f"Bearer {token}"}, close


async def _a_changed_password(shop: Shop) -> Taken:
    email, token = await shop.somebody(Role.CASHIER)
    services = shop.api.services
    account = await staff.find_by_email(services.database, email)
    return (
        "/v2/token",
        {"Authorization": f"Bearer {token}"},
        lambda: staff.reset_password(services.database, services.keyring, account.id, PASSWORD[::-1], "operator:test"),
    )


async def _a_key(shop: Shop) -> Taken:
    made = await keys.create_key(shop.api.services.database, shop.merchant_id, "operator:test")

    async def revoke() -> None:
        good(await shop.call("DELETE", f"/v2/appkeys/{made.key_id}", token=await shop.person()))

    return "/v2/loyalty/programs", {"Authorization": f"Bearer {made.secret}"}, revoke


async def _a_signing_key(shop: Shop) -> Taken:
    front_end = await FrontEnd.of(shop)
    path = pass_path(await shop.active())
    return path, {HEADER: front_end.header(b"", path, method="GET")}, front_end.end


async def _a_customer(shop: Shop) -> Taken:
    customer = await signed_in(shop)
    path = f"/v2/giftcards/customers/{customer['identity']['id']}/sessions"
    headers = {"Authorization": f"Bearer {shop.owner}", CUSTOMER: customer["sessionToken"]}
    return REPORTS, headers, lambda: shop.call("DELETE", path)


async def _a_till(shop: Shop) -> Taken:
    headers = {"Authorization": f"Bearer {shop.owner}", **await (await FrontEnd.of(shop)).till()}
    session = await shop.api.services.merchant_sessions.find(headers[TOKEN])
    assert session is not None
    return THEME, headers, lambda: shop.call("DELETE", f"{TILLS}/{session.id}")


async def _by_the_operator(shop: Shop) -> Taken:
    email, token = await shop.somebody(Role.CASHIER)
    database = shop.api.services.database
    account = await staff.find_by_email(database, email)
    return (
        "/v2/token",
        {"Authorization": f"Bearer {token}"},
        lambda: sessions.end_all(database, shop.merchant_id, "staff", account.id, "operator:test"),
    )


WAYS = {
    "a sign-in that its person ended": _a_sign_in,
    "the sign-in of a closed account": _a_closed_account,
    "a sign-in with an older password": _a_changed_password,
    "a sign-in that the operator ended": _by_the_operator,
    "a revoked key": _a_key,
    "a revoked signing key": _a_signing_key,
    "a customer whom the merchant signed out": _a_customer,
    "a till whose session was ended": _a_till,
}


@pytest.mark.parametrize("what", WAYS)
async def test_what_is_taken_back_here_is_over_there_within_thirty_seconds(
    shop: Shop, elsewhere: Elsewhere, what: str
) -> None:
    path, headers, take_back = await WAYS[what](shop)
    assert await elsewhere.get(path, headers) == 200
    await take_back()
    elsewhere.passed += 30
    assert await elsewhere.get(path, headers) == 401


@pytest.mark.parametrize("what", WAYS)
async def test_a_process_that_did_not_know_it_never_lets_it_in(shop: Shop, elsewhere: Elsewhere, what: str) -> None:
    path, headers, take_back = await WAYS[what](shop)
    await take_back()
    assert await elsewhere.get(path, headers) == 401
