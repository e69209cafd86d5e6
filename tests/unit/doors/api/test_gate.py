"""What the gate lets through, what it answers itself, and what it writes down. In-process, without a socket."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs

from kado.doors.api.gate import Gate
from kado.doors.api.intake import Intake, Larger, Limits
from kado.errors import NotFound, Refusal, TooMany, Unauthenticated, Unavailable

JSON = {"content-type": "application/json"}


class Echo:
    """An app that remembers what it was given and answers with the body it read."""

    def __init__(self) -> None:
        self.scope: Scope = {}
        self.fault: Exception | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        if self.fault is not None:
            raise self.fault
        message = await receive()
        headers = [(b"content-type", b"text/plain"), (b"x-request-id", b"not-mine")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": message["body"]})


@pytest.fixture
def app() -> Echo:
    return Echo()


@pytest.fixture
async def client(app: Echo) -> AsyncIterator[httpx2.AsyncClient]:
    gate = Gate(app, form_paths=("/v2/token", "/pages/"), limits=Limits(body_bytes=1000, body_seconds=0.05))
    transport = httpx2.ASGITransport(app=gate)
    async with httpx2.AsyncClient(transport=transport, base_url="http://kado.test") as made:
        yield made


# ── every answer ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("headers", [{}, JSON])
async def test_every_answer_has_the_standard_headers(client: httpx2.AsyncClient, headers: dict[str, str]) -> None:
    for answer in [await client.get("/x"), await client.post("/x", content=b"{", headers=headers)]:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert len(answer.headers.get_list("x-request-id")) == 1


@pytest.mark.parametrize("sent", ["a", "Till-4_2.b", "x" * 128])
async def test_a_proper_request_id_is_echoed(client: httpx2.AsyncClient, app: Echo, sent: str) -> None:
    answer = await client.get("/x", headers={"X-Request-Id": sent})
    assert answer.headers["x-request-id"] == sent
    assert app.scope["state"]["request_id"] == sent


@pytest.mark.parametrize("sent", ["", " ", "x" * 129, "a b", "a/b", "a\tb", b"\xe9", b"a,b", b"<script>"])
async def test_any_other_request_id_is_replaced(client: httpx2.AsyncClient, app: Echo, sent: str | bytes) -> None:
    raw = sent if isinstance(sent, bytes) else sent.encode()
    answer = await client.get("/x", headers=[(b"x-request-id", raw)])
    made = answer.headers["x-request-id"]
    assert len(bytes.fromhex(made)) == 12
    assert app.scope["state"]["request_id"] == made


async def test_two_different_request_ids_are_none(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/x", headers=[("x-request-id", "one"), ("x-request-id", "two")])
    assert answer.headers["x-request-id"] not in ("one", "two", "one, two")


# ── the way in ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_body_arrives_parsed_and_raw(client: httpx2.AsyncClient, app: Echo) -> None:
    answer = await client.post(
        "/x", content=b' {"a": 1.50}', headers={"content-type": "Application/JSON; charset=utf-8"}
    )
    assert answer.content == b' {"a": 1.50}'
    assert str(app.scope["state"]["json"]["a"]) == "1.50"


async def test_without_a_body_nothing_is_parsed(client: httpx2.AsyncClient, app: Echo) -> None:
    assert (await client.post("/x")).status_code == 200
    assert app.scope["state"]["json"] is None


@pytest.mark.parametrize("path", ["/v2/token", "/pages/login"])
async def test_form_paths_take_forms_only(client: httpx2.AsyncClient, app: Echo, path: str) -> None:
    answer = await client.post(path, data={"username": "a", "password": "b"})
    assert answer.content == b"username=a&password=b"
    assert app.scope["state"]["json"] is None
    assert (await client.post(path, content=b"{}", headers=JSON)).status_code == 415


@pytest.mark.parametrize(
    ("path", "seen"),
    [("/api/v2/x", "/v2/x"), ("/v2/x", "/v2/x"), ("/api/v3/x", "/api/v3/x"), ("/api/v2", "/api/v2"), ("/api", "/api")],
)
async def test_the_guides_base_path_leads_to_the_same_place(
    client: httpx2.AsyncClient, app: Echo, path: str, seen: str
) -> None:
    await client.get(path)
    assert app.scope["path"] == seen
    assert app.scope["raw_path"] == seen.encode()
    assert app.scope["state"]["path_as_sent"] == path.encode()


@pytest.mark.parametrize(
    ("headers", "content", "status", "code"),
    [
        ({}, b"{}", 415, "unsupported_media_type"),
        ({"content-type": ""}, b"{}", 415, "unsupported_media_type"),
        ({"content-type": "text/plain"}, b"{}", 415, "unsupported_media_type"),
        ({"content-type": "application/x-www-form-urlencoded"}, b"a=1", 415, "unsupported_media_type"),
        ({"content-type": "multipart/form-data; boundary=x"}, b"--x--", 415, "unsupported_media_type"),
        ({**JSON, "content-encoding": "gzip"}, b"{}", 415, "unsupported_encoding"),
        ({**JSON, "content-encoding": "identity, br"}, b"{}", 415, "unsupported_encoding"),
        ({**JSON, "content-encoding": "Identity"}, b"{}", 200, None),
        ({"content-encoding": "gzip"}, b"", 415, "unsupported_encoding"),
        (JSON, b'"' + b"x" * 998 + b'"', 200, None),
        (JSON, b'"' + b"x" * 999 + b'"', 413, "body_too_large"),
        ({**JSON, "content-length": "9" * 5000}, b"{}", 413, "body_too_large"),
        ({**JSON, "x-large": "x" * 16 * 1024}, b"{}", 431, "headers_too_large"),
    ],
)
async def test_what_is_too_large_or_of_the_wrong_type_is_turned_away(
    client: httpx2.AsyncClient, headers: dict[str, str], content: bytes, status: int, code: str | None
) -> None:
    answer = await client.post("/x", content=content, headers=headers)
    assert answer.status_code == status
    if code is not None:
        assert answer.json()["code"] == code
        assert isinstance(answer.json()["detail"], str)


async def test_two_content_types_are_none(client: httpx2.AsyncClient) -> None:
    headers = [("content-type", "application/json"), ("content-type", "text/plain")]
    assert (await client.post("/x", content=b"{}", headers=headers)).status_code == 415


async def test_many_small_headers_count_together(client: httpx2.AsyncClient) -> None:
    same = [("x-a", "y" * 17)] * 1000
    assert (await client.get("/x", headers=same)).status_code == 431


@pytest.mark.parametrize("address", ["/" + "x" * 16 * 1024, "/x?" + "y" * 16 * 1024])
async def test_the_address_counts_as_a_header_does(client: httpx2.AsyncClient, address: str) -> None:
    assert (await client.get(address)).status_code == 431


async def test_malformed_json_is_a_validation_error_with_its_place(client: httpx2.AsyncClient, app: Echo) -> None:
    answer = await client.post("/x", content=b'{"a": [1, NaN]}', headers=JSON)
    assert answer.status_code == 422
    assert answer.json() == {
        "detail": [{"loc": ["body", "a", 1], "msg": "NaN is not a JSON number", "type": "json_number"}]
    }
    assert app.scope == {}


async def in_pieces(pieces: int) -> AsyncIterator[bytes]:
    for _ in range(pieces):
        yield b"x" * 10


async def test_a_body_without_a_length_is_counted_while_it_comes(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/x", content=in_pieces(101), headers=JSON)
    assert answer.status_code == 413
    assert answer.headers["connection"] == "close"


async def never() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


async def collect(gate: Gate, scope: Scope, receive: Receive) -> list[Message]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await gate(scope, receive, send)
    return sent


def http_scope(**more: Any) -> Scope:
    return {"type": "http", "method": "POST", "path": "/x", "headers": [], **more}


async def test_a_slow_body_is_cut(app: Echo) -> None:
    gate = Gate(app, limits=Limits(body_seconds=0.01, discard_seconds=0.01))
    sent = await collect(gate, http_scope(), never)
    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]
    assert sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}


async def test_a_client_that_leaves_gets_no_answer(app: Echo) -> None:
    async def gone() -> Message:
        return {"type": "http.disconnect"}

    with capture_logs() as lines:
        assert await collect(Gate(app), http_scope(), gone) == []
    assert lines[-1]["status"] == 499
    assert app.scope == {}


async def test_the_rest_is_discarded_within_bounds(app: Echo) -> None:
    taken = 0

    async def endless() -> Message:
        nonlocal taken
        taken += 1
        return {"type": "http.request", "body": b"x" * 100, "more_body": True}

    sent = await collect(Gate(app, limits=Limits(body_bytes=150, discard_bytes=1000)), http_scope(), endless)
    assert [sent[0]["status"], taken] == [413, 2 + 10]


async def test_nothing_is_awaited_after_the_last_piece(app: Echo) -> None:
    pieces: list[Message] = [{"type": "http.request", "body": b"x" * 200}]

    async def once() -> Message:
        return pieces.pop()

    sent = await collect(Gate(app, limits=Limits(body_bytes=150)), http_scope(), once)
    assert [sent[0]["status"], sent[-1]["more_body"]] == [413, False]


async def test_other_traffic_goes_straight_on(app: Echo) -> None:
    app.fault = RuntimeError("reached")
    with pytest.raises(RuntimeError, match="reached"):
        await collect(Gate(app), {"type": "lifespan"}, never)


# ── what escapes the app ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fault", "status", "headers"),
    [
        (Refusal("card_expired", "No."), 400, {}),
        (NotFound("card_not_found", "No."), 404, {}),
        (Unauthenticated(), 401, {"www-authenticate": "Bearer"}),
        (TooMany("rate_limited", "No.", 17), 429, {"retry-after": "17"}),
    ],
)
async def test_a_refusal_that_escapes_is_still_an_answer(
    client: httpx2.AsyncClient, app: Echo, fault: Refusal, status: int, headers: dict[str, str]
) -> None:
    app.fault = fault
    answer = await client.get("/x")
    assert (answer.status_code, answer.json()["code"]) == (status, fault.code)
    assert headers.items() <= dict(answer.headers).items()


async def test_a_fault_is_a_500_without_internals_and_logged_once(client: httpx2.AsyncClient, app: Echo) -> None:
    app.fault = ValueError("card 4000123412341234 has code 123456")
    with capture_logs() as lines:
        answer = await client.post("/x?q=hush", content=b'{"pin": 987654}', headers={**JSON, "authorization": "hush"})
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_error"
    fault, request = lines
    assert fault["error"] == "ValueError"
    assert fault["request_id"] == request["request_id"] == answer.headers["x-request-id"]
    for secret in ("4000", "123456", "987654", "hush"):
        assert secret not in answer.text
        assert secret not in str(lines)


# ── larger bodies ──────────────────────────────────────────────────────────────────────────────────────────────────


async def bearer(authorization: str | None) -> str | None:
    """Whoever sends anything is known by it."""
    return authorization


def larger(**more: Any) -> Larger:
    return Larger({"POST"}, re.compile("/x"), 100_000, bearer, **more)


def test_there_is_room_for_few_large_bodies_at_once_and_for_one_of_each_sender() -> None:
    places = larger(at_once=2)
    for _ in range(2):
        with places.room("ada"):
            with pytest.raises(TooMany), places.room("ada"):
                pass
            with places.room("bob"), pytest.raises(Unavailable), places.room("eve"):
                pass


@pytest.mark.parametrize(
    ("scope", "announced", "sender"),
    [
        ({}, 65_536, None),
        ({}, 65_537, "ada"),
        ({}, None, "ada"),
        ({"headers": []}, None, None),
        ({"headers": [(b"authorization", b"ada"), (b"authorization", b"bob")]}, None, "\0"),
        ({"method": "PUT"}, None, None),
        ({"path": "/x/y"}, None, None),
    ],
)
async def test_a_large_body_has_a_sender(scope: Scope, announced: int | None, sender: str | None) -> None:
    asked = http_scope(**{"headers": [(b"authorization", b"ada")], **scope})
    if announced is not None:
        asked["headers"] = [*asked["headers"], (b"content-length", str(announced).encode())]
    assert await larger().sender_of(asked, Intake(asked, Limits(), never)) == sender


async def test_a_large_body_that_comes_too_slowly_loses_its_place_early(app: Echo) -> None:
    """At a tenth of the pace that is asked for: long before the time that any body has."""
    loop = asyncio.get_running_loop()

    async def trickle() -> Message:
        await asyncio.sleep(0.05)
        return {"type": "http.request", "body": b" " * 50, "more_body": True}

    places = larger(bytes_per_second=10_000)
    gate = Gate(app, limits=Limits(body_seconds=8, discard_seconds=0.01), larger=(places,))
    began = loop.time()
    sent = await collect(gate, http_scope(headers=[(b"authorization", b"ada")]), trickle)
    assert sent[0]["status"] == 408
    assert 2 <= loop.time() - began < 8
    assert places.under_way == set()


async def test_a_large_body_that_keeps_its_pace_may_take_its_time(app: Echo) -> None:
    pieces = 20

    async def steady() -> Message:
        nonlocal pieces
        pieces -= 1
        await asyncio.sleep(0.05)
        return {"type": "http.request", "body": b" " * 3000, "more_body": pieces > 0}

    # A quarter of it to start in, which is less than it takes.
    gate = Gate(app, limits=Limits(body_seconds=2), larger=(larger(bytes_per_second=30_000),))
    headers = [(b"authorization", b"ada"), (b"content-type", b"application/json")]
    sent = await collect(gate, http_scope(headers=headers), steady)
    assert sent[0]["status"] == 422, "blanks are no JSON, but all of them were read"
