"""One list of postings while it is decided: what was locked, what was said, what is to be written. No I/O.

The page keeps the cards as they stand after each decision, so that the next posting of the list sees what the one
before it left, and a key that comes twice in one list is answered twice and moves money once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from kado import audit
from kado.audit.origin import Origin
from kado.cards import audited
from kado.cards.audited import difference
from kado.cards.bench import Bench, possible_duplicate
from kado.cards.card import Card, CardStatus, Entry, Hold, HoldStatus
from kado.cards.chain import State, is_sealed, move_state, seal_over, seal_state, state_of
from kado.cards.entries import append
from kado.cards.events import EventType, events_of, hold_released, of_state
from kado.cards.evidence import Evidence
from kado.cards.idempotency import Fingerprint, NewKey, Remembered, is_stored, remember
from kado.cards.issue import delivery_of, renewed
from kado.cards.numbers import indexes_of, show_number
from kado.cards.posting import Answer, Decision, Fresh, Outcome, Posting, ReferenceKind, Situation
from kado.cards.rows_digest import Reversal, rows_changed
from kado.cards.told import changes_told
from kado.crypto import Keyring
from kado.errors import Refusal
from kado.fraud.alert import Alert, Judgement
from kado.fraud.judge import Hit
from kado.programs.program import Program
from kado.storage.outbox import Event, Message

Ref = tuple[str, str]
"""Program id and card id."""


@dataclass(slots=True)
class Page:
    """Everything that one commit will make true."""

    keyring: Keyring
    now: datetime
    evidence: Evidence = field(default_factory=Evidence)
    moved: dict[Ref, Card] = field(default_factory=dict)
    changed: dict[Ref, Card] = field(default_factory=dict)
    fresh: list[Card] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    keys: list[NewKey] = field(default_factory=list)
    known: dict[tuple[str, bytes], Remembered] = field(default_factory=dict)
    references: dict[tuple[str, str, str], str] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    audited: list[audit.Row] = field(default_factory=list)
    superseded: dict[Ref, bool] = field(default_factory=dict)
    """Cards whose waiting codes are not sent any more; True where planned ones are meant as well."""
    forgiven: list[tuple[str, bytes]] = field(default_factory=list)
    holds: dict[Ref, Hold] = field(default_factory=dict)
    reversals: list[Reversal] = field(default_factory=list)
    bench: Bench | None = None
    """The rules against fraud, where there are any by which these postings are judged."""
    hits: list[Hit] = field(default_factory=list)
    closed: list[tuple[str, Alert, Judgement, Origin]] = field(default_factory=list)
    """Alerts that somebody has looked at, with the program's owner, what was said, and from where."""
    in_wallets: set[Ref] = field(default_factory=set)
    """Cards that changed, and that a wallet shows."""
    sealed: dict[Ref, State | None] = field(default_factory=dict)
    """The facts of cards whose seal was whole when they were locked; None where it was broken."""

    def post(
        self, posting: Posting, cards: Sequence[Card], program: Program, fingerprint: Fingerprint, source: Origin
    ) -> Answer | Refusal:
        """Decide one posting on its locked cards, its own first, and note down what follows from it.

        `source` is where it comes from: a list holds the requests of many.
        """
        for card in cards:
            if (card.program_id, card.id) not in self.sealed:
                state = state_of(card)
                whole = is_sealed(self.keyring, card.state_seal, state)
                self.sealed[card.program_id, card.id] = state if whole else None
        # A clock that was set back neither reorders entries nor revives a card.
        at = max([self.now, *[card.updated_at for card in cards]])
        if self.evidence.holds:
            for card in cards:
                self._let_go(card, program, at)
        on = Situation(
            card=cards[0],
            program=program,
            now=at,
            others=tuple(cards[1:]),
            earlier=self.evidence.sought(posting),
            holds=self.evidence.holds_of(cards[0]),
            is_reversed=self.evidence.is_reversed(posting),
            alert=self.evidence.alerts.get((posting.program_id, posting.alert_id or "")),
        )
        decision = posting.decide(on)
        if isinstance(decision, Refusal):
            return self._refuse(posting, decision, program, fingerprint)
        flagged: Sequence[Hit] = ()
        counted = self.bench.counted_on(cards) if self.bench is not None and decision.fresh is not None else []
        if self.bench is not None:
            refusal, flagged = self.bench.judge(posting, decision, on, source)
            if refusal is not None:
                return self._refuse(posting, refusal, program, fingerprint, is_told=True)
        if decision.judgement is not None and on.alert is not None:
            self._close(on.alert, decision.judgement, program, source)
        outcome = self._apply(decision, posting, on, fingerprint, source)
        if self.bench is not None:
            self.bench.tell(flagged, outcome.entries)
            if outcome.fresh is not None:
                self.bench.inherit(outcome.fresh, counted, at)
        self.events += events_of(posting.action, outcome)
        answer = posting.render(outcome)
        self._remember(program, fingerprint, answer, None if decision.entries else on.card.id)
        return self._flag_repetition(posting, outcome.entry, answer, source)

    def _refuse(
        self, posting: Posting, refusal: Refusal, program: Program, fingerprint: Fingerprint, *, is_told: bool = False
    ) -> Answer | Refusal:
        """Answer with a refusal. One that `is_told` leaves a hit, so an internal key must keep it from coming twice."""
        if not is_stored(refusal):
            return refusal
        answer = posting.render(refusal)
        if posting.key is not None or is_told:
            self._remember(program, fingerprint, answer)
        return answer

    def _close(self, alert: Alert, judgement: Judgement, program: Program, source: Origin) -> None:
        """Note what was said about an alert, so that the next posting of the list finds it closed."""
        self.closed.append((program.merchant_id, alert, judgement, source))
        self.evidence.alerts[alert.program_id, alert.id] = replace(
            alert,
            status=judgement.status,
            notes=judgement.notes,
            acknowledged_by=judgement.by,
            has_suspended=True,
        )

    def _let_go(self, card: Card, program: Program, at: datetime) -> None:
        """Release what is held for too long: true since its time was over, written down now."""
        for hold in self.evidence.holds_of(card):
            if hold.is_over_at(at):
                card.held -= hold.rest
                self._note_hold(card, replace(hold, status=HoldStatus.EXPIRED, ended_at=hold.expires_at))
                self.audited.append(audited.of_expired_hold(hold, program))
                if program.is_heard:
                    self.events.append(hold_released(hold, card, program, at))

    def _apply(
        self, decision: Decision, posting: Posting, on: Situation, fingerprint: Fingerprint, source: Origin
    ) -> Outcome:
        fresh, succession = None, {}
        if decision.fresh is not None:
            fresh = renewed(self.keyring, decision.fresh.like, on.program, on.now)
            succession = {"successor_id": fresh.id, "succession": decision.fresh.succession}
        messages = [*decision.messages]
        entries = self._change(decision, posting, on.card, on, succession, fingerprint.key_hash, source)
        for card in on.others:
            if (part := decision.others.get(card.id)) is not None:
                entries += self._change(part, posting, card, on, succession, None, source)
                messages += part.messages
        for hold in decision.holds:
            self._note_hold(on.card, hold)
        if decision.reversal is not None:
            self._note_reversal(posting, on.card, *decision.reversal, on.now)
        if fresh is not None and decision.fresh is not None:
            entries.append(self._begin(fresh, decision.fresh, posting, on, source))
            messages += delivery_of(fresh, on.now, by_phone=decision.fresh.by_phone)
        if on.program.tells_changes:
            messages += changes_told(on.card, entries)
        messages = [replace(one, request_id=source.request_id) for one in messages]
        self.messages += messages
        return Outcome(
            on.card,
            on.program,
            tuple(entries),
            on.now,
            tuple(messages),
            on.others,
            fresh,
            tuple(decision.holds),
            decision.left_alone,
        )

    def _change(
        self,
        decision: Decision,
        posting: Posting,
        card: Card,
        on: Situation,
        succession: Mapping[str, object],
        key_hash: bytes | None,
        source: Origin,
    ) -> list[Entry]:
        """What becomes of one card. Of several entries the first alone bears the key: a key is unique."""
        ref, at, was, was_in_truth = (card.program_id, card.id), on.now, card.recorded_status, card.status_at(on.now)
        changes = {**decision.changes, **succession}
        had = {name: getattr(card, name) for name in changes}
        for name, value in changes.items():
            setattr(card, name, value)
        entries = []
        for new in decision.entries:
            entries.append(append(card, new, posting.caller, at, key_hash))
            key_hash = None
        for entry in entries:
            self.evidence.note_entry(entry)
        self.entries += entries
        card.updated_at = at
        card.recorded_status = card.status_at(at)
        self.moved[ref] = card
        self._audit(decision, posting, card, entries, source, *difference(card, was_in_truth, had, on.program.currency))
        if on.program.is_heard and card.recorded_status == CardStatus.EXPIRED != was:
            self.events.append(of_state(EventType.EXPIRED, card, on.program, at))  # before the sweep came to it
        if changes:
            self.changed[ref] = card
        # What is held for orders stands on no pass.
        if card.in_wallets and (entries or changes.keys() - {"held"}):
            self.in_wallets.add(ref)
        if decision.supersede_messages is not None:
            self._supersede(ref, planned_too=decision.supersede_messages == "all")
        if decision.forget_guesses:
            number = show_number(self.keyring, card.program_id, card.id, card.number_sealed)
            indexes = indexes_of(self.keyring, card.program_id, number)
            self.forgiven.extend((card.program_id, index) for index in indexes)
        return entries

    def _audit(
        self,
        decision: Decision,
        posting: Posting,
        card: Card,
        entries: Sequence[Entry],
        source: Origin,
        before: audit.Facts,
        after: audit.Facts,
    ) -> None:
        """A row for each entry, the first of which says what else became different, or one row for a change without."""
        action, details = decision.audit or (None, {})
        if action is not None and not (entries and action.startswith("card:")):
            differs = ({}, {}) if entries else (before, after)
            self.audited.append(audited.of_change(posting, card, source, action, details, *differs))
            action, details = None, {}
        for entry in entries:
            facts = audited.said_by(posting.caller, details)
            self.audited.append(
                audited.of_entry(
                    entry, posting.caller.subject, source, action=action, details=facts, before=before, after=after
                )
            )
            action, details, before, after = None, {}, {}, {}

    def _begin(self, card: Card, fresh: Fresh, posting: Posting, on: Situation, source: Origin) -> Entry:
        """The first entry of a card that was made out of others."""
        entry = append(card, fresh.entry, posting.caller, on.now, None)
        card.recorded_status = card.status_at(on.now)
        card.state_seal = seal_state(self.keyring, card)
        self.fresh.append(card)
        self.entries.append(entry)
        begun = audited.beginning(card, on.program.currency)
        facts = audited.said_by(posting.caller, {})
        self.audited.append(audited.of_entry(entry, posting.caller.subject, source, details=facts, after=begun))
        return entry

    def _supersede(self, ref: Ref, *, planned_too: bool) -> None:
        """Codes that wait are not sent, whether they are written already or were decided on a moment ago."""
        self.superseded[ref] = self.superseded.get(ref, False) or planned_too
        self.messages = [
            message
            for message in self.messages
            if (message.program_id, message.card_id) != ref
            or message.kind != "security_code"
            or not (planned_too or message.send_at is None)
        ]

    def seal(self) -> None:
        """Seal the cards as they are to be written. A seal that was broken before stays broken: it must be found."""
        for ref, card in (self.moved | self.changed).items():
            state = self.sealed[ref]
            if state is None:
                continue
            if ref in self.changed:
                state = state_of(card)
            else:
                move_state(state, card)
            card.state_seal = seal_over(self.keyring, state)

    def _note_hold(self, card: Card, hold: Hold) -> None:
        before = self.evidence.hold(hold)
        card.rows_digest = rows_changed(self.keyring, card.rows_digest, before, hold)
        self.changed[card.program_id, card.id] = card
        self.evidence.note_hold(hold)
        self.holds[hold.program_id, hold.id] = hold

    def _note_reversal(self, posting: Posting, card: Card, kind: ReferenceKind, reference: str, at: datetime) -> None:
        reversal = Reversal(card.program_id, card.id, posting.caller.merchant_id, kind, reference, at)
        before = self.evidence.note_reversal(reversal)
        card.rows_digest = rows_changed(self.keyring, card.rows_digest, before, reversal)
        self.changed[card.program_id, card.id] = card
        self.reversals.append(reversal)

    def _remember(self, program: Program, fingerprint: Fingerprint, answer: Answer, card_id: str | None = None) -> None:
        key = remember(self.keyring, program.id, fingerprint, answer, card_id)
        self.keys.append(key)
        self.known[program.id, key.key_hash] = Remembered(key.request_hash, key.status, key.answer)

    def _flag_repetition(self, posting: Posting, entry: Entry | None, answer: Answer, source: Origin) -> Answer:
        """Without a key a repeated reference cannot be told from a second sale: it passes, and is pointed out."""
        if entry is None or entry.reference_id is None or posting.reference is None:
            return answer
        place = (entry.program_id, entry.card_id, entry.reference_id)
        earlier = self.references.get(place)
        self.references[place] = entry.id
        if earlier is None or posting.key is not None:
            return answer
        self.audited.append(
            audit.Row(
                merchant_id=posting.caller.merchant_id,
                program_id=posting.program_id,
                actor=posting.caller.subject,
                action="entry:possible-duplicate",
                subject=posting.card_id,
                details={"entry": entry.id, "earlier": earlier},
                source=source,
            )
        )
        self.hits.append(possible_duplicate(entry, earlier, is_test=posting.caller.is_test))
        return Answer(answer.status, answer.body, {"Kado-Possible-Duplicate": earlier})

    @property
    def is_plain(self) -> bool:
        """Whether nothing is to be written but balances, entries, answers and audit rows."""
        return self.bench is None and not (
            self.changed or self.holds or self.reversals or self.superseded or self.forgiven or self.messages
            or self.events or self.in_wallets or self.hits or self.closed
        )  # fmt: skip

    def only_moved(self) -> list[Card]:
        """Cards of which nothing but the balance is to be written."""
        return [card for ref, card in self.moved.items() if ref not in self.changed]
