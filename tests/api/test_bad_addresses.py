"""Paths, queries, headers and forms that no honest client sends: always a 4xx in JSON, and nothing changes."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.api.shop import Body, Shop, Superuser, card_path, cards_path, check_path, fingerprint, good

BAD_IDS = [
    "x", "0", "0" * 23, "0" * 25, "G" * 24, "A" * 24, "null", "undefined", "%20", "0" * 23 + "%00", "%00",
    "%0a" + "0" * 23, "0" * 24 + "%0a", "-1", "1e3", "%D9%A3" * 24, "%ED%A0%80", "%FF", "' OR 1=1 --", "{cardId}",
    "0" * 5000, "..%2f..", "%252e",
]  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def _nothing_changes(target: Body, thief: Superuser) -> AsyncIterator[None]:
    before = await fingerprint(thief, but=frozenset())
    yield
    assert await fingerprint(thief, but=frozenset()) == before


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def target(shop: Shop) -> Body:
    return await shop.active(customerEmail="ada@example.com")


@pytest.mark.parametrize("bad", BAD_IDS, ids=lambda bad: bad[:30])
async def test_an_id_in_a_path_has_one_form(shop: Shop, target: Body, bad: str) -> None:
    """A slash in it makes it another address; anything else is named."""
    card, program = {**target, "id": bad}, {**target, "programId": bad}
    requests = [
        ("POST", card_path(card, "redeem"), {"amount": "1.00"}, "cardId"),
        ("POST", card_path(card, "void"), {"reason": "lost"}, "cardId"),
        ("GET", card_path(card), None, "cardId"),
        ("GET", card_path(card, "transactions"), None, "cardId"),
        ("POST", card_path(program, "redeem"), {"amount": "1.00"}, "programId"),
        ("POST", cards_path(bad), {"initialValue": "1.00", "merchantId": shop.merchant_id}, "programId"),
        ("POST", check_path(bad), {"cardNumber": "4000", "securityCode": "123456"}, "programId"),
        ("GET", f"/v2/loyalty/programs/{bad}", None, "programId"),
        ("PUT", f"/v2/loyalty/programs/{bad}", {"company": "Kew"}, "programId"),
    ]
    for method, path, body, name in requests:
        answer = await (shop.call(method, path) if body is None else shop.call(method, path, body))
        if "%2f" in bad:
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        else:
            assert ["path", name] in [error["loc"] for error in good(answer, 422)["detail"]], path


@pytest.mark.parametrize(
    "path",
    [
        "/v2/giftcards/programs/{p}/cards/{c}/redeem/", "/v2/giftcards/programs/{p}//cards/{c}/redeem",
        "/v2/giftcards/programs/{p}/cards/{c}/Redeem",
        "/v2/giftcards/programs/{p}/cards/{c}/redeem%00", "/v2/giftcards/programs/{p}/cards/{c}/redeem%20",
        "/v2/giftcards/programs/{p}/cards/{c}/../{c}/refund", "/v2/giftcards/programs/{p}/cards/{c}/redeem;x=1",
    ],
)  # fmt: skip
async def test_an_address_has_one_spelling(shop: Shop, target: Body, path: str) -> None:
    answer = await shop.post(path.format(p=shop.program_id, c=target["id"]), {"amount": "1.00"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


QUERIES = {
    "transactions": {
        "page": ["0", "-1", "x", "1.5", "", "99999999999999999999", "1e3", "٣", "%00"],
        "limit": ["0", "251", "-1", "x", "", "1e2", "9" * 5000],
        "offset": ["-1", "x", "99999999999999999999", ""],
        "q": ["x" * 256, "%00", "a%00b", "%0a", "%1b"],
    },
    "": {"include_transactions": ["maybe", "2", "", "%00", "[]"]},
}
CASES = [
    (action, name, value) for action, names in QUERIES.items() for name, values in names.items() for value in values
]


@pytest.mark.parametrize(("action", "name", "value"), CASES, ids=lambda value: str(value)[:20])
async def test_a_wrong_value_in_the_query_is_named(
    shop: Shop, target: Body, action: str, name: str, value: str
) -> None:
    answer = await shop.get(f"{card_path(target, action)}?{name}={value}")
    assert [error["loc"] for error in good(answer, 422)["detail"]] == [["query", name]]


@pytest.mark.parametrize("value", ["x", "0" * 23, "A" * 24, "%00", ""])
async def test_a_stray_card_id_is_still_an_id(shop: Shop, target: Body, value: str) -> None:
    for path, body in (
        (cards_path(shop.program_id), {"initialValue": "1.00", "merchantId": shop.merchant_id}),
        (cards_path(shop.program_id) + "/reload-by-number", {"cardNumber": target["cardNumber"], "amount": "1.00"}),
        (check_path(shop.program_id), {"cardNumber": "4000", "securityCode": "123456"}),
    ):
        answer = await shop.post(f"{path}?cardId={value}", body)
        assert [error["loc"] for error in good(answer, 422)["detail"]] == [["query", "cardId"]]


@pytest.mark.parametrize(
    "query", ["q=%ED%A0%80", "q=%FF", "q=%", "q=%zz", "&&&", "=", "q", "page=1&page=2", "x=" + "y" * 5000]
)
async def test_a_query_that_is_only_odd_does_no_harm(shop: Shop, target: Body, query: str) -> None:
    assert (await shop.get(f"{card_path(target, 'transactions')}?{query}")).status_code == 200


async def test_two_different_idempotency_keys_are_refused(shop: Shop, target: Body) -> None:
    """Nobody could say which of them a repetition would be known by."""
    headers = [("Authorization", f"Bearer {shop.owner}"), ("idempotency-key", "a"), ("idempotency-key", "b")]
    answer = await shop.api.client.post(card_path(target, "redeem"), json={"amount": "1.00"}, headers=headers)
    assert ["header", "idempotency-key"] in [error["loc"] for error in good(answer, 422)["detail"]]


FORMS = {
    "nothing": (b"", 422),
    "no password": (b"username=a", 422),
    "no name": (b"password=b", 422),
    "empty": (b"username=&password=", 422),
    "long name": (b"username=" + b"a" * 321 + b"&password=b", 422),
    "long password": (b"username=a&password=" + b"b" * 1025, 422),
    "another grant": (b"username=a&password=b&grant_type=client_credentials", 422),
    "a file": (b'--x\r\nContent-Disposition: form-data; name="username"; filename="a"\r\n\r\na\r\n--x--\r\n', 415),
    "JSON": (b'{"username": "a", "password": "b"}', 415),
}


@pytest.mark.parametrize("name", FORMS)
async def test_a_sign_in_is_a_form_with_a_name_and_a_password(shop: Shop, name: str) -> None:
    content, status = FORMS[name]
    types = {"a file": "multipart/form-data; boundary=x", "JSON": "application/json"}
    headers = {"Content-Type": types.get(name, "application/x-www-form-urlencoded")}
    answer = await shop.api.client.post("/v2/token", content=content, headers=headers)
    detail = good(answer, status)["detail"]
    if status == 422:
        assert not [error for error in detail if error["loc"][1] in ("username", "password") and "input" in error]
