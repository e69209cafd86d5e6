"""What is handed to the posting machine, and what it hands back."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Final

from kado.access.caller import Caller
from kado.cards.card import Card, Entry, TransactionType
from kado.errors import Refusal
from kado.programs.program import Program
from kado.storage.outbox import Message

MAX_MINOR: Final = 2**62
"""No single amount may come near the limits of the database's bigint."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller is told: an HTTP status and the exact bytes of a body, kept for whoever repeats the request."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A posting that passed: the card as it is now, and the entry that was written, if there was one."""

    card: Card
    program: Program
    entry: Entry | None
    now: datetime
    messages: tuple[Message, ...] = ()


Render = Callable[[Outcome | Refusal], Answer]
"""How a door says what happened. Called before the commit, so that the answer is stored with what it reports."""


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An entry that a decision wants: the machine adds number, balances, time and hash. `amount` in minor units."""

    type: TransactionType
    amount: int
    reference_id: str | None = None
    pos_transaction_id: str | None = None
    cashier_id: str | None = None
    terminal_id: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """A "yes": what becomes of the card."""

    entry: NewEntry | None = None
    changes: Mapping[str, object] = field(default_factory=dict)
    """Fields of the card with their new values; the balance is not among them, entries move it."""
    messages: tuple[Message, ...] = ()
    audit: tuple[str, Mapping[str, object]] | None = None
    """`noun:verb` and facts, where the change is one of state or rights and not of money alone."""
    forget_guesses: bool = False
    """A new code starts with no wrong guesses against it."""
    supersede_messages: bool = False
    """Codes that wait to be sent for this card are not sent any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting(ABC):
    """One wish concerning one card. Subclasses add what is asked and decide it."""

    action: ClassVar[str]
    """The word that separates idempotency keys of different operations."""

    program_id: str
    card_id: str
    caller: Caller
    key: str | None
    render: Render

    @abstractmethod
    def facts(self) -> tuple[object, ...]:
        """What was asked, for telling a repetition from another request under the same key."""

    @abstractmethod
    def decide(self, card: Card, program: Program, now: datetime) -> Decision | Refusal:
        """Pure: the card is locked, so what it says stays true until the commit."""

    @property
    def reference(self) -> str | None:
        """The caller's own reference, where the operation takes one."""
        return None

    def scope(self) -> tuple[str, ...]:
        """Within what a key means one operation: the program is implied."""
        return (self.action, self.card_id)
