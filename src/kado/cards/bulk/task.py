"""What an order for many cards is, and the parts it is worked off in. No I/O.

Amounts are minor units of the program's currency.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from itertools import islice, repeat
from typing import ClassVar, Final, NoReturn

from kado.access.caller import Caller
from kado.access.permissions import Role
from kado.cards.card import Card
from kado.cards.issue import Issue, where_said
from kado.cards.posting import Answer
from kado.crypto import Keyring, Undecipherable
from kado.programs.program import Program

BATCH: Final = 500
"""Cards that one transaction makes."""

COUNT_MAX: Final = 1_000_000
RECIPIENTS_MAX: Final = 10_000
UNFINISHED_MAX: Final = 10
"""Tasks of one merchant that may be waiting or under way. The worker goes round them all, a batch of each."""

LINK_LIFE: Final = timedelta(hours=72)

PENDING, PROCESSING, COMPLETED, FAILED = "pending", "processing", "completed", "failed"
UNFINISHED: Final = (PENDING, PROCESSING)


@dataclass(frozen=True, slots=True)
class Recipient:
    """For whom one of the cards is. The fields stand in the order in which they are stored."""

    email: str | None = None
    phone: str | None = None
    name: str | None = None
    sender_name: str | None = None
    custom_message: str | None = None


@dataclass(frozen=True, slots=True)
class Listed(Recipient):
    """One whose card has a value of its own, and perhaps a language and a later delivery."""

    initial_value: int = 0
    language: str | None = None
    deliver_at: datetime | None = None


@dataclass(slots=True)
class Task:
    """A row of `bulk_task`; the fields stand in the order of its columns."""

    program_id: str
    id: str
    merchant_id: str
    actor: str
    is_test: bool
    total: int
    issued: int
    initial_value: int
    expires_at: datetime | None
    is_physical: bool
    design_template: str | None
    key_hash: bytes
    has_file: bool
    state: str
    error: str | None
    created_at: datetime
    touched_at: datetime
    ended_at: datetime | None = None
    link: bytes | None = None
    link_expires_at: datetime | None = None
    download: bytes | None = None
    download_until: datetime | None = None
    language: str | None = None
    time_zone: str | None = None
    value_sum: int | None = None
    """What all cards come to, where they are worth different amounts; `initial_value` is the highest then."""

    @property
    def whole_value(self) -> int:
        """What all cards come to."""
        return self.total * self.initial_value if self.value_sum is None else self.value_sum

    @property
    def differ(self) -> bool:
        """Whether each card may be worth something else, so that the rules look at each of them."""
        return self.value_sum is not None

    def wishes(self, batch: "Batch", program: Program) -> Iterator[Issue]:
        """The cards of a batch, as single issues. Without recipients they are all alike."""
        if batch.recipients is None:
            return repeat(self._wish(Recipient(), program), batch.size)
        return (self._wish(recipient, program) for recipient in batch.recipients)

    def _wish(self, recipient: Recipient, program: Program) -> Issue:
        own = recipient if isinstance(recipient, Listed) else None
        return Issue(
            program_id=self.program_id,
            caller=Caller(self.merchant_id, self.actor, Role.OWNER, frozenset(), self.is_test),
            key=None,
            render=_has_no_answer,
            merchant_id=self.merchant_id,
            merchant_name=program.merchant_name,
            initial_value=self.initial_value if own is None else own.initial_value,
            expires_at=self.expires_at,
            deliver_at=None if own is None else own.deliver_at,
            customer_email=recipient.email,
            customer_phone=recipient.phone,
            customer_name=recipient.name,
            sender_name=recipient.sender_name,
            custom_message=recipient.custom_message,
            design_template=self.design_template,
            is_physical=self.is_physical,
            language=self.language if own is None else own.language,
            time_zone=self.time_zone,
        )

    def add(self, cards: int, keyring: Keyring, now: datetime) -> None:
        """So many more exist; with the last one the task is completed."""
        self.issued += cards
        self.state = PROCESSING
        self.touched_at = now
        if self.issued == self.total:
            self.end(COMPLETED, keyring, now)

    def end(self, state: str, keyring: Keyring, now: datetime) -> None:
        """Nothing more comes. Where a file is to be had, this is the moment from which it can be fetched."""
        self.state, self.ended_at = state, now
        if self.has_file and self.issued > 0:
            self.make_link(keyring, now)

    def make_link(self, keyring: Keyring, now: datetime) -> tuple[str, datetime]:
        """A fresh address for the file: its secret part and its end. The one before leads nowhere from now on."""
        token = secrets.token_hex(32)
        self.link = keyring.encrypt("stored-secret", token.encode(), self._bound())
        self.link_expires_at = now + LINK_LIFE
        self.download = self.download_until = None
        return token, self.link_expires_at

    def link_token(self, keyring: Keyring, now: datetime) -> str | None:
        """The secret part of the file's address; None where there is no file to be had (any more)."""
        if self.link is None or self.link_expires_at is None or now >= self.link_expires_at:
            return None
        try:
            return keyring.decrypt("stored-secret", self.link, self._bound()).decode()
        except Undecipherable:  # the operator took the secret away that hid it: a fresh link can be asked for
            return None

    def _bound(self) -> bytes:
        return f"bulk:{self.program_id}:{self.id}".encode()


TASK_COLUMNS: Final = ", ".join(field.name for field in fields(Task))


@dataclass(frozen=True, slots=True)
class Batch:
    """A part of a task that is issued in one transaction. `recipients` is None where the cards are for nobody yet."""

    number: int
    size: int
    recipients: list[Recipient] | None


@dataclass(frozen=True, slots=True)
class Ordered:
    """What became of an order. `cards` is None where a worker will make them; `token` opens the file."""

    task: Task
    cards: Sequence[Card] | None
    token: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Many cards at once: `count` of them for nobody in particular, or one for each of the recipients."""

    action: ClassVar[str] = "bulk"

    program_id: str
    caller: Caller
    key: str | None
    render: Callable[[Ordered], Answer]
    initial_value: int
    expires_at: datetime | None
    is_physical: bool
    design_template: str | None
    count: int | None
    recipients: tuple[Recipient, ...] | None
    language: str | None = None
    time_zone: str | None = None

    @property
    def total(self) -> int:
        """How many cards it comes to."""
        return len(self.recipients) if self.recipients is not None else self.count or 0

    @property
    def value_sum(self) -> int | None:
        """What all cards come to, where each has a value of its own."""
        listed = [one for one in self.recipients or () if isinstance(one, Listed)]
        return sum(one.initial_value for one in listed) if listed else None

    def facts(self) -> tuple[object, ...]:
        """What was asked, for telling a repetition from another request under the same key."""
        return (
            self.initial_value,
            self.expires_at,
            self.is_physical,
            self.design_template,
            self.count,
            self.recipients,
            *where_said(self.language, self.time_zone),
        )

    def batches(self) -> list[Batch]:
        """The parts, in order; all but the last are full."""
        starts = range(0, self.total, BATCH)
        if self.recipients is None:
            return [Batch(at, min(BATCH, self.total - start), None) for at, start in enumerate(starts, 1)]
        parts = [list(islice(self.recipients, start, start + BATCH)) for start in starts]
        return [Batch(at, len(part), part) for at, part in enumerate(parts, 1)]


def _has_no_answer(_: object) -> NoReturn:
    raise AssertionError("one of many cards is not answered by itself")
