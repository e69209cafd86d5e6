"""What a till of our own does with cards, and how its answers are kept: as facts, since a till says them in whatever
language is spoken there.

Every action has the key that its form was rendered with, so that a till which heard no answer asks again and hears the
first one. Redemptions and reloads bear the key as the till's own reference too, by which the last one is taken back; a
sale is taken back by the entry that put the value on the card.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias

from kado.access.caller import Caller
from kado.cards import refusals
from kado.cards.activate import Activate
from kado.cards.card import Card, CardStatus, Entry
from kado.cards.find import entry_from_row
from kado.cards.issue import Issue
from kado.cards.ledger import Ledger
from kado.cards.posting import Answer, Outcome, Posting, ReferenceKind, Render
from kado.cards.redeem import Redeem
from kado.cards.reload import Reload
from kado.cards.reverse import Reverse
from kado.cards.store import ENTRY_COLUMNS
from kado.cards.take_back_sale import TakeBackSale
from kado.cards.withdraw import Withdraw, withdrawn
from kado.errors import Refusal
from kado.ids import is_id
from kado.storage.database import Database

Deed: TypeAlias = Literal["redeem", "reload", "activate", "sell", "refund", "undo"]

_REFERENCES: Final[Mapping[str, ReferenceKind]] = {"redeem": "pos_transaction_id", "reload": "reference_id"}
"""What is undone by one of the till's own references, and which of them that is."""

_SALES: Final = frozenset({"sell", "activate"})
"""What is undone by ending the card."""

_REFERENCE_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Told:
    """What a till is told: what was done, or why it was not. Amounts in minor units of the program's currency."""

    deed: Deed
    card_id: str = ""
    entry_id: str = ""
    amount: int = 0
    """Without a sign; what was done says where it went."""
    balance: int = 0
    """On the card afterwards."""
    last_four: str = ""
    is_suspended: bool = False
    is_ended: bool = False
    """Whether the card has ended with it."""
    is_replayed: bool = False
    """Whether it was told before: the till had not heard it."""
    code: str = ""
    """Of a refusal; empty where it was done."""
    detail: str = ""
    members: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_done(self) -> bool:
        """Whether it was done."""
        return not self.code


def telling(deed: Deed) -> Render:
    """What keeps the answer to this deed."""

    def render(outcome: Outcome | Refusal) -> Answer:
        if isinstance(outcome, Refusal):
            return Answer(outcome.status, _kept(refused(deed, outcome)))
        card, moved = outcome.card, sum(entry.amount for entry in outcome.entries)
        told = Told(
            deed,
            card_id=card.id,
            entry_id=outcome.entries[0].id if outcome.entries else "",
            amount=card.initial_value if deed == "sell" else abs(moved),
            balance=card.initial_value if deed == "sell" else card.balance,
            last_four=card.last_four,
            is_suspended=card.status_at(outcome.now) is CardStatus.SUSPENDED,
            is_ended=card.voided_at is not None,
        )
        return Answer(200, _kept(told))

    return render


def refused(deed: Deed, refusal: Refusal) -> Told:
    """What a till is told of a "no"."""
    members = {name: value for name, value in refusal.members.items() if isinstance(value, str)}
    return Told(deed, code=refusal.code, detail=refusal.detail, members=members)


def heard(answer: Answer) -> Told:
    """What a kept answer says."""
    facts: dict[str, Any] = json.loads(answer.body, parse_float=Decimal)
    return replace(Told(**facts), is_replayed="Idempotent-Replayed" in answer.headers)


async def do(ledger: Ledger, posting: Posting) -> Told:
    """Settle it. Raises `Refusal` for a "no" that is not stored, `Unavailable` where the outcome is not known."""
    return heard(await ledger.post(posting))


async def sell(ledger: Ledger, issue: Issue) -> Told:
    """A new card with its value on it: issued, which sends its code to whoever it is for, and activated under the same
    key. Where that is refused, the card is sold and waits: the refusal names it.

    Raises as `do` does. Whichever half was done when the line was lost, the same key does the rest.
    """
    made = heard(await ledger.post(issue))
    if not made.is_done:
        return made
    told = heard(await ledger.post(_activation(issue, made.card_id)))
    return told if told.is_done else replace(told, card_id=made.card_id, last_four=made.last_four)


def undone_by(told: Told, key: str) -> str:
    """The reference by which what was done under the key can be undone; empty where it cannot be."""
    if not told.is_done:
        return ""
    return told.entry_id if told.deed in _SALES else reference_of(key) if told.deed in _REFERENCES else ""


def undoing(
    program_id: str, card_id: str, deed: str, reference: str, caller: Caller, key: str
) -> Reverse | TakeBackSale:
    """What undoes it, under a key of its own. Raises `NotFound` for what cannot be undone."""
    kind = _REFERENCES.get(deed)
    if not is_id(card_id) or not reference or (kind is None and deed not in _SALES):
        raise refusals.transaction_not_found()
    if kind is None:
        return TakeBackSale(
            program_id=program_id,
            card_id=card_id,
            caller=caller,
            key=key,
            render=telling("undo"),
            activation_id=reference,
        )
    return Reverse(
        program_id=program_id,
        card_id=card_id,
        caller=caller,
        key=key,
        render=telling("undo"),
        kind=kind,
        own_reference=reference,
    )


async def never_any_more(ledger: Ledger, wish: Posting | Issue, deed: Deed) -> Told:
    """Let a wish do nothing when it arrives after this. What is told is what it has done, if it has arrived already.

    Of a redemption or reload the reference is spent, and what it did meanwhile is taken back: whoever is told "nothing
    was done" has to be told the truth. A sale of which only the card was made ends with it. Raises as `do` does.
    """
    if isinstance(wish, Issue):
        made = heard(await ledger.post(replace(wish, is_withdrawn=True)))
        if not made.is_done:
            return made
        return heard(await ledger.post(_withdrawn(_activation(wish, made.card_id), deed, ends_card=True)))
    if isinstance(wish, Redeem | Reload):
        own = wish.pos_reference if isinstance(wish, Redeem) else wish.reference
        key = f"never:{wish.key}"
        await do(ledger, undoing(wish.program_id, wish.card_id, deed, own or "", wish.caller, key))
        return refused(deed, withdrawn())
    return heard(await ledger.post(_withdrawn(wish, deed)))


def _withdrawn(wish: Posting, deed: Deed, *, ends_card: bool = False) -> Withdraw:
    def render(outcome: Outcome | Refusal) -> Answer:
        refusal = outcome if isinstance(outcome, Refusal) else withdrawn()
        return Answer(refusal.status, _kept(refused(deed, refusal)))

    return Withdraw(
        program_id=wish.program_id,
        card_id=wish.card_id,
        caller=wish.caller,
        key=wish.key,
        render=render,
        of=wish,
        ends_card=ends_card,
    )


def _activation(issue: Issue, card_id: str) -> Activate:
    """The second half of a sale."""
    return Activate(
        program_id=issue.program_id,
        card_id=card_id,
        caller=issue.caller,
        key=issue.key,
        render=telling("sell"),
    )


def reference_of(key: str) -> str:
    """The till's own reference for what is done under this key."""
    return f"till:{key}"[:_REFERENCE_MAX]


def _kept(told: Told) -> bytes:
    facts = {name: getattr(told, name) for name in Told.__slots__ if name != "is_replayed"}
    return json.dumps({name: value for name, value in facts.items() if value not in ("", {}, False, 0)}).encode()


async def own_entry(database: Database, card: Card, entry_id: str, merchant_id: str) -> Entry:
    """An entry of the card that this merchant wrote. Raises `NotFound`."""
    if not is_id(entry_id):
        raise refusals.transaction_not_found()
    async with database.read() as connection:
        row = await connection.fetchrow(
            f"SELECT {ENTRY_COLUMNS} FROM card_transaction t"
            " WHERE t.program_id = $1 AND t.card_id = $2 AND t.id = $3 AND t.merchant_id = $4",
            card.program_id,
            card.id,
            entry_id,
            merchant_id,
        )
    if row is None:
        raise refusals.transaction_not_found()
    return entry_from_row(tuple(row))
