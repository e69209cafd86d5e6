"""What a rule against fraud means, in sentences: told of the condition that judges, so that both are the same."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from kado.doors.console.watch.conditions import in_units
from kado.fraud.condition import (
    Addresses,
    Amount,
    Condition,
    Countries,
    Hours,
    PendingChecks,
    SoonSpent,
    Together,
    UserAgents,
    Velocity,
)
from kado.fraud.config import Weekday
from kado.fraud.move import Kind
from kado.fraud.rule import Rule
from kado.languages import tell
from kado.languages.choose import Language
from kado.languages.say import saying
from kado.money import Currency

Meant = tuple[str, Mapping[str, str]]
"""The key of a sentence, and what it leaves open."""

_SHOWN_MAX: Final = 8
_MINUTE: Final = timedelta(minutes=1)


def meaning_of(rule: Rule, currency: Currency, language: Language, zone: ZoneInfo) -> list[Meant]:
    """What the rule looks for, and what happens then."""
    found = [*_of(rule.condition, _Tongue(language, currency)), (f"then_{rule.action.value}", {})]
    if rule.expires_at is not None:
        found.append(("rule_ends", {"time": tell.time_of(rule.expires_at, language, zone)}))
    return found


class _Tongue:
    """How the parts of sentences are said in a language."""

    def __init__(self, language: Language, currency: Currency) -> None:
        self.language = language
        self._currency = currency
        self.say = saying("console_rules", language)

    def money(self, minor: int) -> str:
        return tell.money(minor, self._currency, self.language)

    def window(self, minutes: int) -> str:
        count, unit = in_units(minutes)
        return self.say(f"window_{unit.removesuffix('s')}" if count == 1 else f"window_{unit}", count=count)

    def kinds(self, kinds: frozenset[Kind]) -> str:
        said = ", ".join(self.say(f"kind_{one.value}") for one in Kind if one in kinds)
        return said[:1].upper() + said[1:]

    def some(self, found: Iterable[str]) -> str:
        every = list(found)
        return ", ".join(every[:_SHOWN_MAX]) + (" …" if len(every) > _SHOWN_MAX else "")


def _of(condition: Condition, tongue: _Tongue) -> Iterator[Meant]:
    if isinstance(condition, Velocity):
        yield from _often(condition, tongue)
    elif isinstance(condition, PendingChecks):
        window, by = tongue.window(condition.window.minutes), tongue.say(f"by_{condition.scope.value}")
        yield "means_checks", {"count": str(condition.max_count), "window": window, "by": by}
    elif isinstance(condition, Together):
        yield "means_together", {}
        for part in condition.parts:
            yield from _of(part, tongue)
    else:
        kinds = tongue.kinds(condition.kinds)
        for key, facts in _plain(condition, tongue):
            yield key, {"kinds": kinds, **facts}


def _often(condition: Velocity, tongue: _Tongue) -> Iterator[Meant]:
    facts = {
        "kinds": tongue.kinds(condition.kinds),
        "window": tongue.window(condition.window.minutes),
        "by": tongue.say(f"by_{condition.scope.value}"),
    }
    if condition.max_count is not None:
        yield "means_often", {**facts, "count": str(condition.max_count)}
    if condition.max_amount is not None:
        key = "means_much" if condition.max_count is None else "means_or_much"
        yield key, {**facts, "amount": tongue.money(condition.max_amount)}


def _plain(
    condition: SoonSpent | Amount | Hours | Addresses | UserAgents | Countries, tongue: _Tongue
) -> Iterator[Meant]:
    match condition:
        case SoonSpent():
            yield "means_soon", {"window": tongue.window(condition.within // _MINUTE)}
        case Amount():
            yield from _amount(condition, tongue)
        case Hours():
            yield _hours(condition, tongue)
        case Addresses():
            yield "means_addresses", {"list": tongue.some(str(one) for one in condition.networks)}
        case UserAgents():
            yield from _programs(condition, tongue)
        case Countries():
            yield from _countries(condition, tongue)


def _amount(condition: Amount, tongue: _Tongue) -> Iterator[Meant]:
    if condition.most is not None:
        yield "means_over", {"amount": tongue.money(condition.most)}
    if condition.least is not None:
        yield "means_under" if condition.most is None else "means_or_under", {"amount": tongue.money(condition.least)}


def _hours(condition: Hours, tongue: _Tongue) -> Meant:
    days = ", ".join(tongue.say(f"day_{one.value}") for at, one in enumerate(Weekday) if at in condition.weekdays)
    start, end = condition.start.isoformat("minutes"), condition.end.isoformat("minutes")
    key = "means_days" if start == end else "means_hours"
    return key, {"days": days, "from": start, "to": end, "zone": condition.zone}


def _programs(condition: UserAgents, tongue: _Tongue) -> Iterator[Meant]:
    if condition.words:
        yield "means_programs", {"list": tongue.some(condition.words)}
    if condition.or_none:
        yield "means_or_nameless" if condition.words else "means_nameless", {}


def _countries(condition: Countries, tongue: _Tongue) -> Iterator[Meant]:
    if condition.allowed is not None:
        yield "means_allowed", {"list": tongue.some(sorted(condition.allowed))}
    else:
        yield "means_not_from", {"list": tongue.some(sorted(condition.refused))}
    if condition.unknown_too:
        yield "means_unknown", {}
