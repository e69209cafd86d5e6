"""How the routes are put together."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from kado.doors.api import ROUTERS, application

ROUTES = [route for subject in ROUTERS for route in subject.router.routes]


def test_each_route_is_served_as_it_was_built_the_first_time() -> None:
    served = application(None).routes
    assert [route for route in served if any(route is one for one in ROUTES)] == ROUTES


def functions(of: Dependant) -> Iterator[Callable[..., Any]]:
    if of.call is not None:
        yield of.call
    for more in of.dependencies:
        yield from functions(more)


def test_no_part_of_a_request_is_handed_to_another_thread() -> None:
    handed = {
        f"{route.path}: {function}"
        for route in ROUTES
        if isinstance(route, APIRoute)
        for function in functions(route.dependant)
        if not inspect.iscoroutinefunction(function if inspect.isfunction(function) else type(function).__call__)
    }
    assert handed == set()
