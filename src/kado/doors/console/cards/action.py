"""What can be done with a card, each thing in three steps: its form, what will happen, and that it did.

An action says which fields it takes and makes a posting of them; the rest is the same for all. The form's token is the
idempotency key from the first step on, so that a double click, a reload or the way back does nothing twice.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from starlette.responses import Response

from kado.access.permissions import Permission
from kado.cards.card import CardStatus
from kado.cards.find import Found
from kado.cards.posting import Answer, Posting
from kado.doors.console.cards import outcome
from kado.doors.console.cards.found import found_in
from kado.doors.console.page import IN_PROGRAM, Page, does, shows
from kado.doors.console.respond import again, problem_of, shown, to
from kado.doors.console.visit import Visit
from kado.errors import Refusal, Unavailable
from kado.languages import tell as told

Kind = Literal[
    "amount", "line", "words", "email", "phone", "day", "moment", "number", "tick", "choice", "code", "cards"
]

ONE: Final = f"{IN_PROGRAM}/cards/{{card_id}}"
_AREAS: Final = ("console_cards", "console_actions")
_OWN: Final = ("form", "sure")


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to fill in. Its name is the API's, its words are `field_<name>`."""

    name: str
    kind: Kind
    is_needed: bool = False
    longest: int = 255
    choices: tuple[str, ...] = ()
    hint: str = ""
    """The key of its hint; empty for none."""
    value: Callable[[Visit, Found], str] | None = None
    """What stands in it to begin with."""


Make = Callable[[Visit, Found], Awaitable[Posting]]
Settle = Callable[[Visit, Found, Posting], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Action:
    """One operation. `name` is the last part of its address, and names its words."""

    name: str
    permission: Permission
    operation: str
    """Of the API."""
    make: Make
    fields: tuple[Field, ...] = ()
    statuses: frozenset[CardStatus] = frozenset(CardStatus)
    """In which states of a card it is offered; the room decides whether it may be done."""
    path: str = ""
    """Below the card, where it is not simply its name."""
    is_grave: bool = False
    """It cannot be taken back."""
    settle: Settle | None = None
    """Where more than posting it is to be done."""
    offered: Callable[[Found], bool] = field(default=lambda _: True)
    """Whether this card has anything to do with it."""

    @property
    def key(self) -> str:
        """Of its words."""
        return self.name.replace("-", "_")


def pages_of(actions: Sequence[Action]) -> tuple[Page, ...]:
    """Two pages for each: its form, and what it does."""
    return tuple(
        page
        for action in actions
        for page in (
            shows(f"{ONE}/{action.path or action.name}", action.permission, _showing(action), action.operation),
            does(f"{ONE}/{action.path or action.name}", action.permission, _doing(action), action.operation),
        )
    )


def offered(visit: Visit, found: Found, actions: Sequence[Action]) -> list[Action]:
    """What can be done with this card, by this person, now."""
    status = found.card.status_at(found.now)
    return [
        action
        for action in actions
        if not action.path and status in action.statuses and action.offered(found) and visit.may(action.permission)
    ]


def _showing(action: Action) -> Callable[[Visit], Awaitable[Response]]:
    async def show(visit: Visit) -> Response:
        found = await found_in(visit)
        begin = {one.name: one.value(visit, found) for one in action.fields if one.value is not None}
        return _form(visit, action, found, begin, {})

    return show


def _doing(action: Action) -> Callable[[Visit], Awaitable[Response]]:
    async def do(visit: Visit) -> Response:
        found, typed = await found_in(visit), visit.fields
        try:
            posting = await action.make(visit, found)
            if not typed.get("sure"):
                return _confirm(visit, action, found)
            answer = await (action.settle or _post)(visit, found, posting)
            done = outcome.read(answer)
        except Unavailable as refusal:
            return again(visit, refusal)
        except Refusal as refusal:
            names = dict.fromkeys((one.name for one in action.fields), "")
            return _form(visit, action, found, typed, problem_of(refusal, visit.language, names), _status(refusal))
        entry = "" if done.entry_id is None else f"&entry={done.entry_id}"
        return to(f"{visit.home}/cards/{done.fresh_id or done.card_id}?done={action.key}{entry}")

    return do


async def _post(visit: Visit, _: Found, posting: Posting) -> Answer:
    return await visit.rooms.ledger.post(posting)


def _form(
    visit: Visit,
    action: Action,
    found: Found,
    typed: Mapping[str, str],
    problems: Mapping[str, str],
    status: int = 200,
) -> Response:
    facts = {**_facts(visit, action, found), "typed": typed, "problems": problems}
    return shown(visit, "action.html", facts, here="cards", areas=_AREAS, status=status)


def _confirm(visit: Visit, action: Action, found: Found) -> Response:
    """The same fields once more, as text, with what follows from them."""
    typed = visit.fields
    facts: dict[str, Any] = {
        **_facts(visit, action, found),
        "said": [(one, typed[one.name].strip()) for one in action.fields if typed.get(one.name, "").strip()],
        "hidden": {name: value for name, value in typed.items() if name not in _OWN},
        "key": typed["form"],
    }
    return shown(visit, "confirm.html", facts, here="cards", areas=_AREAS)


def _facts(visit: Visit, action: Action, found: Found) -> dict[str, Any]:
    card, program = found.card, visit.program
    return {
        "action": action,
        "card": card,
        "status": card.status_at(found.now).value,
        "amount_now": told.money(card.balance, program.currency, visit.language),
        "here": visit.address,
        "base": f"{visit.home}/cards/{card.id}",
    }


def _status(refusal: Refusal) -> int:
    return getattr(refusal, "kept_status", refusal.status)
