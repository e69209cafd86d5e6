"""What a browser could be made to do by another site: nothing, on any route. There are no cookies to borrow."""

import re
from typing import Any, Final

import httpx2
import pytest
from tests.api.serving import Served
from tests.api.shop import UNKNOWN, Shop, Superuser, fingerprint
from tests.document import document

ROUTES: Final = [
    (method.upper(), re.sub(r"\{\w+\}", UNKNOWN, path))
    for path, methods in document()["paths"].items()
    for method in methods
]
ELSEWHERE: Final = {
    "Origin": "https://evil.example",
    "Referer": "https://evil.example/",
    "Sec-Fetch-Site": "cross-site",
}
# The three types that a form of any page may be sent with.
FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain")


def assert_closed(answer: httpx2.Response) -> None:
    """Nothing of it is for another site, and nothing is left behind in the browser."""
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert "set-cookie" not in answer.headers
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["referrer-policy"] == "no-referrer"
    policy = answer.headers["content-security-policy"]
    assert policy == "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


async def test_no_answer_is_for_another_site(api: Served) -> None:
    assert len(ROUTES) > 60
    for method, path in ROUTES:
        for headers in (
            ELSEWHERE,
            ELSEWHERE | {"Accept": "text/html", "Cookie": "session=x; token=x; Authorization=x"},
        ):
            answer = await api.client.request(method, path, headers=headers)
            assert_closed(answer)
            assert "evil.example" not in answer.text


async def test_no_site_is_asked_in(api: Served) -> None:
    for method, path in ROUTES:
        asks = {
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "authorization, content-type",
        }
        answer = await api.client.request("OPTIONS", path, headers=ELSEWHERE | asks)
        assert answer.status_code == 405
        assert_closed(answer)


@pytest.mark.parametrize("origin", ["null", "https://evil.example", "https://cards.flowers.example.evil.example", "*"])
async def test_not_even_with_a_good_token(shop: Shop, origin: str) -> None:
    answer = await shop.get("/v2/loyalty/programs", headers={"Origin": origin})
    assert answer.status_code == 200
    assert_closed(answer)


async def test_no_form_of_another_site_changes_anything(api: Served, shop: Shop, thief: Superuser) -> None:
    """Without a bearer, which no browser adds by itself, whatever cookies come along."""
    before = await fingerprint(thief)
    for method, path in ROUTES:
        for content_type in FORMS if method == "POST" else ():
            headers = ELSEWHERE | {"Content-Type": content_type, "Cookie": f"token={shop.owner}; session={shop.owner}"}
            body = b'{"amount":"1.00","x":"="}' if content_type == "text/plain" else b"amount=1.00"
            answer = await api.client.post(path, content=body, headers=headers)
            assert 400 <= answer.status_code < 500, path
            assert_closed(answer)
    assert await fingerprint(thief) == before


async def test_no_address_and_no_token_is_said_back_as_a_page(api: Served) -> None:
    for path in (
        "/<script>alert(1)</script>",
        "/v2/<img src=x>",
        "/v2/giftcards/programs/<svg>/cards",
        "/%3Cscript%3E",
    ):
        for headers in ({}, {"Authorization": "Bearer <script>alert(1)</script>", "X-Request-Id": "<script>"}):
            answer = await api.client.get(path, headers=headers, params={"q": "<script>alert(1)</script>"})
            assert 400 <= answer.status_code < 500
            assert_closed(answer)
            assert "script" not in answer.text + str(answer.headers)


async def test_a_head_has_the_headers_of_its_get(api: Served) -> None:
    """Where there is none, 405 without a body."""
    for _, path in [route for route in ROUTES if route[0] == "GET"]:
        answer = await api.client.head(path)
        assert (answer.status_code, answer.content) == (405, b"")
        assert_closed(answer)


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "TRACK", "DEBUG", "PROPFIND", "QUERY", "x"])
async def test_no_other_method_is_answered(api: Served, method: str) -> None:
    """`TRACE` would say back what a script may not read."""
    marked: dict[str, Any] = {"Authorization": "Bearer kado-marked", "Cookie": "kado-marked=1"}
    for path in ("/v2/token", "/health/live", f"/v2/giftcards/programs/{UNKNOWN}/cards"):
        answer = await api.client.request(method, path, headers=marked)
        assert 400 <= answer.status_code < 500
        assert "kado-marked" not in answer.text + str(answer.headers)
