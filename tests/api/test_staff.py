"""The people of a merchant: added, changed, closed, and never left without an owner."""

import asyncio

import httpx2
import pytest
from tests.api.shop import PASSWORD, UNKNOWN, Body, Shop, good
from tests.api.sign_in import an_email

from kado.access.permissions import Role

PATH = "/v2/staff"


async def added(shop: Shop, role: str = "cashier", *, token: str = "") -> Body:
    body = {"email": an_email(), "password": PASSWORD, "role": role, "name": "Bo", "confirmation": PASSWORD}
    return good(await shop.post(PATH, body, token=token or await shop.person()), 201)


async def changed(shop: Shop, who: Body, *, token: str = "", **members: object) -> httpx2.Response:
    body = {"confirmation": PASSWORD, **members}
    return await shop.call("PUT", f"{PATH}/{who['id']}", body, token=token or await shop.person())


def refused(answer: httpx2.Response, code: str, status: int) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def test_somebody_new_signs_in_and_is_what_was_said(shop: Shop) -> None:
    new = await added(shop, "read-only")
    assert new == {
        "id": new["id"],
        "email": new["email"],
        "name": "Bo",
        "role": "read-only",
        "active": True,
        "secondFactor": False,
        "createdAt": new["createdAt"],
    }
    token = await shop.token_of(new["email"])
    assert (await shop.get("/v2/giftcards/programs/cards", token=token)).status_code == 200
    refused(await shop.redeem(await shop.active(), token=token), "permission_denied", 403)
    assert new in (await shop.get(PATH)).json()


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("email", "nobody"), ("email", "a@b@c.example"), ("email", "a@flowers.example\r\nBcc: x@example.com"),
        ("password", "x" * 11), ("password", "x" * 257), ("role", "network-administrator"), ("role", "admin"),
        ("name", ""), ("name", "a\x00b"),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_named_and_not_repeated(shop: Shop, member: str, value: str) -> None:
    body = {"email": an_email(), "password": PASSWORD, "role": "cashier", member: value}
    answer = await shop.post(PATH, body, token=await shop.person())
    assert [error["loc"] for error in good(answer, 422)["detail"]] == [["body", member]]
    assert PASSWORD not in answer.text


async def test_an_email_is_one_persons_whoever_they_work_for(shop: Shop) -> None:
    new = await added(shop)
    stranger_id, _ = await shop.stranger()
    body = {"email": new["email"].upper(), "password": PASSWORD, "role": "cashier"}
    for token in (await shop.person(), await shop.person(merchant_id=stranger_id)):
        refused(await shop.post(PATH, body, token=token), "email_taken", 400)


async def test_a_role_changes_for_tokens_that_are_out_already(shop: Shop) -> None:
    new = await added(shop, "manager")
    token = await shop.token_of(new["email"])
    assert (await shop.get(PATH, token=token)).status_code == 200
    assert good(await changed(shop, new, role="cashier"))["role"] == "cashier"
    refused(await shop.get(PATH, token=token), "permission_denied", 403)


async def test_a_closed_account_is_over_and_can_be_opened_again(shop: Shop) -> None:
    new = await added(shop)
    token = await shop.token_of(new["email"])
    assert good(await changed(shop, new, active=False))["active"] is False
    refused(await shop.get("/v2/token", token=token), "invalid_token", 401)
    refused(await shop.sign_in(new["email"]), "invalid_credentials", 401)
    good(await changed(shop, new, active=True))
    refused(await shop.get("/v2/token", token=token), "invalid_token", 401)
    good(await shop.sign_in(new["email"]))


async def test_the_last_owner_stays_one(shop: Shop) -> None:
    merchant_id, _ = await shop.stranger()
    token = await shop.person(merchant_id=merchant_id)
    me = good(await shop.get("/v2/token", token=token))
    for change in ({"role": "manager"}, {"active": False}, {"role": "cashier", "active": False}):
        refused(await changed(shop, me, token=token, **change), "last_owner", 400)
    heir = await added(shop, "owner", token=token)
    good(await changed(shop, me, token=token, role="manager"))
    refused(await changed(shop, heir, token=await shop.token_of(heir["email"]), active=False), "last_owner", 400)


async def test_of_two_owners_who_leave_at_once_one_stays(shop: Shop) -> None:
    for _ in range(5):
        merchant_id, _ = await shop.stranger()
        token = await shop.person(merchant_id=merchant_id)
        me = good(await shop.get("/v2/token", token=token))
        heir = await added(shop, "owner", token=token)
        both = {"me": (me, token), "heir": (heir, await shop.token_of(heir["email"]))}
        answers = await asyncio.gather(*(changed(shop, who, token=own, role="manager") for who, own in both.values()))
        assert sorted(answer.status_code for answer in answers) == [200, 400]
        owners = await shop.rows("SELECT FROM staff WHERE merchant_id = $1 AND role = 'owner' AND active", merchant_id)
        assert len(owners) == 1


async def test_another_merchants_people_and_nobody_are_unknown_alike(shop: Shop) -> None:
    new = await added(shop)
    stranger_id, key = await shop.stranger()
    stranger = await shop.person(merchant_id=stranger_id)
    for method, action in (("PUT", ""), ("DELETE", "/mfa"), ("GET", "/sessions"), ("DELETE", "/sessions")):
        answers = [
            await shop.call(method, f"{PATH}/{one}{action}", {"role": "cashier"}, token=stranger)
            for one in (new["id"], UNKNOWN)
        ]
        assert {(answer.status_code, answer.content) for answer in answers} == {(404, answers[0].content)}
    assert new["email"] not in (await shop.get(PATH, token=key)).text


async def test_changes_are_in_the_audit_log_with_before_and_after(shop: Shop) -> None:
    new = await added(shop)
    good(await changed(shop, new, role="manager"))
    good(await changed(shop, new, role="manager"))
    good(await changed(shop, new, active=False))
    rows = await shop.rows(
        "SELECT action, before::text AS before, after::text AS after FROM audit_log WHERE subject = $1 ORDER BY at, id",
        new["id"],
    )
    assert [row["action"] for row in rows] == ["staff:created", "staff:changed", "staff:changed"]
    assert ('"role": "cashier"' in rows[1]["before"], '"role": "manager"' in rows[1]["after"]) == (True, True)
    assert ('"active": true' in rows[2]["before"], '"active": false' in rows[2]["after"]) == (True, True)


# ── more than a token ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("role", ["owner", "manager"])
async def test_a_token_alone_makes_nobody_powerful(shop: Shop, role: str) -> None:
    """Whoever has stolen one has it for an hour; an account of their own they would have for good."""
    _, token = await shop.somebody()
    body = {"email": an_email(), "password": PASSWORD, "role": role}
    refused(await shop.post(PATH, body, token=token), "confirmation_required", 403)
    refused(await shop.post(PATH, body | {"confirmation": "wrong horse"}, token=token), "invalid_credentials", 401)
    assert body["email"] not in (await shop.get(PATH)).text
    new = await added(shop, token=token)
    raised = await shop.call("PUT", f"{PATH}/{new['id']}", {"role": role}, token=token)
    refused(raised, "confirmation_required", 403)
    good(await shop.call("PUT", f"{PATH}/{new['id']}", {"role": role, "confirmation": PASSWORD}, token=token))
    for less in ({"active": False}, {"role": "read-only"}):
        good(await shop.call("PUT", f"{PATH}/{new['id']}", less, token=token))
    good(await changed(shop, new, role=role, active=False, token=token))
    opened = await shop.call("PUT", f"{PATH}/{new['id']}", {"active": True}, token=token)
    refused(opened, "confirmation_required", 403)
    assert good(await shop.post(PATH, body | {"confirmation": PASSWORD}, token=token), 201)["role"] == role


async def test_from_an_owner_to_a_manager_is_less_and_takes_a_token_only(shop: Shop) -> None:
    new = await added(shop, "owner")
    good(await shop.call("PUT", f"{PATH}/{new['id']}", {"role": "manager"}, token=await shop.person()))


async def test_emails_of_others_are_not_for_the_asking(shop: Shop) -> None:
    """An email is one person's on the whole server, so adding one tells: twenty times a day, and not for a list."""
    taken, _ = await shop.somebody()
    merchant_id, _ = await shop.stranger()
    token = await shop.person(merchant_id=merchant_id)
    await added(shop, token=token)
    body = {"email": taken, "password": PASSWORD, "role": "cashier"}
    answers = await asyncio.gather(*(shop.post(PATH, body, token=token) for _ in range(22)))
    assert sorted(answer.json()["code"] for answer in answers) == ["email_taken"] * 20 + ["too_many_attempts"] * 2
    refused(await shop.post(PATH, body | {"email": an_email()}, token=token), "too_many_attempts", 429)
    await added(shop)


async def test_a_network_administrator_sees_all_merchants_and_nobodys_cards(shop: Shop) -> None:
    token = await shop.person(Role.NETWORK_ADMINISTRATOR)
    stranger_id, _ = await shop.stranger()
    seen = (await shop.get("/v2/network/merchants", token=token)).json()
    assert {shop.merchant_id, stranger_id} <= {merchant["id"] for merchant in seen}
    assert {frozenset(merchant) for merchant in seen} == {frozenset({"id", "name", "createdAt"})}
    card = await shop.active()
    for answer in (
        await shop.redeem(card, token=token),
        await shop.get(f"/v2/giftcards/programs/{shop.program_id}/cards/{card['id']}", token=token),
        await shop.get("/v2/giftcards/programs/cards", token=token),
        await shop.get(PATH, token=token),
    ):
        refused(answer, "permission_denied", 403)
