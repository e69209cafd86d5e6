"""What is counted of every answer, whichever way it took: how many, and how long they took."""

from typing import Final

from starlette.types import Scope

from kado.observability.meters import REQUEST_SECONDS, REQUESTS

NOWHERE: Final = "(none)"
"""Stands for addresses that no route answers, and for what never got that far."""

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_known: Final[dict[tuple[str, str, int], tuple[list[int], list[int]]]] = {}


def answered(method: str, route: str, status: int, nanoseconds: int) -> None:
    """One more answer. `route` is the pattern of the address as it stands at the route, never the address itself."""
    cells = _known.get((method, route, status))
    if cells is None:
        cells = _cells(method, route, status)
    counted, timed = cells
    counted[0] += 1
    REQUEST_SECONDS.note_in(timed, nanoseconds)


def _cells(method: str, route: str, status: int) -> tuple[list[int], list[int]]:
    """Where such answers are counted, found once for each sort of them."""
    known = method in _METHODS
    shown = method if known else "(other)"  # a client can make up any number of them
    cells = REQUESTS.cell((shown, route, str(status))), REQUEST_SECONDS.cell((shown, route))
    if known:
        _known[method, route, status] = cells
    return cells


def route_of(scope: Scope) -> str:
    """The pattern of the route that took this request, once it is over."""
    route = scope.get("route")
    if route is not None:
        path: str = route.path
        return path
    if "endpoint" not in scope:
        return NOWHERE
    # A page's route leaves its parameters only. All of an address that is not one of them stands at the route.
    names = {str(value): name for name, value in scope["path_params"].items()}
    segments = scope["path"].split("/")
    return "/".join(f"{{{names[segment]}}}" if segment in names else segment for segment in segments)
