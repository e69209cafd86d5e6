"""Keys over the API: made by people, narrowed, limited in time and to programs, listed without secrets, revoked."""

from datetime import timedelta

import httpx2
import pytest
from tests.api.shop import LIST_ALL, SEARCH_ALL, UNKNOWN, Body, Shop, card_path, cards_path, good, pass_path

from kado.access.permissions import Permission, Role

PATH = "/v2/appkeys"


async def made(shop: Shop, **members: object) -> Body:
    key = good(await shop.post(PATH, members, token=await shop.person()))
    assert key.keys() == {"id", "token", "expires"}
    return key


def refused(answer: httpx2.Response, code: str, status: int) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def test_a_key_may_do_what_a_till_does_unless_more_was_asked_for(shop: Shop) -> None:
    plain, full = await made(shop, name="till 2"), await made(shop, name="back office", fullAccess=True)
    card = await shop.active()
    for key in (plain, full):
        good(await shop.redeem(card, token=key["token"]))
    refused(await shop.post(card_path(card, "void"), {"reason": "x"}, token=plain["token"]), "permission_denied", 403)
    refused(await shop.get(LIST_ALL, token=plain["token"]), "permission_denied", 403)
    good(await shop.post(card_path(card, "void"), {"reason": "x"}, token=full["token"]))


async def test_role_and_scopes_narrow_it(shop: Shop) -> None:
    key = await made(shop, role="manager", scopes=["cards:list", "cards:read"])
    assert (await shop.get(LIST_ALL, token=key["token"])).status_code == 200
    refused(await shop.redeem(await shop.active(), token=key["token"]), "permission_denied", 403)
    answer = await shop.post(PATH, {"role": "cashier", "scopes": ["cards:void"]}, token=await shop.person())
    assert [error["loc"] for error in good(answer, 422)["detail"]] == [["body", "scopes"]]


async def test_no_scopes_at_all_are_not_all_scopes(shop: Shop) -> None:
    answer = await shop.post(PATH, {"role": "owner", "scopes": []}, token=await shop.person())
    assert [error["loc"] for error in good(answer, 422)["detail"]] == [["body", "scopes"]]


async def test_no_key_is_a_network_administrators(shop: Shop) -> None:
    for body in ({"role": "network-administrator"}, {"fullAccess": True, "scopes": ["network:read"]}):
        good(await shop.post(PATH, body, token=await shop.person()), 422)
    full = await made(shop, fullAccess=True)
    refused(await shop.get("/v2/network/merchants", token=full["token"]), "permission_denied", 403)


async def test_it_ends_when_it_was_said_to(shop: Shop) -> None:
    life = await made(shop, expires=3600)
    moment = int((await shop.now()).timestamp()) + 7200
    at = await made(shop, expires=moment)
    listed = {one["id"]: one for one in (await shop.get(PATH)).json()}
    assert [listed[key["id"]]["expires"] for key in (life, at)] == [life["expires"], at["expires"]]
    ends = await shop.rows("SELECT id, expires_at - created_at AS life FROM api_key WHERE expires_at IS NOT NULL")
    lives = {row["id"]: row["life"] for row in ends}
    assert abs(lives[life["id"]] - timedelta(hours=1)) < timedelta(seconds=1)
    assert timedelta(0) <= timedelta(hours=2) - lives[at["id"]] < timedelta(seconds=5)
    assert (await shop.get("/v2/loyalty/programs", token=life["token"])).status_code == 200
    await shop.superuser.execute("UPDATE api_key SET expires_at = clock_timestamp() WHERE id = $1", at["id"])
    refused(await shop.get("/v2/loyalty/programs", token=at["token"]), "invalid_token", 401)


async def test_an_end_that_cannot_be_is_refused(shop: Shop) -> None:
    now = int((await shop.now()).timestamp())
    for expires in (0, -1, now - 60, 5 * 366 * 86400 + 1, now + 6 * 366 * 86400, 10**15, 1.5, "3600", True):
        answer = await shop.post(PATH, {"expires": expires}, token=await shop.person())
        assert [error["loc"] for error in good(answer, 422)["detail"]] == [["body", "expires"]], expires


async def test_a_key_for_a_program_enters_no_other(shop: Shop) -> None:
    inside, outside = await shop.program(), await shop.program()
    token = (await made(shop, fullAccess=True, allowedTemplates=[inside]))["token"]
    mine, other = await shop.active(program_id=inside), await shop.active(program_id=outside)
    good(await shop.redeem(mine, token=token))
    good(await shop.get(pass_path(mine), token=token))
    assert [card["id"] for card in (await shop.get(LIST_ALL, token=token)).json()] == [mine["id"]]
    assert (await shop.get(f"{SEARCH_ALL}?q={other['cardNumber']}", token=token)).json() == []
    assert [program["id"] for program in (await shop.get("/v2/loyalty/programs", token=token)).json()] == [inside]
    refused(await shop.redeem(other, token=token), "program_forbidden", 403)
    nowhere = await shop.redeem({**other, "programId": UNKNOWN}, token=token)
    assert nowhere.content == (await shop.redeem(other, token=token)).content
    refused(await shop.get(f"{LIST_ALL}?programId={outside}", token=token), "program_forbidden", 403)
    refused(await shop.get(pass_path(other), token=token), "pass_not_found", 404)
    refused(await shop.get(f"{cards_path(outside)}/bulk/{UNKNOWN}", token=token), "program_forbidden", 403)
    for method, path in (("POST", "/v2/programs"), ("GET", "/v2/webhooks"), ("GET", PATH), ("GET", "/v2/staff")):
        refused(await shop.call(method, path, token=token, content=b"{}"), "permission_denied", 403)
    refused(await shop.post("/v2/giftcards/customers/otp/send", {"target": "x"}, token=token), "permission_denied", 403)


async def test_a_key_for_another_merchants_program_is_not_made(shop: Shop) -> None:
    _, stranger = await shop.stranger()
    theirs = good(await shop.post("/v2/programs", {"name": "Theirs"}, token=stranger), 201)["id"]
    answers = [
        await shop.post(PATH, {"allowedTemplates": [program]}, token=await shop.person())
        for program in (theirs, UNKNOWN)
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(403, answers[0].content)}


async def test_a_key_makes_no_keys_and_no_people(shop: Shop) -> None:
    full = (await made(shop, fullAccess=True))["token"]
    refused(await shop.post(PATH, {}, token=full), "not_a_person", 401)
    refused(await shop.call("DELETE", f"{PATH}/{UNKNOWN}", token=full), "not_a_person", 401)
    body = {"email": "x@flowers.example", "password": "x" * 12, "role": "owner"}
    refused(await shop.post("/v2/staff", body, token=full), "not_a_person", 401)


async def test_two_live_side_by_side_until_one_is_revoked(shop: Shop) -> None:
    first, second = await made(shop, name="old"), await made(shop, name="new")
    for key in (first, second):
        assert (await shop.get("/v2/loyalty/programs", token=key["token"])).status_code == 200
    revoked = good(await shop.call("DELETE", f"{PATH}/{first['id']}", token=await shop.person()))
    assert revoked["revokedAt"] is not None
    refused(await shop.get("/v2/loyalty/programs", token=first["token"]), "invalid_token", 401)
    assert (await shop.get("/v2/loyalty/programs", token=second["token"])).status_code == 200


async def test_another_merchants_key_and_none_at_all_are_unknown_alike(shop: Shop) -> None:
    stranger_id, theirs = await shop.stranger()
    mine = await made(shop)
    stranger = await shop.person(merchant_id=stranger_id)
    answers = [await shop.call("DELETE", f"{PATH}/{one}", token=stranger) for one in (mine["id"], UNKNOWN)]
    assert {(answer.status_code, answer.content) for answer in answers} == {(404, answers[0].content)}
    assert (await shop.get("/v2/loyalty/programs", token=mine["token"])).status_code == 200
    assert mine["id"] not in (await shop.get(PATH, token=theirs)).text


async def test_a_list_shows_everything_but_the_secrets(shop: Shop) -> None:
    key = await made(shop, name="till 9", role="cashier", scopes=["cards:redeem"], allowedTemplates=[shop.program_id])
    answer = await shop.get(PATH)
    (one,) = [one for one in answer.json() if one["id"] == key["id"]]
    assert one == {
        "id": key["id"],
        "kind": "live",
        "name": "till 9",
        "role": "cashier",
        "scopes": ["cards:redeem"],
        "allowedTemplates": [shop.program_id],
        "createdAt": one["createdAt"],
        "expires": None,
        "revokedAt": None,
    }
    assert key["token"] not in answer.text
    assert key["token"][10:] not in str(await shop.rows("SELECT * FROM api_key"))


@pytest.mark.parametrize("role", [Role.MANAGER, Role.CASHIER, Role.READ_ONLY])
async def test_owners_alone_make_keys(shop: Shop, role: Role) -> None:
    answer = await shop.post(PATH, {}, token=await shop.person(role))
    refused(answer, "permission_denied", 403)
    assert answer.json()["permission"] == Permission.KEYS_WRITE
