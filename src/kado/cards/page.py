"""One list of postings while it is decided: what was locked, what was said, what is to be written. No I/O.

The page keeps the cards as they stand after each decision, so that the next posting of the list sees what the one
before it left, and a key that comes twice in one list is answered twice and moves money once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from kado.cards.card import Card, Entry
from kado.cards.chain import entry_hash, seal_state
from kado.cards.idempotency import Fingerprint, NewKey, Remembered, is_stored, remember
from kado.cards.numbers import indexes_of, show_number
from kado.cards.posting import Answer, Decision, NewEntry, Outcome, Posting
from kado.crypto import Keyring
from kado.errors import Refusal
from kado.ids import new_id
from kado.programs.program import Program
from kado.storage.outbox import Message


@dataclass(slots=True)
class Page:
    """Everything that one commit will make true."""

    keyring: Keyring
    now: datetime
    moved: dict[tuple[str, str], Card] = field(default_factory=dict)
    changed: dict[tuple[str, str], Card] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    keys: list[NewKey] = field(default_factory=list)
    known: dict[tuple[str, bytes], Remembered] = field(default_factory=dict)
    references: dict[tuple[str, str, str], str] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    audits: list[tuple[Posting, str, Mapping[str, object]]] = field(default_factory=list)
    superseded: list[tuple[str, str]] = field(default_factory=list)
    forgiven: list[tuple[str, bytes]] = field(default_factory=list)

    def post(self, posting: Posting, card: Card, program: Program, fingerprint: Fingerprint) -> Answer | Refusal:
        """Decide one posting on its locked card and note down what follows from it."""
        at = max(self.now, card.updated_at)  # a clock that was set back neither reorders entries nor revives a card
        decision = posting.decide(card, program, at)
        if isinstance(decision, Refusal):
            if not is_stored(decision):
                return decision
            answer = posting.render(decision)
            if posting.key is not None:
                self._remember(program, fingerprint, answer)
            return answer
        entry = self._apply(decision, posting, card, at, fingerprint)
        answer = posting.render(Outcome(card, program, entry, at, decision.messages))
        self._remember(program, fingerprint, answer)
        return self._flag_repetition(posting, entry, answer)

    def _apply(
        self, decision: Decision, posting: Posting, card: Card, at: datetime, fingerprint: Fingerprint
    ) -> Entry | None:
        ref = (card.program_id, card.id)
        for name, value in decision.changes.items():
            setattr(card, name, value)
        entry = None
        if decision.entry is not None:
            entry = append(card, decision.entry, posting.caller.merchant_id, at, fingerprint.key_hash)
            self.entries.append(entry)
        card.updated_at = at
        card.recorded_status = card.status_at(at)
        self.moved[ref] = card
        if decision.changes:
            card.state_seal = seal_state(self.keyring, card)
            self.changed[ref] = card
        self.messages.extend(decision.messages)
        if decision.audit is not None:
            self.audits.append((posting, *decision.audit))
        if decision.supersede_messages:
            self.superseded.append(ref)
        if decision.forget_guesses:
            number = show_number(self.keyring, card.program_id, card.id, card.number_sealed)
            indexes = indexes_of(self.keyring, card.program_id, number)
            self.forgiven.extend((card.program_id, index) for index in indexes)
        return entry

    def _remember(self, program: Program, fingerprint: Fingerprint, answer: Answer) -> None:
        key = remember(self.keyring, program.id, fingerprint, answer)
        self.keys.append(key)
        self.known[program.id, key.key_hash] = Remembered(key.request_hash, key.status, key.answer)

    def _flag_repetition(self, posting: Posting, entry: Entry | None, answer: Answer) -> Answer:
        """Without a key a repeated reference cannot be told from a second sale: it passes, and is pointed out."""
        if entry is None or entry.reference_id is None:
            return answer
        place = (entry.program_id, entry.card_id, entry.reference_id)
        earlier = self.references.get(place)
        self.references[place] = entry.id
        if earlier is None or posting.key is not None:
            return answer
        self.audits.append((posting, "entry:possible-duplicate", {"entry": entry.id, "earlier": earlier}))
        return replace(answer, headers={"Kado-Possible-Duplicate": earlier})

    def only_moved(self) -> list[Card]:
        """Cards of which nothing but the balance is to be written."""
        return [card for ref, card in self.moved.items() if ref not in self.changed]


def append(card: Card, new: NewEntry, merchant_id: str, at: datetime, key_hash: bytes | None) -> Entry:
    """The next entry of a card; the card's balance, sequence number and head move with it."""
    before, after, seq, entry_id = card.balance, card.balance + new.amount, card.seq + 1, new_id()
    digest = entry_hash(
        card.program_id,
        card.id,
        seq,
        new.type,
        new.amount,
        before,
        after,
        at,
        new.reference_id,
        new.pos_transaction_id,
        new.cashier_id,
        new.terminal_id,
        merchant_id,
        entry_id,
        key_hash,
        card.head_hash,
    )
    entry = Entry(
        program_id=card.program_id,
        card_id=card.id,
        seq=seq,
        id=entry_id,
        type=new.type,
        amount=new.amount,
        balance_before=before,
        balance_after=after,
        created_at=at,
        reference_id=new.reference_id,
        pos_transaction_id=new.pos_transaction_id,
        cashier_id=new.cashier_id,
        terminal_id=new.terminal_id,
        merchant_id=merchant_id,
        description=new.description,
        key_hash=key_hash,
        previous_hash=card.head_hash,
        hash=digest,
    )
    card.balance, card.seq, card.head_hash = after, seq, digest
    return entry
