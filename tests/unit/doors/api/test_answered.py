"""What stands for an address in the metrics: a pattern of few, whatever clients make up."""

import pytest
from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message

from kado.doors.api.answered import NOWHERE, answered, route_of
from kado.observability.meters import REQUEST_SECONDS, REQUESTS

router = APIRouter(prefix="/v2")


@router.post("/programs/{programId}/cards/{cardId}")
async def card() -> None: ...


async def page(_: Request) -> Response:
    return Response()


app = FastAPI()
app.include_router(router)
app.router.routes.append(Route("/cards/{pass_sid}", page))


@pytest.mark.parametrize(
    ("method", "path", "route"),
    [
        ("POST", "/v2/programs/1/cards/2", "/v2/programs/{programId}/cards/{cardId}"),
        ("GET", "/v2/programs/1/cards/2", "/v2/programs/{programId}/cards/{cardId}"),
        ("GET", "/cards/0123456789abcdef", "/cards/{pass_sid}"),
        ("GET", "/nothing/here", NOWHERE),
    ],
)
async def test_it_is_the_pattern_of_the_route(method: str, path: str, route: str) -> None:
    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": []}

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None: ...

    await app(scope, receive, send)
    assert route_of(scope) == route


def test_a_method_that_a_client_made_up_is_one_of_many() -> None:
    answered("BREW", NOWHERE, 405, 1_500)
    answered("BREW2", NOWHERE, 405, 1_500)
    assert REQUESTS.cells["(other)", NOWHERE, "405"][0] >= 2
    assert REQUEST_SECONDS.cells["(other)", NOWHERE][-1] >= 3_000
    assert not [labels for labels in REQUESTS.cells if labels[0].startswith("BREW")]
