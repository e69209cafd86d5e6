"""What is handed to the posting machine, what it is decided on, and what comes back.

What is made anew for each posting is a `Struct`: a frozen dataclass is the same to whoever uses it, and takes several
times as long to make.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final, Literal

from msgspec import Struct, field

from kado.access.caller import Caller
from kado.cards.card import Card, Entry, Hold, TransactionType
from kado.errors import Refusal
from kado.fraud.alert import Alert, Judgement
from kado.programs.program import Program
from kado.storage.outbox import Message

MAX_MINOR: Final = 2**62
"""No single amount may come near the limits of the database's bigint."""

SOUGHT_MAX: Final = 100
"""How many entries under one reference a decision may rest on: the list waits while they are read."""

Succession = Literal["consolidation", "replacement"]
"""Why the money of one card is on another now."""

ReferenceKind = Literal["pos_transaction_id", "reference_id"]
"""Which of a caller's own references is meant."""


# ── what comes back ────────────────────────────────────────────────────────────────────────────────────────────────


class Answer(Struct, frozen=True):
    """What a caller is told: an HTTP status and the exact bytes of a body, kept for whoever repeats the request."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Outcome(Struct, frozen=True):
    """A posting that passed: the cards as they are now, and what was written about them."""

    card: Card
    program: Program
    entries: tuple[Entry, ...]
    """The card's own entries first, then those of other cards."""
    now: datetime
    messages: tuple[Message, ...] = ()
    others: tuple[Card, ...] = ()
    fresh: Card | None = None
    """The card that was made, where one was."""
    holds: tuple[Hold, ...] = ()
    left_alone: tuple[str, ...] = ()
    """Entries that fit as well and were not touched, by their ids."""

    @property
    def entry(self) -> Entry | None:
        """The entry, where there is one at most."""
        return self.entries[0] if self.entries else None


Render = Callable[[Outcome | Refusal], Answer]
"""How a door says what happened. Called before the commit, so that the answer is stored with what it reports."""


# ── what a decision is made on ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class EarlierEntry:
    """An entry of the card that the posting is about, and what has been given back of it so far (minor units)."""

    id: str
    type: TransactionType
    amount: int
    merchant_id: str
    created_at: datetime
    counterpart_id: str | None = None
    undone: int = 0
    seq: int = 0
    cashier_id: str | None = None
    terminal_id: str | None = None

    @property
    def left(self) -> int:
        """How much of it can still be given back or taken back."""
        return abs(self.amount) - self.undone


class Situation(Struct, frozen=True):
    """What a posting is decided on. The cards are locked, so what it says stays true until the commit."""

    card: Card
    program: Program
    now: datetime
    others: tuple[Card, ...] = ()
    """Further cards that the posting names, in its order."""
    earlier: tuple[EarlierEntry, ...] = ()
    """The entries that the posting looks for."""
    holds: tuple[Hold, ...] = ()
    """The card's open holds, and the one that the posting names."""
    is_reversed: bool = False
    """The posting's own reference was taken back before it arrived."""
    alert: Alert | None = None
    """The alert that the posting names, locked."""


@dataclass(frozen=True, slots=True)
class Sought:
    """Which earlier entries of the card a posting wants to see: one by its id, or those with a merchant's reference.

    Of the latter it sees the newest `SOUGHT_MAX` and one more, so that it can tell when there are too many.
    """

    entry_id: str | None = None
    kind: ReferenceKind | None = None
    reference: str | None = None
    merchant_id: str | None = None


# ── what a decision says ───────────────────────────────────────────────────────────────────────────────────────────


class NewEntry(Struct, frozen=True):
    """An entry that a decision wants: the machine adds number, balances, time and hash. `amount` in minor units."""

    type: TransactionType
    amount: int
    reference_id: str | None = None
    pos_transaction_id: str | None = None
    cashier_id: str | None = None
    terminal_id: str | None = None
    description: str | None = None
    counterpart_id: str | None = None
    id: str | None = None
    """Chosen beforehand where another entry must name this one."""


@dataclass(frozen=True, slots=True)
class Fresh:
    """A card to be made out of others: as `like`, but with a number, a code and a history of its own."""

    like: Card
    entry: NewEntry
    succession: Succession
    by_phone: bool = False
    """Its code leaves as a text message although there is an email address."""


class Decision(Struct, frozen=True):
    """A "yes": what becomes of the card, and of others that the posting names."""

    entries: tuple[NewEntry, ...] = ()
    changes: Mapping[str, object] = field(default_factory=dict)
    """Fields of the card with their new values; the balance is not among them, entries move it."""
    messages: tuple[Message, ...] = ()
    audit: tuple[str, Mapping[str, object]] | None = None
    """`noun:verb` and facts, where the change is one of state or rights and not of money alone."""
    forget_guesses: bool = False
    """A new code starts with no wrong guesses against it."""
    supersede_messages: Literal["due", "all"] | None = None
    """Codes that wait to be sent for this card are not sent any more: those that are due, or planned ones too."""
    holds: tuple[Hold, ...] = ()
    """Holds as they are from now on: new ones, or ones that changed."""
    reversal: tuple[ReferenceKind, str] | None = None
    """A reference with which nothing more may arrive."""
    left_alone: tuple[str, ...] = ()
    """Entries that fit as well and are not touched, by their ids: the caller must hear of them."""
    others: Mapping[str, "Decision"] = field(default_factory=dict)
    """The same for further cards, by their ids; only entries, changes and messages count."""
    fresh: Fresh | None = None
    """A card that takes the place of all of them."""
    judgement: Judgement | None = None
    """What is said about the alert that the posting names."""


# ── postings ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting(ABC):
    """One wish about a card, or several that must change together. Subclasses add what is asked and decide it."""

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
    def decide(self, on: Situation) -> Decision | Refusal:
        """Pure but for fresh ids: whether this may happen, and what follows if it does."""

    @property
    def reference(self) -> str | None:
        """The caller's own reference, where the operation takes one."""
        return None

    @property
    def pos_reference(self) -> str | None:
        """The till's own number of the sale, where the operation takes one."""
        return None

    @property
    def other_card_ids(self) -> tuple[str, ...]:
        """Further cards of the program that are locked and decided on together with this one."""
        return ()

    @property
    def owned_card_ids(self) -> tuple[str, ...]:
        """The cards that a customer must own to ask for this."""
        return (self.card_id,)

    @property
    def sought(self) -> Sought | None:
        """Earlier entries that the decision rests on."""
        return None

    @property
    def hold_id(self) -> str | None:
        """The hold that this is about."""
        return None

    @property
    def alert_id(self) -> str | None:
        """The alert against fraud that is closed with this."""
        return None

    @property
    def taken_back(self) -> tuple[ReferenceKind, str] | None:
        """The reference of the caller's own with which nothing more may arrive after this."""
        return None

    def scope(self) -> tuple[str, ...]:
        """Within what a key means one operation: the program is implied."""
        return (self.action, self.card_id)

    def refs(self) -> list[tuple[str, str]]:
        """Every card that is to be locked: program id, card id."""
        own, others = (self.program_id, self.card_id), self.other_card_ids
        return [own, *[(self.program_id, card_id) for card_id in others]] if others else [own]
