"""How a "no" looks: its shape, its headers, and which of several reasons is given."""

import asyncio
import re
from typing import Any

import httpx2
import pytest
from tests.api.shop import UNKNOWN, Body, Shop, card_path, cards_path, check_path, good, pass_path

from kado.access.permissions import Role
from kado.ids import new_id

JSON = {"Content-Type": "application/json"}
LARGE = b'{"amount": "1.00", "description": "' + b"x" * 65_536 + b'"}'


# ── shapes ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def assert_plain(answer: httpx2.Response, expected: int, code: str, /, **members: object) -> Body:
    """`{"detail": "...", "code": "..."}` and the members that belong to it, nothing else."""
    body = good(answer, expected)
    assert answer.headers["content-type"] == "application/json"
    assert list(body)[:2] == ["detail", "code"]
    assert isinstance(body["detail"], str)
    assert body["detail"].endswith(".") or code == "max_balance_exceeded"
    assert {name: value for name, value in body.items() if name != "detail"} == {"code": code, **members}
    return body


def assert_standard_headers(answer: httpx2.Response) -> None:
    assert re.fullmatch(r"[0-9a-f]{24}", answer.headers["x-request-id"])
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "server" not in answer.headers


async def test_refusals_have_a_sentence_a_code_and_facts(shop: Shop) -> None:
    card = await shop.active("5.00")
    expired = await shop.card_in("expired")
    for answer, status, code, members in [
        (await shop.redeem(card, "5.01"), 400, "insufficient_balance", {"availableBalance": "5.00"}),
        (await shop.redeem(await shop.issue()), 400, "card_not_active", {"status": "pending"}),
        (await shop.redeem(expired), 400, "card_expired", {"status": "expired", "expiresAt": expired["expiresAt"]}),
        (await shop.post(card_path(card, "activate"), {}), 400, "card_not_pending", {"status": "active"}),
        (await shop.post(card_path(card, "unsuspend"), {}), 400, "card_not_suspended", {"status": "active"}),
        (await shop.post(card_path(card, "resend-code")), 400, "no_recipient", {}),
        (await shop.redeem({**card, "id": UNKNOWN}), 404, "card_not_found", {}),
        (await shop.get(pass_path(card) + "0"), 404, "pass_not_found", {}),
        (await shop.get("/v2/nothing"), 404, "not_found", {}),
        (await shop.redeem(card, token=None), 401, "unauthenticated", {}),
        (await shop.redeem(card, token="x"), 401, "invalid_token", {}),
        (await shop.redeem({**card, "programId": UNKNOWN}), 403, "program_forbidden", {}),
    ]:
        assert_plain(answer, status, code, **members)
        assert_standard_headers(answer)


async def test_a_reload_over_the_maximum_has_the_contracts_body_and_a_code(shop: Shop) -> None:
    answer = await shop.reload(await shop.active("9500.00"), "1000.00")
    assert answer.content == (
        b'{"detail":"Reload would exceed maximum card balance","code":"max_balance_exceeded","currentBalance":9500.00,'
        b'"reloadAmount":1000.00,"maxBalance":10000.00,"availableReloadAmount":500.00}'
    )


async def test_a_wrong_field_has_the_contracts_shape(shop: Shop, fits: Any) -> None:
    card = await shop.active()
    answer = await shop.redeem(card, "0.001", more={"cashierId": "x" * 51, "terminalId": 7})
    body = good(answer, 422)
    fits("HTTPValidationError", body)
    assert [error["loc"] for error in body["detail"]] == [
        ["body", name] for name in ("amount", "cashierId", "terminalId")
    ]
    assert body["detail"][0] == {
        "loc": ["body", "amount"],
        "msg": "Input should be greater than or equal to 0.01",
        "type": "greater_than_equal",
        "input": 0.001,
        "ctx": {"ge": 0.01},
    }
    assert answer.headers["content-type"] == "application/json"
    assert_standard_headers(answer)


async def test_a_field_that_a_rule_refuses_has_the_same_shape_and_a_code(shop: Shop) -> None:
    body = good(await shop.redeem(await shop.active(), "1.001"), 422)
    assert body == {
        "detail": [
            {"loc": ["body", "amount"], "msg": "USD amounts have at most 2 decimals", "type": "decimal_max_places"}
        ],
        "code": "decimal_max_places",
    }


async def test_secrets_are_never_sent_back(shop: Shop) -> None:
    number, code, captcha = "4" * 21, "7654321", "captcha-" * 600
    answer = await shop.post(
        check_path(shop.program_id), {"cardNumber": number, "securityCode": code, "captchaToken": captcha}, token=None
    )
    assert [error["loc"][1] for error in good(answer, 422)["detail"]] == ["cardNumber", "securityCode", "captchaToken"]
    body = {"initialValue": "1.00", "merchantId": shop.merchant_id, "customerEmail": "ada at example.com"}
    refused = await shop.post(cards_path(shop.program_id), body)
    good(refused, 422)
    for secret in (number, code, captcha[:20], "ada at"):
        assert secret not in answer.text + refused.text


# ── headers ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("token", [None, "x", "kado_live_" + "x" * 43])
async def test_a_401_says_how_to_prove_oneself(shop: Shop, token: str | None) -> None:
    for path in ("/v2/loyalty/programs", "/v2/token", cards_path(shop.program_id) + "/" + UNKNOWN):
        answer = await shop.get(path, token=token)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_a_429_says_when_to_come_back(shop: Shop) -> None:
    card = await shop.active(customerEmail="ada@example.com")
    for _ in range(3):
        good(await shop.post(card_path(card, "resend-code")))
    answer = await shop.post(card_path(card, "resend-code"))
    assert_plain(answer, 429, "resend_limit_reached")
    assert 3500 < int(answer.headers["retry-after"]) <= 3600


@pytest.mark.parametrize("name", ["a", "A-b_c.9", "x" * 128])
async def test_a_request_keeps_the_name_that_it_came_with(shop: Shop, name: str) -> None:
    for path in ("/health/live", "/v2/nothing", "/v2/token"):
        answer = await shop.get(path, headers={"X-Request-Id": name})
        assert answer.headers.get_list("x-request-id") == [name]


@pytest.mark.parametrize("name", ["", "x" * 129, "a b", "a,b", "<b>", "a/b", "é"])
async def test_a_request_with_any_other_name_gets_a_new_one(shop: Shop, name: str) -> None:
    headers = [(b"X-Request-Id", name.encode())]
    answers = [await shop.api.client.get("/health/live", headers=headers) for _ in range(2)]
    for answer in answers:
        assert_standard_headers(answer)
    assert answers[0].headers["x-request-id"] != answers[1].headers["x-request-id"]


# ── addresses, methods, types, sizes ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "path",
    [
        "/", "/v2", "/v2/", "/v1/token", "/v2/token/", "/v2/giftcards/", "/v2//token", "/V2/token", "/docs", "/redoc",
        "/v2/giftcards/programs", "/api/token", "/api/v2", "/api/api/v2/token", "/.env", "/v2/token%2F",
        "/v2/%74oken/..",
    ],
)  # fmt: skip
async def test_an_unknown_address_is_404_for_everyone(shop: Shop, path: str) -> None:
    for token in (None, ""):
        assert_plain(await shop.get(path, token=token), 404, "not_found")


async def test_a_wrong_method_is_405_and_names_the_right_ones(shop: Shop) -> None:
    card = await shop.issue()
    for method, path, allowed in [
        ("GET", card_path(card, "redeem"), "POST"),
        ("DELETE", card_path(card), "GET"),
        ("PUT", cards_path(shop.program_id), "GET, POST"),
        ("PATCH", "/v2/token", "GET, POST"),
        ("DELETE", f"/v2/loyalty/programs/{shop.program_id}", "GET, PUT"),
        ("POST", "/health/live", "GET"),
        ("OPTIONS", card_path(card), "GET"),
        ("TRACE", card_path(card), "GET"),
    ]:
        answer = await shop.call(method, path, token=None)
        assert_plain(answer, 405, "method_not_allowed")
        assert answer.headers["allow"] == allowed, (method, path)


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml",
     "application/jsonx", "application/json-patch+json", "json", "application/", "text/json",
     "application/json, text/html"],
)  # fmt: skip
async def test_a_body_of_another_type_is_415(shop: Shop, content_type: str) -> None:
    card = await shop.active()
    before = await shop.snapshot(card)
    headers = {"Content-Type": content_type} if content_type else {}
    headers["Authorization"] = f"Bearer {shop.owner}"
    answer = await shop.api.client.post(card_path(card, "redeem"), content=b'{"amount": "1.00"}', headers=headers)
    assert_plain(answer, 415, "unsupported_media_type")
    assert await shop.snapshot(card) == before


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON", "application/json; charset=utf-8", "application/json ;x=y"]
)
async def test_json_is_json_with_any_parameters(shop: Shop, content_type: str) -> None:
    card = await shop.active()
    good(
        await shop.post(
            card_path(card, "redeem"), content=b'{"amount": "1.00"}', headers={"Content-Type": content_type}
        )
    )


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity, gzip", "GZIP", "x"])
async def test_a_compressed_body_is_415(shop: Shop, encoding: str) -> None:
    answer = await shop.post(
        card_path(await shop.active(), "redeem"), content=b"{}", headers={**JSON, "Content-Encoding": encoding}
    )
    assert_plain(answer, 415, "unsupported_encoding")


async def test_a_body_over_64_kilobytes_is_413(shop: Shop) -> None:
    card = await shop.active()
    before = await shop.snapshot(card)
    path = card_path(card, "redeem")
    assert_plain(await shop.post(path, content=LARGE), 413, "body_too_large", maxBytes=65_536)
    assert_plain(await shop.post(path, content=LARGE, token=None), 413, "body_too_large", maxBytes=65_536)

    async def chunks() -> Any:
        for at in range(0, len(LARGE), 8192):
            yield LARGE[at : at + 8192]

    headers = {**JSON, "Authorization": f"Bearer {shop.owner}"}
    chunked = await shop.api.client.post(path, content=chunks(), headers=headers)
    assert_plain(chunked, 413, "body_too_large", maxBytes=65_536)
    assert await shop.snapshot(card) == before


async def test_a_body_of_exactly_64_kilobytes_is_read(shop: Shop) -> None:
    start = b'{"amount": "1.00", "ignored": "'
    body = start + b"x" * (65_536 - len(start) - 2) + b'"}'
    assert len(body) == 65_536
    good(await shop.post(card_path(await shop.active(), "redeem"), content=body))


async def test_headers_over_16_kilobytes_are_431(shop: Shop) -> None:
    headers = {f"X-Padding-{at}": "x" * 4096 for at in range(5)}
    assert_plain(await shop.get("/health/live", headers=headers), 431, "headers_too_large")


# ── which reason comes first ───────────────────────────────────────────────────────────────────────────────────────


async def test_reasons_come_in_their_order(shop: Shop) -> None:
    """size · JSON · 401 · 403 · 422 · 404 · 400: what breaks several rules is refused by the first of them."""
    pending = await shop.issue()
    reader = await shop.key(Role.READ_ONLY)
    unknown, foreign = {**pending, "id": UNKNOWN}, {**pending, "programId": UNKNOWN}
    malformed, wrong, well = b'{"amount": 1.00,}', b'{"amount": "x"}', b'{"amount": "1.00"}'
    for card, token, content, status in [
        (foreign, None, LARGE, 413),
        (foreign, None, malformed, 422),
        (foreign, "x", malformed, 422),
        (foreign, None, wrong, 401),
        ({**pending, "programId": "x"}, None, wrong, 401),
        (foreign, "", wrong, 403),
        (unknown, reader, wrong, 403),
        ({**pending, "id": "x"}, reader, wrong, 403),
        (unknown, "", wrong, 422),
        ({**pending, "id": "x"}, "", well, 422),
        ({**pending, "programId": "x"}, "", well, 422),
        (unknown, "", b'{"amount": "1.001"}', 422),
        (unknown, "", well, 404),
        (pending, "", wrong, 422),
        (pending, "", well, 400),
    ]:
        answer = await shop.post(card_path(card, "redeem"), content=content, token=token)
        assert answer.status_code == status, (card["id"], card["programId"], token, content[:20], answer.text)


async def test_the_key_is_checked_before_the_card_is_looked_for(shop: Shop) -> None:
    unknown = {**await shop.issue(), "id": UNKNOWN}
    assert good(await shop.redeem(unknown, key="a b"), 422)["detail"][0]["loc"] == ["header", "idempotency-key"]
    assert (await shop.redeem(unknown, key=new_id())).status_code == 404


async def test_of_several_refusals_about_a_card_the_state_comes_first(shop: Shop) -> None:
    program = await shop.program(maxRedeem="5.00")
    suspended = await shop.card_in("suspended", "10.00", program_id=program)
    assert (await shop.redeem(suspended, "100.00")).json()["code"] == "card_not_active"
    await shop.expire(suspended)
    assert (await shop.redeem(suspended, "100.00")).json()["code"] == "card_expired"
    active = await shop.active("1.00", program_id=program)
    assert (await shop.redeem(active, "100.00")).json()["code"] == "amount_over_limit"
    assert (await shop.redeem(active, "2.00")).json()["code"] == "insufficient_balance"


async def test_an_answer_does_not_depend_on_what_else_is_asked_at_that_moment(shop: Shop) -> None:
    card = await shop.active("3.00")
    wishes = [
        shop.redeem(card, "1.00"),
        shop.redeem(card, "0"),
        shop.redeem({**card, "id": UNKNOWN}),
        shop.redeem(card, token="x"),
    ]
    statuses = [answer.status_code for answer in await asyncio.gather(*wishes)]
    assert statuses == [200, 422, 404, 401]
