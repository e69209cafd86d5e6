"""The route class of the API: bodies come from the gate, already parsed."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute


class _ParsedRequest(Request):
    """A request whose JSON has been read exactly, once, by the gate."""

    async def json(self) -> Any:  # noqa: ANN401 - the signature is Starlette's
        return self.scope["state"]["json"]


class StrictRoute(APIRoute):
    """A route whose body is the value that the gate parsed. Use: `APIRouter(route_class=StrictRoute)`.

    Dependencies that take nothing but the `Request` run before anything of the request is validated, in the order of
    `dependencies=[...]`: what they raise (401, 403) comes before any 422.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of the framework, given a request that does not parse again."""
        handle = super().get_route_handler()

        async def handle_parsed(request: Request) -> Response:
            assert "json" in request.scope.get("state", ()), "the gate stands in front of every strict route"
            return await handle(_ParsedRequest(request.scope, request.receive))

        return handle_parsed
