"""What rules say about a move: one pure function for what is about to happen, and one for what has happened.

Both look at the same conditions in the same way. What is about to happen is counted if it passes; what has happened is
counted whatever the rules say.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from kado.fraud.condition import (
    Addresses,
    Countries,
    Hours,
    PendingChecks,
    Plain,
    Together,
    UserAgents,
    Velocity,
    looks_at,
)
from kado.fraud.config import Severity
from kado.fraud.move import Move, Scope, subject_of
from kado.fraud.rule import Rule, RuleAction
from kado.fraud.tally import Key, Tallies
from kado.money import Currency

Cleared = Collection[tuple[str, str]]
"""Rule id and card id, where somebody has looked and found nothing wrong."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule spoke against something. `facts` are figures for people."""

    program_id: str
    rule_id: str | None
    rule_name: str | None
    action: RuleAction
    pattern_type: str
    severity: Severity
    subject: str
    card_id: str
    entry_id: str | None
    is_test: bool
    at: datetime
    facts: Mapping[str, object] = field(default_factory=dict)


def key_of(rule: Rule, move: Move) -> Key | None:
    """The counters that the move belongs to by this rule; None where it counts nothing, or the move is not its own."""
    condition = rule.condition
    if not isinstance(condition, Velocity) or not looks_at(condition, move.kind):
        return None
    subject = subject_of(condition.scope, move)
    return None if subject is None else Key(rule.program_id, rule.series_id, move.is_test, subject)


def judge(
    rules: Sequence[Rule], moves: Sequence[Move], tallies: Tallies, cleared: Cleared, currency: Currency
) -> tuple[Hit | None, list[Hit]]:
    """Moves that happen together or not at all: what refuses them, and what else is to be told.

    What passes is counted. Of several rules that refuse, one that blocks comes before one that asks for a review.
    """
    refusing: list[tuple[Rule, Move, Hit]] = []
    flagged: list[Hit] = []
    counted: list[tuple[Key, Velocity, Move]] = []
    for move in moves:
        for rule in rules:
            if not rule.is_in_force(move.at):
                continue
            hit = _found(rule, move, tallies, currency)
            if hit is not None and rule.refuses:
                if rule.action is RuleAction.BLOCK or (rule.id, move.card_id) not in cleared:
                    refusing.append((rule, move, hit))
            elif hit is not None:
                flagged.append(hit)
            if (key := key_of(rule, move)) is not None and isinstance(rule.condition, Velocity):
                tallies.add(key, rule.condition, move.at, amount=move.amount)
                counted.append((key, rule.condition, move))
    if not refusing:
        return None, flagged
    for key, condition, move in counted:
        tallies.take_back(key, condition, move.at, amount=move.amount)
    rule, move, hit = min(refusing, key=lambda one: one[0].action is not RuleAction.BLOCK)
    if (key := key_of(rule, move)) is not None and isinstance(rule.condition, Velocity):
        tallies.note_hit(key, rule.condition, move.at)
    return hit, []


def look_back(rules: Sequence[Rule], move: Move, tallies: Tallies, currency: Currency) -> list[Hit]:
    """What rules say about a move that has happened; it is counted."""
    hits = []
    for rule in rules:
        if not rule.is_in_force(move.at):
            continue
        hit = _found(rule, move, tallies, currency)
        if hit is not None:
            hits.append(hit)
        if (key := key_of(rule, move)) is not None and isinstance(rule.condition, Velocity):
            tallies.add(key, rule.condition, move.at, amount=move.amount, hits=int(hit is not None))
    return hits


def judge_check(rules: Sequence[Rule], check: Move, tallies: Tallies) -> tuple[Hit | None, list[Hit]]:
    """The same for a balance check of a card that is not sold yet; its kind and amount do not matter."""
    refusing: list[Hit] = []
    flagged: list[Hit] = []
    counted: list[tuple[Key, PendingChecks]] = []
    for rule, key, condition in keys_of_check(rules, check):
        count, _ = tallies.within(key, condition, check.at)
        if count >= condition.max_count:
            facts = {"checks": count + 1, "maxCount": condition.max_count, "windowMinutes": condition.window.minutes}
            (refusing if rule.refuses else flagged).append(_hit(rule, check, key.subject, facts))
            if rule.refuses:
                tallies.note_hit(key, condition, check.at)
                continue
        counted.append((key, condition))
    if refusing:
        return refusing[0], []
    for key, condition in counted:
        tallies.add(key, condition, check.at)
    return None, flagged


def keys_of_check(rules: Sequence[Rule], check: Move) -> list[tuple[Rule, Key, PendingChecks]]:
    """The rules in force that count such checks, with the counters that this one belongs to."""
    found = []
    for rule in rules:
        condition = rule.condition
        if isinstance(condition, PendingChecks) and rule.is_in_force(check.at):
            subject = subject_of(condition.scope, check)
            if subject is not None:
                found.append((rule, Key(rule.program_id, rule.series_id, check.is_test, subject), condition))
    return found


def _found(rule: Rule, move: Move, tallies: Tallies, currency: Currency) -> Hit | None:
    condition = rule.condition
    if not looks_at(condition, move.kind) or isinstance(condition, PendingChecks):
        return None
    if not isinstance(condition, Velocity):
        if not condition.speaks_against(move):
            return None
        return _hit(rule, move, _subject(condition, move), _facts(move, currency))
    key = key_of(rule, move)
    if key is None:
        return None
    count, amount = tallies.within(key, condition, move.at)
    count, amount = count + 1, amount + move.amount
    too_many = condition.max_count is not None and count > condition.max_count
    too_much = condition.max_amount is not None and amount > condition.max_amount
    if not too_many and not too_much:
        return None
    facts = {"count": count, "total": currency.text(amount), "windowMinutes": condition.window.minutes}
    if condition.max_count is not None:
        facts["maxCount"] = condition.max_count
    if condition.max_amount is not None:
        facts["maxAmount"] = currency.text(condition.max_amount)
    return _hit(rule, move, key.subject, facts | _facts(move, currency))


def _facts(move: Move, currency: Currency) -> dict[str, object]:
    return {"transactionType": move.kind.value, "amount": currency.text(move.amount)}


def _subject(condition: Plain | Together, move: Move) -> str:
    """Whose doing it is, where a rule does not count by anything."""
    if isinstance(condition, Addresses | UserAgents | Countries):
        scope = Scope.ADDRESS
    elif isinstance(condition, Hours):
        scope = Scope.MERCHANT
    else:
        scope = Scope.CARD
    return subject_of(scope, move) or f"card:{move.card_id}"


def _hit(rule: Rule, move: Move, subject: str, facts: Mapping[str, object]) -> Hit:
    if rule.action is RuleAction.REQUIRE_REVIEW:
        # Each card is looked at by itself: what is said about one lets no other pass.
        subject, facts = f"{Scope.CARD}:{move.card_id}", {**facts, "countedBy": subject}
    return Hit(
        program_id=rule.program_id,
        rule_id=rule.id,
        rule_name=rule.name,
        action=rule.action,
        pattern_type=rule.pattern_type,
        severity=rule.severity,
        subject=subject,
        card_id=move.card_id,
        entry_id=move.entry_id,
        is_test=move.is_test,
        at=move.at,
        facts=facts,
    )
