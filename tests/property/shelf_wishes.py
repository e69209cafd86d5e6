"""Wishes as chance has them, and then so that they fit what is on the shelf."""

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from tests.property.shelf import ACTIONS, Shelf, ShelfCard, Wish

OFTEN = ("redeem", "redeem", "reload", "refund", "refund", "transfer", "transfer", "hold", "capture", "unsuspend")
RARELY = ("release", "reverse", "reverse", "suspend", "consolidate", "replace", "void", "extend", "write-off")
assert {*OFTEN, *RARELY} == set(ACTIONS)
AMOUNTS = (1, 50, 500, 1_000, 2_500, 5_001, 6_001, 9_999)


class Raw(NamedTuple):
    """A wish before it is known what is on the shelf: what is drawn must not depend on who won a race before."""

    action: str
    card: int
    amount: int
    all_of_it: bool
    others: list[int]
    about: int
    copies: int
    """How often it is sent under a key of its own; 0 for once without a key."""

    @classmethod
    def drawn(cls, chance: Random) -> "Raw":
        # Evenly, and not by Hypothesis, which likes what is small and simple: here the rare meetings are wanted.
        return cls(
            chance.choice(OFTEN * 3 + RARELY),
            chance.randrange(24),
            chance.choice((*AMOUNTS, *(chance.randrange(1, 1_500) for _ in AMOUNTS))),
            chance.random() < 0.3,
            [chance.randrange(24) for _ in range(chance.randrange(1, 4))],
            chance.randrange(24),
            chance.choice((0, 0, 1, 2)),
        )


def chosen(raw: Raw, shelf: Shelf) -> Wish:
    """The wish that fits what is on the shelf: mostly one that can be granted, so that much happens."""
    living = [name for name, card in shelf.items() if not card.voided]
    names = [*living, *living, *living, *shelf]
    name = _picked(_fitting(raw.action, shelf) or names, raw.card)
    card, some = shelf[name], None if raw.all_of_it else raw.amount
    # The edge is met on purpose: all that can be spent, or one more.
    spent = card.available + raw.about % 2 if raw.all_of_it and card.available > 0 else raw.amount
    others = [_picked(names, other) for other in raw.others]
    reference = (None, None, "p1", "p2", "r1", "r2")[raw.about % 6]
    match raw.action:
        case "redeem" | "hold":
            return Wish(raw.action, name, spent, about=None if reference in ("r1", "r2") else reference)
        case "reload":
            return Wish(raw.action, name, raw.amount, about=reference if reference in ("r1", "r2") else None)
        case "refund":
            sales = [one for one, taken in card.entries.items() if taken.kind == "REDEMPTION"]
            return Wish(raw.action, name, some, about=_picked([*sales * 4, *card.entries, "0" * 24], raw.about))
        case "transfer":
            other = next((one for one in others if one != name), name)
            return Wish(raw.action, name, spent, (other,))
        case "consolidate":
            free = [one for one in living if shelf[one].status == "active" and not shelf[one].held]
            first, *further = sorted({name, *others} if raw.all_of_it or len(free) < 2 else free[:3])
            # One card alone is no consolidation: the door asks for two at least.
            return Wish(raw.action, first, others=tuple(further)) if further else Wish("replace", name)
        case "capture" | "release" if card.holds:
            still = [hold for hold, one in card.holds.items() if one.rest]
            about = _picked([*still * 3, *card.holds], raw.about)
            return Wish(
                raw.action, name, some if raw.action == "capture" else None, about=about, keep=raw.amount % 2 == 0
            )
        case "capture" | "release":
            return Wish("hold", name, raw.amount)
        case "reverse":
            return Wish(raw.action, name, about=reference or "p1")
        case _:
            return Wish(raw.action, name)


def _fitting(action: str, shelf: Shelf) -> list[str]:
    """Cards of which the action has something to find; none where every card will do."""
    finds: dict[str, Callable[[ShelfCard], bool]] = {
        "refund": lambda card: any(taken.kind == "REDEMPTION" for taken in card.entries.values()),
        "capture": lambda card: card.held > 0,
        "release": lambda card: card.held > 0,
        "reverse": lambda card: any(taken.reference for taken in card.entries.values()),
        "unsuspend": lambda card: card.suspended,
        "extend": lambda card: card.expired,
        "write-off": lambda card: card.expired,
    }
    return [name for name, card in shelf.items() if action in finds and finds[action](card) and not card.voided]


def _picked(names: list[str], at: int) -> str:
    return names[at % len(names)]
