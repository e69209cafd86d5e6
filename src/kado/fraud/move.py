"""Money that is about to move, or has moved: what rules look at. No I/O."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """The types of entries that rules can look at, in the contract's words."""

    ACTIVATION = "ACTIVATION"
    RELOAD = "RELOAD"
    REDEMPTION = "REDEMPTION"
    REFUND = "REFUND"
    TRANSFER_OUT = "TRANSFER_OUT"


SPENDING: Final = frozenset({Kind.REDEMPTION, Kind.TRANSFER_OUT})
"""What a rule looks at that does not say."""


@dataclass(frozen=True, slots=True)
class Move:
    """One entry, wanted or written. `amount` in minor units, without a sign. What is not known is None."""

    kind: Kind
    amount: int
    at: datetime
    program_id: str
    card_id: str
    is_test: bool
    merchant_id: str
    actor: str | None = None
    cashier_id: str | None = None
    terminal_id: str | None = None
    address: str | None = None
    """As `kado.access.address` groups it."""
    user_agent: str | None = None
    country: str | None = None
    activated_at: datetime | None = None
    entry_id: str | None = None
    """Where it is written already."""


class Scope(StrEnum):
    """By whom a rule counts."""

    CARD = "card"
    CASHIER = "cashier"
    TERMINAL = "terminal"
    MERCHANT = "merchant"
    ADDRESS = "address"
    ACTOR = "actor"  # the key or the person behind the token
    PROGRAM = "program"


def subject_of(scope: Scope, move: Move) -> str | None:
    """Whose move it is by this scope, as counters and alerts name it; None where that is not known."""
    name = {
        Scope.CARD: move.card_id,
        Scope.CASHIER: move.cashier_id and f"{move.merchant_id}/{move.cashier_id}",
        Scope.TERMINAL: move.terminal_id and f"{move.merchant_id}/{move.terminal_id}",
        Scope.MERCHANT: move.merchant_id,
        Scope.ADDRESS: move.address,
        Scope.ACTOR: move.actor,
        Scope.PROGRAM: move.program_id,
    }[scope]
    return f"{scope}:{name}" if name else None
