"""What is kept of where a request comes from."""

import httpx2
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from kado.audit.origin import NOBODY, Origin, origin
from kado.doors.api.gate import Gate


async def test_what_runs_behind_the_gate_knows_where_the_request_comes_from() -> None:
    seen: list[Origin] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(origin())
        await PlainTextResponse("ok")(scope, receive, send)

    gate = Gate(app, address=lambda scope: f"of {scope['client'][0]}")
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(gate), base_url="http://kado") as client:
        await client.get("/", headers={"User-Agent": "till\x7f/1" + "x" * 300, "X-Request-Id": "sale-1"})
        await client.get("/", headers={"User-Agent": ""})
    assert seen[0] == Origin("of 127.0.0.1", ("till?/1" + "x" * 300)[:255], "sale-1")
    assert seen[1].user_agent is None
    assert origin() == NOBODY, "it ends with the request"
