"""Transfer: move money from one card to another of the same program, whoever knows the source's security code."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import ClassVar

from kado.cards import refusals
from kado.cards.card import CardStatus, TransactionType
from kado.cards.find import Found
from kado.cards.ledger import Ledger
from kado.cards.posting import Answer, Decision, NewEntry, Posting, Situation
from kado.crypto import equal
from kado.errors import Refusal
from kado.ids import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer(Posting):
    """`amount` in minor units of the program's currency.

    `proved` is the hash of the code that the caller showed: should the card have another one by now, it was the wrong
    one. None where that need not be looked at: a repetition, which is answered before it comes to that.
    """

    action: ClassVar[str] = "transfer"

    destination_id: str
    amount: int
    proved: bytes | None = field(default=None, repr=False)
    reference_id: str | None = None
    description: str | None = None

    def facts(self) -> tuple[object, ...]:
        """What was asked. The code is a proof and no part of it: here nobody would count a wrong one."""
        return (self.amount, self.reference_id, self.description)

    def scope(self) -> tuple[str, ...]:
        """A key means one transfer between two cards."""
        return (self.action, self.card_id, self.destination_id)

    @property
    def other_card_ids(self) -> tuple[str, ...]:
        """The destination."""
        return (self.destination_id,)

    @property
    def reference(self) -> str | None:
        """The caller's own reference."""
        return self.reference_id

    def decide(self, on: Situation) -> Decision | Refusal:
        """Both cards active; the source holds the amount, the destination has room for it."""
        source, destination, currency = on.card, on.others[0], on.program.currency
        if self.proved is None or source.code_hash is None or not equal(self.proved, source.code_hash):
            return refusals.wrong_security_code()
        if source.id == destination.id:
            return refusals.same_card()
        if on.is_reversed:
            return refusals.already_reversed()
        if (status := source.status_at(on.now)) is CardStatus.EXPIRED:
            return refusals.card_expired(source)
        if status is not CardStatus.ACTIVE:
            return refusals.card_not_active(status, "transferred from")
        if (status := destination.status_at(on.now)) is not CardStatus.ACTIVE:
            return refusals.destination_not_active(status)
        if self.amount > source.available:
            return refusals.insufficient_balance(source, currency)
        if destination.balance + self.amount > destination.max_balance:
            return refusals.destination_full(currency, destination.max_balance)
        leaves, arrives = new_id(), new_id()
        out = self._entry(TransactionType.TRANSFER_OUT, -self.amount, destination.last_four, leaves, arrives)
        into = self._entry(TransactionType.TRANSFER_IN, self.amount, source.last_four, arrives, leaves)
        return Decision(entries=(out,), others={destination.id: Decision(entries=(into,))})

    def _entry(self, kind: TransactionType, amount: int, other: str, entry_id: str, counterpart_id: str) -> NewEntry:
        towards = "to" if amount < 0 else "from"
        return NewEntry(
            kind,
            amount,
            reference_id=self.reference_id,
            description=self.description or f"Transfer {towards} the card ending {other}",
            counterpart_id=counterpart_id,
            id=entry_id,
        )


async def by_code(
    ledger: Ledger,
    source: Found,
    posting: Callable[[bytes | None], Transfer],
    prove: Callable[[], Awaitable[None]],
) -> Answer:
    """Settle a transfer for who shows the source's code. `prove` raises where it is the wrong one.

    A repetition is answered as before, whatever code it shows: the card's may have changed since.
    """
    if await ledger.knows(posting(None)):
        return await ledger.post(posting(None))
    await prove()
    return await ledger.post(posting(source.card.code_hash))
