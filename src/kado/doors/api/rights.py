"""Who may call what: each route's rule stands beside the dependency that holds it, and together they are one table.

`rows` reads the table off the routes themselves. A route that has no rule and is not on the short list of public ones
keeps the application from being made at all.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from kado.access.permissions import ADMITTED, CUSTOMER, ROLES, Permission, Role

PUBLIC: Final = frozenset(
    {
        "GET /openapi.json",
        "GET /health/live",
        "GET /health/ready",
        "GET /v2/giftcards/health",
        "GET /v2/giftcards/captcha",
        "POST /v2/token",
        "POST /v2/token/mfa-verify",
        "POST /v2/giftcards/programs/{programId}/balance-check",
        "POST /v2/giftcards/customer/balance-check",
    }
)
"""The whole list. Whoever makes it longer gives something to everyone on the internet."""

CALLERS: Final = (*(role.value for role in Role), "customer", "front end", "admitted", "nobody")
"""Every sort of caller: staff and keys by their role, a customer's session beside an owner's bearer, a request that the
merchant's front end signed, the owner of an admitted merchant, and no proof at all."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a caller has to show and to be. Without a permission only a signature will do."""

    permission: Permission | None
    in_program: bool = False
    """In the program that the path names: one's own, or one that the merchant is admitted to."""
    signature: bool = False
    """A request that the merchant's trusted front end signed will do as well."""
    person: bool = False
    """Somebody who signed in; a key will not do."""
    at_till: bool = False
    """Only with the session of a till beside the bearer."""
    for_customer: bool = False
    """Only with the session of a customer beside the bearer."""
    no_customer: bool = False
    """The session of a customer is not looked at."""


@dataclass(frozen=True, slots=True)
class Row:
    """A route and its rule; None for a public one."""

    method: str
    path: str
    rule: Rule | None

    def cells(self) -> dict[str, str]:
        """For every sort of caller whether they may: `yes`, `no`, or how."""
        if self.rule is None:
            return dict.fromkeys(CALLERS, "yes")
        return {
            **{role.value: _of_role(self.rule, role) for role in Role},
            "customer": _of_customer(self.rule),
            "front end": "yes" if self.rule.signature else "no",
            "admitted": _of_admitted(self.rule),
            "nobody": "no",
        }


def _of_role(rule: Rule, role: Role) -> str:
    if rule.permission not in ROLES[role] or rule.for_customer:
        return "no"
    return "at a till" if rule.at_till else "yes"


def _of_customer(rule: Rule) -> str:
    if rule.no_customer:
        return "as the bearer"
    return "own" if rule.permission in CUSTOMER else "no"


def _of_admitted(rule: Rule) -> str:
    """The owner of a merchant that is admitted to the program; beside programs it is like any other merchant."""
    if not rule.in_program:
        return "own"
    return "yes" if rule.permission in ADMITTED else "no"


Dependency = TypeVar("Dependency", bound=Callable[..., Any])

_rules: Final[dict[object, Rule]] = {}


def held_by(rule: Rule) -> Callable[[Dependency], Dependency]:
    """Says of a dependency that it lets in whom this rule lets in, and nobody else."""

    def note(dependency: Dependency) -> Dependency:
        _rules[dependency] = rule
        return dependency

    return note


def rows(routes: Iterable[BaseRoute]) -> Iterator[Row]:
    """The whole table, in the order of the routes. Raises `ValueError` for a route that nobody is kept from."""
    for route in routes:
        assert isinstance(route, APIRoute), f"{route} is not a route of the API"
        found = list(_rules_of(route.dependant))
        for method in sorted(route.methods or ()):
            is_public = f"{method} {route.path}" in PUBLIC
            if len(found) != (0 if is_public else 1):
                raise ValueError(f"{method} {route.path} has {len(found)} rules, and is not public")
            yield Row(method, route.path, None if is_public else found[0])


def _rules_of(dependant: Dependant) -> Iterator[Rule]:
    for inner in dependant.dependencies:
        if inner.call in _rules:
            yield _rules[inner.call]
        else:
            yield from _rules_of(inner)
