"""Issue: a new card with a number of its own, worth nothing until it is activated."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, Final
from zoneinfo import ZoneInfo

from kado import clock
from kado.access.caller import Caller
from kado.audit import Row
from kado.audit.origin import Origin
from kado.cards import refusals
from kado.cards.audited import beginning, of_entry, said_by
from kado.cards.card import Card, CardStatus, Entry, TransactionType
from kado.cards.chain import GENESIS, seal_state
from kado.cards.entries import append
from kado.cards.events import events_of
from kado.cards.idempotency import Fingerprint, NewKey, remember
from kado.cards.masking import mask
from kado.cards.numbers import hide_number, new_number, new_pass_sid
from kado.cards.posting import Answer, NewEntry, Outcome, Render
from kado.cards.withdraw import withdrawn
from kado.crypto import Keyring
from kado.errors import Invalid, Refusal
from kado.ids import new_id
from kado.programs.program import ExpiryRule, Program
from kado.storage.outbox import Event, Message

_LONGEST_MONTHS: Final = 60
_PURCHASE: Final = NewEntry(TransactionType.PURCHASE, 0, description="Gift card issued")


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """A card to be made. `initial_value` in minor units of the program's currency.

    `merchant_name` is None where the merchant neither owns the program nor is admitted to it.
    """

    action: ClassVar[str] = "create"

    program_id: str
    caller: Caller
    key: str | None
    render: Render
    merchant_id: str
    merchant_name: str | None
    initial_value: int
    expires_at: datetime | None = None
    customer_email: str | None = None
    customer_phone: str | None = None
    customer_name: str | None = None
    sender_name: str | None = None
    custom_message: str | None = None
    design_template: str | None = None
    is_physical: bool = False
    deliver_at: datetime | None = None
    """Where it has no offset, by the receiver's clock."""
    language: str | None = None
    time_zone: str | None = None
    receipt_email: str | None = None
    """Who gave the card and is to hear that it is on its way."""
    is_withdrawn: bool = False
    """No card is made, and none will be under this key. No part of what was asked: the key is known as the same."""

    def scope(self) -> tuple[str, ...]:
        """A key means one card of the program."""
        return (self.action,)

    def facts(self) -> tuple[object, ...]:
        """What was asked."""
        return (
            self.merchant_id,
            self.initial_value,
            self.expires_at,
            self.customer_email,
            self.customer_phone,
            self.customer_name,
            self.sender_name,
            self.custom_message,
            self.design_template,
            self.is_physical,
            self.deliver_at,
            *where_said(self.language, self.time_zone, self.receipt_email),
        )


def where_said(*facts: str | None) -> tuple[object, ...]:
    """For the facts of a request: what its headers said. Nothing where they said nothing, so that a key from before
    there were any is known again."""
    return (tuple(fact or "" for fact in facts),) if any(facts) else ()


@dataclass(frozen=True, slots=True)
class Placed:
    """A card decided on, with all that is written for it."""

    card: Card
    entry: Entry
    key: NewKey
    answer: Answer
    messages: tuple[Message, ...]
    events: tuple[Event, ...]
    audited: Row


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """No card, and a key under which none will be made."""

    key: NewKey
    answer: Answer


def place(
    keyring: Keyring, issue: Issue, program: Program, now: datetime, fingerprint: Fingerprint, source: Origin
) -> Placed | Withdrawn | Refusal:
    """Decide an issue. Pure but for the randomness of number and ids; `now` is the database's clock.

    `source` is where it comes from.
    """
    if issue.is_withdrawn:
        nothing = issue.render(withdrawn())
        return Withdrawn(remember(keyring, program.id, fingerprint, nothing), nothing)
    refusal = refuse(issue, program, now)
    if refusal is not None:
        return refusal
    if issue.merchant_name is None:
        return refusals.merchant_not_admitted()
    card, entry = make(keyring, issue, issue.merchant_name, program, now, fingerprint.key_hash)
    outcome = Outcome(card, program, (entry,), now)
    answer = issue.render(outcome)
    key = remember(keyring, program.id, fingerprint, answer)
    told = {} if issue.receipt_email is None else {"receiptTo": mask(issue.receipt_email)}
    details, after = said_by(issue.caller, told), beginning(card, program.currency)
    audited = of_entry(entry, issue.caller.subject, source, details=details, after=after)
    leaving = (*delivery_of(card, now), *receipt_of(card, issue, now))
    messages = tuple(replace(one, request_id=source.request_id) for one in leaving)
    return Placed(card, entry, key, answer, messages, tuple(events_of(issue.action, outcome)), audited)


def refuse(issue: Issue, program: Program, now: datetime) -> Refusal | None:
    """Why the program's rules allow no such card at this moment; None where they do."""
    return _refuse_value(issue, program) or _refuse_expiry(issue, now)


def make(
    keyring: Keyring, issue: Issue, merchant_name: str, program: Program, now: datetime, key_hash: bytes | None
) -> tuple[Card, Entry]:
    """A card that nothing speaks against, with a number of its own, sealed, and its first entry."""
    card = _new_card(keyring, issue, merchant_name, program, now)
    entry = append(card, _PURCHASE, issue.caller, now, key_hash)
    card.state_seal = seal_state(keyring, card)
    return card, entry


def renewed(keyring: Keyring, like: Card, program: Program, now: datetime) -> Card:
    """A card as `like`, with a number, a pass and a history of its own: nothing of the old card opens it."""
    card_id = new_id()
    number = hide_number(keyring, program.id, card_id, new_number(program.number_prefix))
    return replace(
        like,
        id=card_id,
        balance=0,
        held=0,
        seq=0,
        head_hash=GENESIS,
        created_at=now,
        updated_at=now,
        number_index=number.number_index,
        number_sealed=number.sealed,
        last_four=number.last_four,
        key_version=number.key_version,
        code_hash=None,
        code_version=None,
        codes_sent_at=[],
        pass_sid=new_pass_sid(program.id),
        delivered_at=None,
        successor_id=None,
        succession=None,
        has_reversals=False,
        rows_digest=None,
    )


def expiry_of(program: Program, start: datetime) -> datetime:
    """When a card whose life is counted from `start` ends under the program's rule."""
    if program.expiry_rule is ExpiryRule.NEVER:
        return clock.NEVER
    return clock.add_months(start, program.expiry_months)


def zone_of(of: Card | Issue, program: Program) -> ZoneInfo:
    """Where a card's receiver lives: as was said of them, else of the program."""
    return program.zone if of.time_zone is None else ZoneInfo(of.time_zone)


def _refuse_value(issue: Issue, program: Program) -> Refusal | None:
    low, high, code = program.min_initial_value, program.max_initial_value, program.currency.code
    if issue.caller.role == "cashier":
        high = min(high, program.cashier_issue_limit)
    if not low <= issue.initial_value <= high:
        shown = f"{program.currency.text(low)} to {program.currency.text(high)} {code}"
        return Invalid(
            ("body", "initialValue"), f"A card of this program is issued for {shown}.", "amount_out_of_range"
        )
    return None


def _refuse_expiry(issue: Issue, now: datetime) -> Refusal | None:
    if issue.expires_at is None:
        return None
    if issue.expires_at <= now:
        return Invalid(("body", "expiresAt"), "The card would have expired already.", "expiry_in_the_past")
    if issue.expires_at > clock.add_months(now, _LONGEST_MONTHS):
        return Invalid(("body", "expiresAt"), "A card expires within five years of its issue.", "expiry_too_far")
    return None


def _new_card(keyring: Keyring, issue: Issue, merchant_name: str, program: Program, now: datetime) -> Card:
    card_id = new_id()
    number = hide_number(keyring, program.id, card_id, new_number(program.number_prefix))
    return Card(
        program_id=program.id,
        id=card_id,
        merchant_id=issue.merchant_id,
        merchant_name=merchant_name,
        is_test=issue.caller.is_test,
        balance=0,
        held=0,
        initial_value=issue.initial_value,
        max_balance=program.max_balance,
        recorded_status=CardStatus.PENDING,
        seq=0,
        head_hash=GENESIS,
        created_at=now,
        updated_at=now,
        activated_at=None,
        expires_at=issue.expires_at or expiry_of(program, now),
        suspended_at=None,
        suspended_until=None,
        suspended_reason=None,
        voided_at=None,
        state_seal=b"",
        number_index=number.number_index,
        number_sealed=number.sealed,
        last_four=number.last_four,
        key_version=number.key_version,
        code_hash=None,
        code_version=None,
        codes_sent_at=[],
        pass_sid=new_pass_sid(program.id),
        customer_id=None,
        customer_email=issue.customer_email,
        customer_phone=issue.customer_phone,
        customer_name=issue.customer_name,
        sender_name=issue.sender_name,
        custom_message=issue.custom_message,
        design_template=issue.design_template,
        is_physical=issue.is_physical,
        deliver_at=None if issue.deliver_at is None else clock.where(issue.deliver_at, zone_of(issue, program)),
        delivered_at=None,
        language=issue.language,
        time_zone=issue.time_zone,
    )


def delivery_of(
    card: Card, now: datetime, at: datetime | None = None, *, by_phone: bool = False
) -> tuple[Message, ...]:
    """The code leaves `at` this moment, at `deliver_at`, or at once; by mail where there is an address, else by SMS."""
    email, planned = None if by_phone else card.customer_email, at or card.deliver_at
    recipient = email or card.customer_phone
    if recipient is None:
        return ()
    return (
        Message(
            program_id=card.program_id,
            id=new_id(),
            card_id=card.id,
            kind="security_code",
            channel="email" if email else "sms",
            recipient=recipient,
            sender_name=card.sender_name,
            custom_message=card.custom_message,
            created_at=now,
            send_at=planned if planned is not None and planned > now else None,
        ),
    )


def receipt_of(card: Card, issue: Issue, now: datetime) -> tuple[Message, ...]:
    """Whoever gave the card hears what leaves for whom, if they said where and there is somebody to send it to."""
    if issue.receipt_email is None or (card.customer_email or card.customer_phone) is None:
        return ()
    return (
        Message(
            program_id=card.program_id,
            id=new_id(),
            card_id=card.id,
            kind="receipt",
            channel="email",
            recipient=issue.receipt_email,
            sender_name=None,
            custom_message=None,
            created_at=now,
        ),
    )
