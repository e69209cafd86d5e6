"""Everything that can be done with a card, in the order in which it is offered."""

from typing import Final

from kado.doors.console.cards.action import Action
from kado.doors.console.cards.money import MONEY
from kado.doors.console.cards.states import STATES

_ORDER: Final = ("activate", "redeem", "reload", "unsuspend", "process-expired", "resend-code", "hold", "schedule")
"""What is done most often. The rest follows as it stands, and what cannot be taken back comes last."""


def _place(action: Action) -> tuple[bool, int]:
    return action.is_grave, _ORDER.index(action.name) if action.name in _ORDER else len(_ORDER)


ACTIONS: Final[tuple[Action, ...]] = tuple(sorted((*MONEY, *STATES), key=_place))
