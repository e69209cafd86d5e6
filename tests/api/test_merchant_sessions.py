"""A till's session is opened by a signed request alone, in one shop for each of the platform's ids."""

import asyncio
import json
import secrets
from itertools import product
from typing import Any

import pytest
import pytest_asyncio
from tests.api.shop import UNKNOWN, Fits, Shop, Superuser, fingerprint, good
from tests.api.tills import APP_TOKEN, SESSION, THEME, TOKEN, VALIDATE, FrontEnd, a_platform_id, audit_of, validated

from kado.access.merchant_sessions import MerchantSessions, sweep
from kado.access.permissions import Permission
from kado.access.signatures import HEADER


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def front_end(shop: Shop) -> FrontEnd:
    return await FrontEnd.of(shop)


# ── opening ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_session_shows_the_shop_the_place_and_the_token(front_end: FrontEnd, shop: Shop, fits: Fits) -> None:
    said = {"name": "Kew Garden", "locationId": "L1", "locationName": "Front desk", "programId": shop.program_id}
    said |= {"userId": "u-1", "role": "manager", "cashierId": "C-7", "terminalId": "T-2", "platform": "clover"}
    opened = fits("MerchantSessionResponse", await front_end.session(**said))
    assert opened == {
        "id": opened["id"],
        "merchantId": shop.merchant_id,
        "name": "Kew Garden",
        "platform": "clover",
        "programId": shop.program_id,
        "active": True,
        "locationId": "L1",
        "locationName": "Front desk",
        "locations": [
            {
                "locationId": "L1",
                "locationName": "Front desk",
                "lastSeenAt": opened["locations"][0]["lastSeenAt"],
                "programId": shop.program_id,
            }
        ],
        "cashierId": "C-7",
        "terminalId": "T-2",
        "role": "manager",
        "sessionToken": opened["sessionToken"],
    }
    assert opened["sessionToken"].startswith("kado_till_")
    (row,) = await shop.rows(
        "SELECT *, expires_at - opened_at AS life FROM merchant_session WHERE shop_id = $1", opened["id"]
    )
    assert row["life"].total_seconds() == pytest.approx(12 * 3600, abs=1)
    assert (row["user_id"], row["signing_key_id"]) == ("u-1", front_end.key.key_id)


async def test_what_a_platform_need_not_say_is_null(front_end: FrontEnd, fits: Fits) -> None:
    opened = fits("MerchantSessionResponse", await front_end.session())
    nothing = ("name", "programId", "locationId", "locationName", "cashierId", "terminalId")
    assert [opened[name] for name in nothing] == [None] * len(nothing)
    assert (opened["platform"], opened["role"], opened["locations"]) == ("eposnow", "cashier", [])


async def test_opening_again_updates_the_same_shop_and_keeps_what_is_not_said(front_end: FrontEnd, shop: Shop) -> None:
    platform_id, program = a_platform_id(), await shop.program()
    first = await front_end.session(
        merchantId=platform_id, name="Kew", locationId="L1", locationName="Desk", programId=shop.program_id
    )
    second = await front_end.session(merchantId=platform_id, locationId="L2", programId=program)
    third = await front_end.session(merchantId=platform_id, name="Kew Garden", locationId="L1")
    assert {first["id"], second["id"]} == {third["id"]}
    assert (second["name"], third["name"], third["locationName"]) == ("Kew", "Kew Garden", "Desk")
    # A program that is sent changes the place at which the session is, and no other.
    programs = {place["locationId"]: place["programId"] for place in third["locations"]}
    assert programs == {"L1": shop.program_id, "L2": program}
    assert third["locations"][0]["lastSeenAt"] > first["locations"][0]["lastSeenAt"]
    assert len({first["sessionToken"], second["sessionToken"], third["sessionToken"]}) == 3


async def test_the_same_id_on_another_platform_or_of_another_merchant_is_another_shop(
    front_end: FrontEnd, shop: Shop
) -> None:
    stranger_id, _ = await shop.stranger()
    stranger = await FrontEnd.of(shop, stranger_id)
    platform_id = a_platform_id()
    opened = [
        await front_end.session(merchantId=platform_id, name="Kew"),
        await front_end.session(merchantId=platform_id, platform="shopify"),
        await stranger.session(merchantId=platform_id),
    ]
    assert len({body["id"] for body in opened}) == 3
    assert [body["name"] for body in opened] == ["Kew", None, None]
    assert opened[2]["merchantId"] == stranger_id


async def test_sessions_opened_at_once_share_one_shop(front_end: FrontEnd, shop: Shop) -> None:
    platform_id = a_platform_id()
    opened = await asyncio.gather(
        *(front_end.session(merchantId=platform_id, locationId=f"L{at % 3}", name=f"Kew {at}") for at in range(12))
    )
    (shop_id,) = {body["id"] for body in opened}
    assert len({body["sessionToken"] for body in opened}) == 12
    counted = await shop.rows(
        "SELECT (SELECT count(*) FROM shop WHERE platform_id = $2) AS shops,"
        " (SELECT count(*) FROM shop_location WHERE shop_id = $1) AS places,"
        " (SELECT count(*) FROM merchant_session WHERE shop_id = $1) AS sessions",
        shop_id,
        platform_id,
    )
    assert counted == [{"shops": 1, "places": 3, "sessions": 12}]
    assert [row["action"] for row in await audit_of(shop, shop_id)].count("shop:created") == 1
    for body in opened:
        assert (await validated(shop, body["sessionToken"]))["valid"] is True


@pytest.mark.parametrize(
    ("said", "role"),
    [("owner", "owner"), ("manager", "manager"), ("cashier", "cashier"), ("read-only", "read-only"),
     ("Owner", "cashier"), ("admin", "cashier"), ("", "cashier"), (None, "cashier")],
)  # fmt: skip
async def test_a_role_that_kado_does_not_know_is_a_cashier(front_end: FrontEnd, said: str | None, role: str) -> None:
    assert (await front_end.session(role=said))["role"] == role


async def test_opening_is_audited_without_secrets(front_end: FrontEnd, shop: Shop) -> None:
    platform_id = a_platform_id()
    said = {"merchantId": platform_id, "cashierId": "C-7", "programId": shop.program_id}
    opened = await front_end.session(**said)
    await front_end.session(**said)
    await front_end.session(merchantId=platform_id, appToken="another-app-token-9876543210")
    await front_end.session(merchantId=platform_id, appToken="another-app-token-9876543210")
    rows = await audit_of(shop, opened["id"])
    assert [row["action"] for row in rows] == [
        "shop:created", "shop:program-changed", "merchant-session:opened", "merchant-session:opened",
        "shop:app-token-changed", "merchant-session:opened", "merchant-session:opened",
    ]  # fmt: skip
    assert {row["actor"] for row in rows} == {f"signing-key:{front_end.key.key_id}"}
    assert {row["merchant_id"] for row in rows} == {shop.merchant_id}
    assert rows[1]["details"] == {"location": ""}
    assert (rows[1]["before"], rows[1]["after"]) == ({"programId": None}, {"programId": shop.program_id})
    assert rows[2]["details"]["cashier"] == "C-7"
    text = repr(rows)
    assert not any(secret in text for secret in (APP_TOKEN, "another-app-token", "kado_till_"))


async def test_nothing_of_a_request_is_kept_that_was_not_asked_for(front_end: FrontEnd, thief: Superuser) -> None:
    mark = secrets.token_hex(6)
    await front_end.session(**{mark: mark, "sessionToken": mark, "active": False, "locations": [{"locationId": mark}]})
    for table in ("shop", "shop_location", "merchant_session", "audit_log"):
        assert await thief.fetchval(f"SELECT count(*) FROM {table} t WHERE strpos(t::text, $1) > 0", mark) == 0


# ── proof ──────────────────────────────────────────────────────────────────────────────────────────────────────────

GOOD = {"appToken": APP_TOKEN, "merchantId": "shop-of-a-thief"}


async def refused(shop: Shop, headers: dict[str, str], content: bytes, code: str, **options: Any) -> None:
    before = await fingerprint(shop.superuser)
    answer = await shop.post(SESSION, headers=headers, content=content, **options)
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert answer.headers["www-authenticate"] == "Bearer"
    assert await fingerprint(shop.superuser) == before


async def test_a_bearer_alone_opens_no_session(shop: Shop) -> None:
    content = json.dumps(GOOD).encode()
    await refused(shop, {}, content, "unauthenticated")
    await refused(shop, {}, content, "unauthenticated", token=None)
    await refused(shop, {}, b"{}", "unauthenticated")
    await refused(shop, {HEADER: ""}, content, "invalid_signature")


@pytest.mark.parametrize("age", [310, 86_400, -90])
async def test_an_old_signature_is_refused(front_end: FrontEnd, shop: Shop, age: int) -> None:
    content = json.dumps(GOOD).encode()
    await refused(shop, {HEADER: front_end.header(content, age=age)}, content, "invalid_signature", token=None)


async def test_a_signature_is_of_this_body_path_and_method(front_end: FrontEnd, shop: Shop) -> None:
    content = json.dumps(GOOD).encode()
    for header, sent in (
        (front_end.header(content), json.dumps(GOOD | {"role": "owner"}).encode()),
        (front_end.header(content), content + b" "),
        (front_end.header(content), b""),
        (front_end.header(b""), content),
        (front_end.header(content, VALIDATE), content),
        (front_end.header(content, "/api" + SESSION), content),
        (front_end.header(content, method="PUT"), content),
    ):
        await refused(shop, {HEADER: header}, sent, "invalid_signature", token=None)


async def test_a_revoked_key_opens_no_session_and_ends_those_it_opened(shop: Shop) -> None:
    front_end, other = await FrontEnd.of(shop), await FrontEnd.of(shop)
    opened, content = [await front_end.session(), await other.session()], json.dumps(GOOD).encode()
    fresh = await FrontEnd.of(shop)
    headers = [each.header(content) for each in (front_end, fresh)]
    await front_end.end()
    await fresh.end()
    await refused(shop, {HEADER: headers[1]}, content, "invalid_signature", token=None)
    # This process remembers a key and a session for half a minute; one that never saw them knows at once.
    elsewhere = MerchantSessions(shop.api.services.database)
    assert await elsewhere.find(opened[0]["sessionToken"]) is None
    assert await elsewhere.find(opened[1]["sessionToken"]) is not None


async def test_the_path_is_signed_as_it_was_sent(front_end: FrontEnd) -> None:
    good(await front_end.post(GOOD | {"merchantId": a_platform_id()}, "/api" + SESSION))


# ── bad input ──────────────────────────────────────────────────────────────────────────────────────────────────────

NO_TEXT: tuple[object, ...] = ("", None, 7, [], {}, True)
MISFITS: list[tuple[str, object]] = [
    *product(("appToken", "merchantId"), NO_TEXT),
    ("appToken", "x" * 513), ("merchantId", "x" * 101), ("name", "x" * 256), ("locationName", "x" * 256),
    *((name, "x" * 101) for name in ("locationId", "programId", "userId", "role", "cashierId", "terminalId")),
    *((name, 7) for name in ("name", "locationId", "programId", "userId", "role", "cashierId", "terminalId")),
    *product(["platform"], (*NO_TEXT, "EPOSNOW", "square")),
    *((name, "a\0b") for name in ("appToken", "merchantId", "name", "locationId", "role", "cashierId")),
    *((name, "a\ud800") for name in ("appToken", "merchantId", "locationName", "terminalId")),
    ("name", "line\nfeed"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), MISFITS)
async def test_a_member_out_of_bounds_is_named_and_never_shown(front_end: FrontEnd, name: str, value: object) -> None:
    answer = await front_end.open(**{name: value})
    detail = good(answer, 422)["detail"]
    assert {tuple(error["loc"]) for error in detail} == {("body", name)}
    assert APP_TOKEN not in answer.text
    if name == "appToken":
        assert not any("input" in error for error in detail)


@pytest.mark.parametrize("body", [[], "x", 1, None, {}])
async def test_what_is_no_request_is_refused(front_end: FrontEnd, body: object) -> None:
    assert (await front_end.post(body)).status_code == 422


async def test_members_as_long_as_they_may_be_are_kept(front_end: FrontEnd) -> None:
    long = {"name": "n" * 255, "locationName": "l" * 255, "locationId": "i" * 100, "cashierId": "c" * 100}
    opened = await front_end.session(merchantId=secrets.token_hex(50), appToken="x" * 512, **long)
    assert {name: opened[name] for name in long} == long


@pytest.mark.parametrize("program", ["", "x", "F" * 24, "0" * 23, "../../x", "0" * 25])
async def test_what_is_no_programs_id_is_refused(front_end: FrontEnd, program: str) -> None:
    answer = await front_end.open(programId=program)
    assert good(answer, 400)["code"] == "bad_program_id"


async def test_another_merchants_program_and_none_at_all_are_refused_alike(front_end: FrontEnd, shop: Shop) -> None:
    _, stranger = await shop.stranger()
    foreign = good(await shop.post("/v2/programs", {"name": "Foreign"}, token=stranger), 201)["id"]
    before = await fingerprint(shop.superuser)
    answers = [await front_end.open(programId=program) for program in (foreign, UNKNOWN)]
    assert {(answer.status_code, answer.content) for answer in answers} == {(403, answers[0].content)}
    assert answers[0].json()["code"] == "program_forbidden"
    assert await fingerprint(shop.superuser) == before


async def test_an_admitted_merchants_shop_uses_the_program(shop: Shop) -> None:
    merchant_id, _ = await shop.admitted()
    front_end = await FrontEnd.of(shop, merchant_id)
    assert (await front_end.session(programId=shop.program_id))["programId"] == shop.program_id


async def test_a_shop_has_a_thousand_places_at_most(front_end: FrontEnd, shop: Shop) -> None:
    platform_id = a_platform_id()
    opened = await front_end.session(merchantId=platform_id, locationId="first")
    await shop.superuser.execute(
        "INSERT INTO shop_location (shop_id, id) SELECT $1, 'L' || n FROM generate_series(2, 1000) AS n", opened["id"]
    )
    answer = await front_end.open(merchantId=platform_id, locationId="one more")
    assert good(answer, 400)["code"] == "too_many_locations"
    good(await front_end.open(merchantId=platform_id, locationId="first"))


# ── looking at a session ───────────────────────────────────────────────────────────────────────────────────────────


async def test_a_session_is_valid_for_its_merchant_and_shows_no_token(
    front_end: FrontEnd, shop: Shop, fits: Fits
) -> None:
    opened = await front_end.session(locationId="L1", role="manager", cashierId="C-1")
    token = opened["sessionToken"]
    expected = {"valid": True, "merchant": opened | {"sessionToken": None}}
    assert fits("ValidateMerchantSessionResponse", await validated(shop, token)) == expected
    signed = await front_end.post({"sessionToken": token}, VALIDATE)
    assert good(signed) == expected
    assert token not in signed.text


async def test_a_session_is_nothing_to_anyone_else(front_end: FrontEnd, shop: Shop, fits: Fits) -> None:
    token = (await front_end.session())["sessionToken"]
    stranger_id, stranger = await shop.stranger()
    admitted_id, admitted = await shop.admitted()
    invalid = {"valid": False, "merchant": None}
    for bearer in (stranger, admitted, await shop.key(is_test=True)):
        assert fits("ValidateMerchantSessionResponse", await validated(shop, token, token=bearer)) == invalid
    for merchant_id in (stranger_id, admitted_id):
        theirs = await FrontEnd.of(shop, merchant_id)
        assert good(await theirs.post({"sessionToken": token}, VALIDATE)) == invalid


@pytest.mark.parametrize("token", ["", "x", "kado_till_", "kado_till_" + "A" * 43, "\x7f", "x" * 60_000, "ä"])
async def test_what_is_no_session_token_is_not_valid(shop: Shop, token: str) -> None:
    content = json.dumps({"sessionToken": token}).encode()
    answer = await shop.post(VALIDATE, content=content)
    assert good(answer) == {"valid": False, "merchant": None}


@pytest.mark.parametrize(
    "body", [{}, {"sessionToken": None}, {"sessionToken": 1}, {"sessionToken": ["kado_till_x"]}, []]
)
async def test_a_look_without_a_token_is_refused_unseen(shop: Shop, body: object) -> None:
    answer = await shop.post(VALIDATE, body)
    assert answer.status_code == 422
    assert "kado_till_x" not in answer.text


async def test_looking_takes_a_bearer_or_a_signature(front_end: FrontEnd, shop: Shop) -> None:
    token = (await front_end.session())["sessionToken"]
    content = json.dumps({"sessionToken": token}).encode()
    header = front_end.header(content, VALIDATE, age=400)
    assert (await shop.post(VALIDATE, content=content, token=None)).json()["code"] == "unauthenticated"
    answer = await shop.post(VALIDATE, content=content, headers={HEADER: header})
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_signature")
    blind = await shop.key(scopes=[Permission.CARDS_READ])
    assert (await shop.post(VALIDATE, content=content, token=blind)).status_code == 403


async def test_a_session_ends_after_its_time_and_is_swept_away(front_end: FrontEnd, shop: Shop) -> None:
    ended, going = await front_end.session(), await front_end.session()
    await shop.superuser.execute(
        "UPDATE merchant_session SET expires_at = clock_timestamp() WHERE shop_id = $1", ended["id"]
    )
    assert await validated(shop, ended["sessionToken"]) == {"valid": False, "merchant": None}
    answer = await shop.get(THEME, headers={TOKEN: ended["sessionToken"]})
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_session_token")
    assert await sweep(shop.api.services.database) == 1
    assert await sweep(shop.api.services.database) == 0
    assert (await validated(shop, going["sessionToken"]))["valid"] is True
