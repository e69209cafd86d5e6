"""Where the posting machine asks a program's rules against fraud, before money moves.

Programs without such rules cost nothing here: their rows say so, and are read anyway. For the others the counters that
a list of postings may touch are locked after its cards, in one order for everybody, so that parallel requests pass
exactly as often as a limit says.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from kado.audit.origin import Origin
from kado.cards import refusals
from kado.cards.card import Card, Entry, TransactionType
from kado.cards.evidence import Evidence
from kado.cards.posting import Decision, Posting, Situation
from kado.clock import EPOCH
from kado.errors import Refusal
from kado.fraud import hits, tallies
from kado.fraud.alert import POSSIBLE_DUPLICATE
from kado.fraud.condition import Velocity, Window
from kado.fraud.config import Severity
from kado.fraud.judge import Hit, judge
from kado.fraud.move import Kind, Move, Scope, subject_of
from kado.fraud.rule import Rule, RuleAction, rules_of_moves
from kado.fraud.tally import Key, Part, Tallies
from kado.programs.program import Program
from kado.storage.database import Connection

_KINDS: Final = frozenset(kind.value for kind in Kind)


@dataclass(slots=True)
class Bench:
    """For one list of postings: the rules that judge it, and what they have counted."""

    rules: Mapping[str, Sequence[Rule]]
    tallies: Tallies = field(default_factory=Tallies)
    cleared: set[tuple[str, str]] = field(default_factory=set)
    hits: list[Hit] = field(default_factory=list)

    def judge(
        self, posting: Posting, decision: Decision, on: Situation, source: Origin
    ) -> tuple[Refusal | None, list[Hit]]:
        """Why the rules refuse what would be done, and what is to be told if they do not."""
        rules = self.rules.get(posting.program_id)
        if not rules:
            return None, []
        if posting.taken_back is not None:
            # A till must always be able to take back what it sent: it is counted and told, and nothing refuses it.
            rules = [replace(rule, action=RuleAction.FLAG) for rule in rules]
        moves = list(_moves(posting, decision, on, source))
        refusing, flagged = judge(rules, moves, self.tallies, self.cleared, on.program.currency)
        if refusing is None:
            return None, flagged
        self.hits.append(refusing)
        return refusals.refused_by_rule(refusing), []

    def tell(self, flagged: Sequence[Hit], entries: Sequence[Entry]) -> None:
        """Note what is to be told, with the entries that were written."""
        for hit in flagged:
            kind = hit.facts["transactionType"]
            entry = next((one for one in entries if one.card_id == hit.card_id and one.type == kind), None)
            self.hits.append(hit if entry is None else replace(hit, entry_id=entry.id))

    def counted_on(self, cards: Iterable[Card]) -> list[tuple[Rule, list[tuple[int, Part]]]]:
        """What rules that look at each card by itself have counted on these so far."""
        return [
            (rule, self.tallies.all_of(_of_card(rule, card)))
            for card in cards
            for rule in self.rules.get(card.program_id, ())
            if isinstance(rule.condition, Velocity) and rule.condition.scope is Scope.CARD
        ]

    def inherit(self, heir: Card, counted: Iterable[tuple[Rule, list[tuple[int, Part]]]], at: datetime) -> None:
        """A card that takes the place of others begins with what was counted on them: nobody gets a limit twice."""
        for rule, parts in counted:
            self.tallies.inherit(_of_card(rule, heir), parts, at)


async def sit(
    connection: Connection,
    programs: Mapping[str, Program],
    postings: Sequence[tuple[Posting, Origin]],
    on: Evidence,
    now: datetime,
) -> Bench | None:
    """What judges these postings, whose cards are locked; None where no rule does."""
    rules = {program.id: found for program in programs.values() if (found := rules_of_moves(program))}
    if not rules:
        return None
    bench = Bench(rules)
    counters = dict(_counters(rules, postings, on))
    await tallies.lock(connection, counters)
    bench.tallies = await tallies.read(connection, {key: window.first(now) for key, window in counters.items()})
    reviewing = [rule for own in rules.values() for rule in own if rule.action is RuleAction.REQUIRE_REVIEW]
    if reviewing:
        refs = [ref for posting, _ in postings for ref in posting.refs()]
        bench.cleared = await tallies.cleared(connection, reviewing, refs)
    return bench


async def write(connection: Connection, bench: Bench | None, found: Sequence[Hit]) -> None:
    """Write what was counted, and what was found there or without any rule."""
    if bench is not None:
        await tallies.write(connection, bench.tallies)
        found = [*found, *bench.hits]
    if found:
        await hits.leave(connection, found)


def _of_card(rule: Rule, card: Card) -> Key:
    return Key(rule.program_id, rule.series_id, card.is_test, f"{Scope.CARD}:{card.id}")


def _counters(
    rules: Mapping[str, Sequence[Rule]], postings: Iterable[tuple[Posting, Origin]], on: Evidence
) -> Iterator[tuple[Key, Window]]:
    """Every counter that these postings could touch."""
    for posting, source in postings:
        for rule in rules.get(posting.program_id, ()):
            condition = rule.condition
            if not isinstance(condition, Velocity):
                continue
            for move in _possible(posting, source, on):
                if (subject := subject_of(condition.scope, move)) is not None:
                    yield Key(rule.program_id, rule.series_id, move.is_test, subject), condition.window


def _possible(posting: Posting, source: Origin, on: Evidence) -> Iterator[Move]:
    """Whose moves may come of a posting: on each of its cards, by whoever may stand at the till then."""
    caller = posting.caller
    tills = {(getattr(posting, "cashier_id", None), getattr(posting, "terminal_id", None))}
    if posting.hold_id is not None:
        hold = on.holds.get((posting.program_id, posting.card_id), {}).get(posting.hold_id)
        if hold is not None:
            tills = {(own[0] or hold.cashier_id, own[1] or hold.terminal_id) for own in tills}
    for cashier_id, terminal_id in tills:
        for _, card_id in posting.refs():
            cashier, terminal = cashier_id or caller.cashier_id, terminal_id or caller.terminal_id
            yield _move(posting, source, Kind.REDEMPTION, 0, on_card=card_id, at=EPOCH, till=(cashier, terminal))


def _moves(posting: Posting, decision: Decision, on: Situation, source: Origin) -> Iterator[Move]:
    """The entries of a decision that rules can look at."""
    parts = [(on.card, decision.entries)]
    parts += [(card, decision.others[card.id].entries) for card in on.others if card.id in decision.others]
    caller = posting.caller
    for card, entries in parts:
        for entry in entries:
            if entry.type in _KINDS and not undoes(entry.type, entry.counterpart_id):
                till = (entry.cashier_id or caller.cashier_id, entry.terminal_id or caller.terminal_id)
                kind = Kind(entry.type)
                activated_at = on.now if kind is Kind.ACTIVATION else card.activated_at
                yield _move(
                    posting, source, kind, abs(entry.amount), on_card=card.id, at=on.now, till=till, since=activated_at
                )


def undoes(kind: TransactionType, counterpart_id: str | None) -> bool:
    """Whether an entry takes back a reload: a redemption by name, and nobody's purchase."""
    return kind is TransactionType.REDEMPTION and counterpart_id is not None


def possible_duplicate(entry: Entry, earlier: str, *, is_test: bool) -> Hit:
    """A reference came twice on a card, without a key that would say whether the second was a repetition."""
    return Hit(
        program_id=entry.program_id,
        rule_id=None,
        rule_name=None,
        action=RuleAction.FLAG,
        pattern_type=POSSIBLE_DUPLICATE,
        severity=Severity.LOW,
        subject=f"card:{entry.card_id}",
        card_id=entry.card_id,
        entry_id=entry.id,
        is_test=is_test,
        at=entry.created_at,
        facts={"earlierTransactionId": earlier},
    )


def _move(
    posting: Posting,
    source: Origin,
    kind: Kind,
    amount: int,
    *,
    on_card: str,
    at: datetime,
    till: tuple[str | None, str | None],
    since: datetime | None = None,
) -> Move:
    caller = posting.caller
    return Move(
        kind=kind,
        amount=amount,
        at=at,
        program_id=posting.program_id,
        card_id=on_card,
        is_test=caller.is_test,
        merchant_id=caller.merchant_id,
        actor=caller.subject,
        cashier_id=till[0],
        terminal_id=till[1],
        address=source.address,
        user_agent=source.user_agent,
        country=source.country,
        activated_at=since,
    )
