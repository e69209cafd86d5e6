"""What the gate writes down: one line per request, with nothing in it that could be spent or traced to a person."""

import httpx2
import pytest
from starlette.responses import Response
from structlog.testing import capture_logs

from kado.doors.api.gate import Gate, masked


@pytest.mark.parametrize(("status", "level"), [(200, "debug"), (302, "debug"), (404, "info"), (503, "info")])
async def test_a_request_is_one_line_and_a_refusal_a_louder_one(status: int, level: str) -> None:
    transport = httpx2.ASGITransport(app=Gate(Response("ok", status)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://kado.test") as client:
        with capture_logs() as lines:
            await client.post("/v2/x?q=hush", json={"a": "hush"}, headers={"x-secret": "hush"})
    (line,) = lines
    assert line["milliseconds"] >= 0
    assert {**line, "milliseconds": 0, "request_id": ""} == {
        "event": "request", "log_level": level, "method": "POST", "path": "/v2/x", "status": status, "milliseconds": 0,
        "request_id": "",
    }  # fmt: skip


ID = "5eb7cf5a86d9755df3a6c593"


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/", "/"),
        (f"/v2/giftcards/programs/{ID}/cards/reload-by-number", f"/v2/giftcards/programs/{ID}/cards/reload-by-number"),
        (f"/v2/giftcards/passes/{ID}{'ab' * 16}", "/v2/giftcards/passes/*"),
        (f"/v2/giftcards/passes/{ID}", "/v2/giftcards/passes/*"),
        ("/v2/giftcards/passes/secret", "/v2/giftcards/passes/*"),
        ("/v2/giftcards/passes/", "/v2/giftcards/passes/*"),
        (
            f"/v2/giftcards/programs/{ID}/cards/bulk/{ID}/csv/{'ab' * 32}",
            f"/v2/giftcards/programs/{ID}/cards/bulk/{ID}/csv/*",
        ),
        (
            f"/v2/giftcards/programs/{ID}/cards/bulk/{ID}/csv/secret",
            f"/v2/giftcards/programs/{ID}/cards/bulk/{ID}/csv/*",
        ),
        ("/cards/4000123412341234", "/cards/*"),
        ("/anna@example.com", "/*"),
        ("/a\nb/\x1b[0m", "/*/*"),
        ("/x/passes", "/x/passes"),
        ("/" + "x" * 600, "/*"),
    ],
)
def test_paths_are_shown_with_words_and_ids_only(path: str, shown: str) -> None:
    assert masked(path) == shown
