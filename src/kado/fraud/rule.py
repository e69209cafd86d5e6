"""A rule, and the form in which the rules that a request is judged by stand on the program's row. No I/O."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

from kado import clock, money
from kado.fraud.condition import Condition, PendingChecks, rests_on_request
from kado.fraud.config import Around, Config, RuleType, Severity, read
from kado.money import Currency
from kado.programs.program import Program


class RuleAction(StrEnum):
    """What is done about what a rule finds, in the contract's words."""

    BLOCK = "block"  # refused
    FLAG = "flag"  # passes, and somebody is told
    REQUIRE_REVIEW = "require_review"  # refused until somebody has looked


_SEVERITY: Final = {
    RuleAction.BLOCK: Severity.HIGH,
    RuleAction.REQUIRE_REVIEW: Severity.HIGH,
    RuleAction.FLAG: Severity.MEDIUM,
}


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a program. `since`: what happened before is not looked at; `series_id`: where its counters stand."""

    program_id: str
    id: str
    series_id: str
    name: str
    description: str
    type: RuleType
    action: RuleAction
    config: Config
    is_active: bool
    expires_at: datetime | None
    since: datetime
    created_at: datetime
    updated_at: datetime | None
    condition: Condition

    @property
    def severity(self) -> Severity:
        """How bad it is: as its config says, or by what is done about it."""
        return Severity(self.config["severity"]) if "severity" in self.config else _SEVERITY[self.action]

    @property
    def pattern_type(self) -> str:
        """What it looks like where it speaks against something: its type, or what a velocity limit counts."""
        counts = str(self.config.get("counts", "transactions"))
        return self.type.value if counts == "transactions" else counts.upper()

    @property
    def refuses(self) -> bool:
        """Whether what it speaks against does not happen."""
        return self.action is not RuleAction.FLAG

    @property
    def is_judged_at_once(self) -> bool:
        """Whether a request is judged by it. The others look at entries after the fact."""
        return self.refuses or rests_on_request(self.condition) or isinstance(self.condition, PendingChecks)

    def is_in_force(self, at: datetime) -> bool:
        """Whether it is applied to what happens at this moment."""
        return self.is_active and self.since <= at and (self.expires_at is None or at < self.expires_at)


def rule_of(currency: Currency, facts: dict[str, Any]) -> Rule:
    """A rule from its facts, which were accepted before."""
    kind = RuleType(facts["type"])
    condition, config = read(kind, facts["config"], Around(currency))
    made = {"type": kind, "action": RuleAction(facts["action"]), "config": config, "condition": condition}
    return Rule(**(facts | made))


_MOMENTS: Final = ("expires_at", "since", "created_at", "updated_at")
_COPIED: Final = ("id", "series_id", "name", "type", "action", "config", "expires_at", "since", "created_at")


def copy_of(rules: Iterable[Rule]) -> str | None:
    """What stands on the program's row: the rules that a request is judged by; None where there are none."""
    judged = [rule for rule in rules if rule.is_active and rule.is_judged_at_once]
    if not judged:
        return None
    return json.dumps([{name: _plain(getattr(rule, name)) for name in _COPIED} for rule in judged])


def _plain(value: object) -> object:
    return clock.text(value) if isinstance(value, datetime) else value


@lru_cache(1024)
def copied(text: str, program_id: str, currency_code: str) -> tuple[Rule, ...]:
    """The rules that `copy_of` wrote; kept, so that a program's are read once and not at every request."""
    currency = money.currency(currency_code)
    return tuple(_from_copy(currency, program_id, one) for one in json.loads(text))


def _from_copy(currency: Currency, program_id: str, one: dict[str, Any]) -> Rule:
    facts = {
        name: datetime.fromisoformat(value) if name in _MOMENTS and value is not None else value
        for name, value in one.items()
    }
    unseen = {"program_id": program_id, "description": "", "is_active": True, "updated_at": None}
    return rule_of(currency, facts | unseen)


def rules_of_moves(program: Program) -> tuple[Rule, ...]:
    """The rules by which money that is about to move is judged."""
    if program.fraud_rules is None:
        return ()
    return _of_moves(program.fraud_rules, program.id, program.currency.code)


def rules_of_checks(program: Program) -> tuple[Rule, ...]:
    """The rules by which balance checks of cards not yet sold are judged."""
    if program.fraud_rules is None:
        return ()
    rules = copied(program.fraud_rules, program.id, program.currency.code)
    return tuple(rule for rule in rules if isinstance(rule.condition, PendingChecks))


@lru_cache(1024)
def _of_moves(text: str, program_id: str, currency_code: str) -> tuple[Rule, ...]:
    rules = copied(text, program_id, currency_code)
    return tuple(rule for rule in rules if not isinstance(rule.condition, PendingChecks))
