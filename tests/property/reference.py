"""What a card ought to do, written down a second time and as plainly as possible: no database, no clock, no keys."""

from dataclasses import dataclass, replace
from typing import Any, Literal

Action = Literal["activate", "redeem", "reload", "suspend", "unsuspend", "void", "resend-code"]
ACTIONS: tuple[Action, ...] = ("activate", "redeem", "reload", "suspend", "unsuspend", "void", "resend-code")

MAX_BALANCE, MAX_RELOAD, MAX_REDEEM, RESENDS = 10_000, 5_000, 6_000, 3
"""Minor units; small, so that random amounts meet every bound."""

ALLOWED: dict[Action, tuple[set[str], str]] = {
    "activate": ({"pending"}, "card_not_pending"),
    "redeem": ({"active"}, "card_not_active"),
    "reload": ({"active"}, "card_not_active"),
    "suspend": ({"pending", "active", "depleted"}, "card_not_active"),
    "unsuspend": ({"suspended"}, "card_not_suspended"),
    "void": ({"pending", "active", "depleted", "suspended", "expired"}, "card_not_active"),
    "resend-code": ({"pending", "active", "depleted", "suspended"}, "card_not_active"),
}
"""In which states something may be done, and what is said in the others."""

NEVER_STORED = frozenset({"resend_limit_reached"})
"""The only "no" of these that is not the final answer to its key."""


@dataclass(frozen=True)
class Wish:
    """Something that somebody wants of a card."""

    action: Action
    amount: int = 0


@dataclass(frozen=True)
class Said:
    """What comes of it: a refusal's code, or the entry that was written (none for a suspension)."""

    refused: str | None = None
    entry: tuple[str, int, int, int, int] | None = None
    """Type, amount, balance before, balance after, sequence number."""


@dataclass(frozen=True)
class ModelCard:
    """A card. `seq` counts its entries, the issue being the first."""

    value: int
    balance: int = 0
    seq: int = 1
    activated: bool = False
    suspended: bool = False
    expired: bool = False
    voided: bool = False
    resends: int = 0

    @property
    def status(self) -> str:
        if self.voided:
            return "voided"
        if self.expired:
            return "expired"
        if self.suspended:
            return "suspended"
        if not self.activated:
            return "pending"
        return "active" if self.balance else "depleted"

    def after(self, wish: Wish) -> tuple["ModelCard", Said]:
        """The card after the wish, and what is said to it."""
        code = self._objection(wish)
        if code is not None:
            return self, Said(refused=code)
        flags: dict[str, dict[str, Any]] = {
            "activate": {"activated": True},
            "suspend": {"suspended": True},
            "unsuspend": {"suspended": False},
            "void": {"voided": True},
            "resend-code": {"resends": self.resends + 1},
        }
        entries = {
            "activate": ("ACTIVATION", self.value),
            "redeem": ("REDEMPTION", -wish.amount),
            "reload": ("RELOAD", wish.amount),
            "void": ("VOID", -self.balance),
            "resend-code": ("RESEND_CODE", 0),
        }
        card = replace(self, **flags.get(wish.action, {}))
        if wish.action not in entries:
            return card, Said()
        kind, amount = entries[wish.action]
        card = replace(card, balance=card.balance + amount, seq=card.seq + 1)
        return card, Said(entry=(kind, amount, self.balance, card.balance, card.seq))

    def _objection(self, wish: Wish) -> str | None:
        allowed, code = ALLOWED[wish.action]
        if self.status not in allowed:
            return "card_expired" if self.status == "expired" and wish.action != "resend-code" else code
        limits: dict[str, tuple[tuple[bool, str], ...]] = {
            "redeem": (
                (wish.amount > MAX_REDEEM, "amount_over_limit"),
                (wish.amount > self.balance, "insufficient_balance"),
            ),
            "reload": (
                (wish.amount > MAX_RELOAD, "amount_over_limit"),
                (self.balance + wish.amount > MAX_BALANCE, "max_balance_exceeded"),
            ),
            "resend-code": ((self.resends >= RESENDS, "resend_limit_reached"),),
        }
        return next((code for broken, code in limits.get(wish.action, ()) if broken), None)
