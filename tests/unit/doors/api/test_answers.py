"""Refusals and validation errors on the wire, and the order in which an app behind the gate checks."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import httpx2
import pytest
from fastapi import APIRouter, Depends, FastAPI, Form, HTTPException, Path, Request
from structlog.testing import capture_logs

from kado.doors.api import answers, openapi
from kado.doors.api.gate import Gate
from kado.doors.api.route import StrictRoute
from kado.doors.api.schemas.balance import BalanceCheckRequest
from kado.doors.api.schemas.cards import RedeemGiftCardRequest, ResendSecurityCodeRequest
from kado.doors.api.types import Line, PydanticObjectId
from kado.errors import Forbidden, Invalid, NotFound, Refusal, TooMany, Unauthenticated

ID = "5eb7cf5a86d9755df3a6c593"
FOREIGN = "f" * 24
ALLOWED = {"authorization": "Bearer let-me-in"}


# ── rendering ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_decimals_are_numbers_with_their_exact_text() -> None:
    refusal = Refusal(
        "max_balance_exceeded",
        "Too much.",
        members={"currentBalance": Decimal("9500.00"), "maxBalance": Decimal(10000), "available": Decimal("0.00")},
    )
    status, body, headers = answers.render(refusal)
    assert (status, headers) == (400, {"Content-Type": "application/json"})
    assert body == (
        b'{"detail":"Too much.","code":"max_balance_exceeded",'
        b'"currentBalance":9500.00,"maxBalance":10000,"available":0.00}'
    )


def test_other_members_are_written_as_json() -> None:
    moment = datetime(2027, 1, 1, 12, 30, tzinfo=UTC)
    members = {"at": moment, "none": None, "count": 3, "text": "ü\n", "list": [Decimal("1.10")]}
    body = answers.render(Refusal("x", "X.", members=members))[1]
    assert (
        body
        == (
            '{"detail":"X.","code":"x","at":"2027-01-01T12:30:00Z","none":null,"count":3,"text":"ü\\n","list":[1.10]}'
        ).encode()
    )


def test_statuses_bring_their_headers() -> None:
    assert answers.render(Unauthenticated())[2]["WWW-Authenticate"] == "Bearer"
    assert answers.render(TooMany("rate_limited", "Slow down.", 9))[2]["Retry-After"] == "9"


def test_a_refusal_that_names_a_field_is_a_validation_error_with_its_code() -> None:
    status, body, _ = answers.render(Invalid(("body", "amount"), "EUR has two decimals", "too_many_decimals"))
    assert status == 422
    assert body == (
        b'{"detail":[{"loc":["body","amount"],"msg":"EUR has two decimals","type":"too_many_decimals"}],'
        b'"code":"too_many_decimals"}'
    )


def test_a_refusal_that_names_a_field_gives_its_facts_as_context() -> None:
    refusal = Refusal("key_reused", "Used before.", members={"uses": 2}, loc=("header", "idempotency-key"))
    status, body, _ = answers.render(refusal)
    assert status == 400
    assert body == (
        b'{"detail":[{"loc":["header","idempotency-key"],"msg":"Used before.","type":"key_reused","ctx":{"uses":2}}],'
        b'"code":"key_reused"}'
    )


@pytest.mark.parametrize(
    ("loc", "value", "shown"),
    [
        (("body", "amount"), "-1", True),
        (("body", "amount"), Decimal("1.10"), True),
        (("body", "amount"), 5, True),
        (("body", "isPhysical"), None, True),
        (("query", "cardId"), "x", True),
        (("body", "amount"), "x" * 65, False),
        (("body", "amount"), 1 << 65, False),
        (("body", "amount"), Decimal("NaN"), False),
        (("body", "amount"), {"securityCode": "1"}, False),
        (("body",), {"securityCode": "1"}, False),
        (("body", "amount"), b"x", False),
        (("body", "cardNumber"), "4000", False),
        (("body", "cardNumbers", 3), "4000", False),
        (("body", "securityCode"), 123456, False),
        (("body", "captchaToken"), "x", False),
        (("body", "password"), "x", False),
        (("body", "newOwnerEmail"), "x", False),
        (("path", "passSid"), "x", False),
        (("header", "X-Eposn-Customer-Token"), "x", False),
        (("header", "idempotency-key"), "x", False),
    ],
)
def test_what_was_sent_is_shown_only_when_harmless(loc: tuple[Any, ...], value: object, shown: bool) -> None:
    body = answers.validation_body([{"loc": loc, "msg": "wrong", "type": "wrong", "input": value, "ctx": {}}])
    assert (b'"input"' in body) is shown
    assert b'"ctx"' not in body


def test_context_is_made_plain() -> None:
    context = {"ge": Decimal("0.01"), "error": ValueError("no"), "set": {1}, "long": "x" * 70}
    body = answers.validation_body([{"loc": ("body",), "msg": "wrong", "type": "wrong", "ctx": context}])
    assert b'"ge":0.01,"error":"no","set":"{1}"' in body


def test_only_the_first_errors_are_listed() -> None:
    many = [{"loc": ("body", number), "msg": "wrong", "type": "wrong"} for number in range(10_000)]
    assert answers.validation_body(many).count(b'"loc"') == 50


# ── an app behind the gate ─────────────────────────────────────────────────────────────────────────────────────────


async def authenticated(request: Request) -> None:
    if request.headers.get("authorization") != "Bearer let-me-in":
        raise Unauthenticated


async def in_program(request: Request) -> None:
    if request.path_params["programId"] == FOREIGN:
        raise Forbidden("program_forbidden", "This program is not yours.")


def an_app() -> FastAPI:
    router = APIRouter(route_class=StrictRoute, prefix="/v2")
    guarded = [Depends(authenticated), Depends(in_program)]
    program_id = Annotated[PydanticObjectId | None, Path()]

    @router.post("/programs/{programId}/redeem", dependencies=guarded)
    async def redeem(programId: program_id, data: RedeemGiftCardRequest) -> dict[str, str]:  # noqa: N803
        if data.amount == 404:
            raise NotFound("card_not_found", "No such card.")
        return {"amount": str(data.amount)}

    @router.post("/optional", dependencies=guarded[:1])
    async def optional(data: ResendSecurityCodeRequest | None = None) -> bool:
        return data is not None

    @router.post("/secret", openapi_extra=openapi.PUBLIC)
    async def secret(data: BalanceCheckRequest) -> None: ...

    @router.get("/passes/{passSid}")
    async def by_pass(passSid: Annotated[Line, Path()]) -> None: ...  # noqa: N803

    @router.get("/two")
    @router.put("/two")
    async def two() -> None: ...

    @router.post("/token")
    async def token(username: Annotated[Line, Form()], password: Annotated[Line, Form()]) -> str:
        return username

    @router.get("/fault")
    async def fault() -> None:
        raise ValueError("4000123412341234")

    @router.get("/teapot")
    async def teapot() -> None:
        raise HTTPException(418, "internal words")

    app = FastAPI(redirect_slashes=False)
    answers.install(app)
    openapi.install(app)
    app.include_router(router)
    return app


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=Gate(an_app()))
    async with httpx2.AsyncClient(transport=transport, base_url="http://kado.test/v2") as made:
        yield made


@pytest.mark.parametrize(
    ("program", "headers", "content", "status"),
    [
        (FOREIGN, {}, b"{", 422),  # syntax first
        (FOREIGN, {}, b'{"amount": "x"}', 401),  # then who
        ("not-an-id", {}, b"{}", 401),
        (FOREIGN, ALLOWED, b'{"amount": "x"}', 403),  # then whose
        (ID, ALLOWED, b'{"amount": "x"}', 422),  # then what
        ("not-an-id", ALLOWED, b'{"amount": 404}', 422),
        (ID, ALLOWED, b"", 422),
        (ID, ALLOWED, b"[]", 422),
        (ID, ALLOWED, b"null", 422),
        (ID, ALLOWED, b'{"amount": 404}', 404),  # then where
        (ID, ALLOWED, b'{"amount": 1.10}', 200),
    ],
)
async def test_checks_come_in_their_order(
    client: httpx2.AsyncClient, program: str, headers: dict[str, str], content: bytes, status: int
) -> None:
    given = {**headers, "content-type": "application/json"}
    answer = await client.post(f"/programs/{program}/redeem", content=content, headers=given)
    assert answer.status_code == status


async def test_the_body_is_the_one_that_the_gate_parsed(client: httpx2.AsyncClient) -> None:
    path = f"/programs/{ID}/redeem"
    answer = await client.post(
        path, content=b'{"amount": 0.10}', headers={**ALLOWED, "content-type": "application/json"}
    )
    assert answer.json() == {"amount": "0.10"}


@pytest.mark.parametrize(("content", "given"), [(b"", False), (b"null", False), (b"{}", True)])
async def test_an_optional_body_may_be_absent_or_null(client: httpx2.AsyncClient, content: bytes, given: bool) -> None:
    headers = {**ALLOWED, "content-type": "application/json"}
    assert (await client.post("/optional", content=content, headers=headers)).json() is given


async def test_a_validation_error_shows_the_harmless_only(client: httpx2.AsyncClient) -> None:
    body = {"cardNumber": "4" * 21, "securityCode": "1234567", "captchaToken": 5}
    answer = await client.post("/secret", json=body)
    assert answer.status_code == 422
    assert [error["loc"][-1] for error in answer.json()["detail"]] == [*body]
    assert "444" not in answer.text
    assert "1234567" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/optional/", 404, "not_found"),
        ("POST", "/two", 405, "method_not_allowed"),
        ("TRACE", "/two", 405, "method_not_allowed"),
        ("GET", "/fault", 500, "internal_error"),
        ("GET", "/teapot", 418, "http_error"),
    ],
)
async def test_the_framework_answers_in_the_same_shape(
    client: httpx2.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    answer = await client.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"]
    assert "internal words" not in answer.text


async def test_allow_names_every_method_of_the_address(client: httpx2.AsyncClient) -> None:
    assert (await client.post("/two")).headers["allow"] == "GET, PUT"


async def test_a_fault_in_a_route_is_logged_once_and_stays_inside(client: httpx2.AsyncClient) -> None:
    with capture_logs() as lines:
        answer = await client.get("/fault")
    assert [line["event"] for line in lines] == ["fault", "request"]
    assert "4000" not in answer.text + str(lines)


@pytest.mark.parametrize("sid", ["a%00b", "a%0Ab", "%ED%A0%80%07"])
async def test_control_characters_in_a_path_are_refused_unseen(client: httpx2.AsyncClient, sid: str) -> None:
    answer = await client.get(f"/passes/{sid}")
    assert answer.status_code == 422
    assert "input" not in answer.json()["detail"][0]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"username=a&password=b", 200),
        (b"username=a%00&password=b", 422),
        (b"username=%ED%A0%80&password=b", 200),
        (b"username=a", 422),
        (b"", 422),
        (b"&" * 2000, 422),
    ],
)
async def test_a_form_is_read_by_the_route(client: httpx2.AsyncClient, content: bytes, status: int) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = await client.post("/token", content=content, headers=headers)
    assert answer.status_code == status
    assert "hush" not in answer.text


def test_the_document_says_security_once() -> None:
    document = an_app().openapi()
    assert document["info"]["title"] == "Kado"
    assert document["security"] == [{"bearerAuth": []}]
    marked = [path for path, item in document["paths"].items() for op in item.values() if "security" in op]
    assert marked == ["/v2/secret"]
