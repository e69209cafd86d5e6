"""From a rule's `config` to what it looks for, and what is refused because it could not be evaluated. No I/O.

`read` gives the condition and the config as it is kept and shown: with its defaults, amounts as decimal strings.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from enum import StrEnum
from typing import Any, Final

from kado.access.address import Network
from kado.errors import Invalid
from kado.fraud.condition import (
    Addresses,
    Amount,
    Condition,
    Countries,
    Hours,
    PendingChecks,
    Plain,
    SoonSpent,
    Together,
    UserAgents,
    Velocity,
    Window,
)
from kado.fraud.members import Loc, Members
from kado.fraud.move import SPENDING, Kind, Scope
from kado.fraud.networks import parse_network, why_not
from kado.money import Currency

Config = dict[str, Any]

WINDOW_MAX: Final = 7 * 24 * 60
"""Minutes. Counters are kept a little longer than that."""
_COUNT_MAX: Final = 1_000_000
_ADDRESSES_MAX: Final = 100
_WORDS_MAX: Final = 50
_COUNTRIES_MAX: Final = 250
_PARTS_MAX: Final = 5


class RuleType(StrEnum):
    """The contract's words for what a rule looks at."""

    VELOCITY_LIMIT = "VELOCITY_LIMIT"
    GEOGRAPHIC_RESTRICTION = "GEOGRAPHIC_RESTRICTION"
    IP_BLOCK = "IP_BLOCK"
    USER_AGENT_BLOCK = "USER_AGENT_BLOCK"
    TRANSACTION_LIMIT = "TRANSACTION_LIMIT"
    TIME_RESTRICTION = "TIME_RESTRICTION"
    CUSTOM = "CUSTOM"


class Severity(StrEnum):
    """How bad something is."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Counts(StrEnum):
    """What a velocity limit counts."""

    TRANSACTIONS = "transactions"
    PENDING_BALANCE_CHECKS = "pending_balance_checks"
    SPEND_AFTER_ACTIVATION = "spend_after_activation"


class Weekday(StrEnum):
    """In the order of `datetime.weekday`."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


_DAYS: Final = tuple(Weekday)


@dataclass(frozen=True, slots=True)
class Around:
    """What a config is read with: the program's currency, and what this server can know.

    `own` are networks that may not be blocked: those of the proxies and of whoever asks. None where a config was
    accepted before and is only read again.
    """

    currency: Currency
    knows_countries: bool = True
    own: tuple[Network, ...] | None = None


Made = tuple[Condition, Config]


def read(kind: RuleType, given: object, around: Around, loc: Loc = ("body", "config")) -> tuple[Condition, Config]:
    """The condition, and the config as it is kept. Raises `Invalid`, naming the member that does not fit."""
    members = Members(loc, given)
    severity = members.one_of("severity", Severity)
    condition, config = _READERS[kind](members, around)
    members.done()
    return condition, config if severity is None else {**config, "severity": severity.value}


def _velocity(members: Members, around: Around) -> Made:
    counts = members.one_of("counts", Counts) or Counts.TRANSACTIONS
    minutes = members.whole("windowMinutes", 1, WINDOW_MAX)
    if minutes is None:
        members.refuse("windowMinutes", f"Say within how many minutes it counts, from 1 to {WINDOW_MAX} (a week).")
    shown: Config = {"counts": counts.value, "windowMinutes": minutes}
    if counts is Counts.SPEND_AFTER_ACTIVATION:
        kinds = _kinds(members)
        return SoonSpent(kinds, timedelta(minutes=minutes)), {**shown, **_shown(kinds)}
    scope = members.one_of("scope", Scope)
    if scope is None:
        members.refuse("scope", f"Say by whom it counts: {', '.join(Scope)}.")
    most = members.whole("maxCount", 1, _COUNT_MAX)
    shown["scope"] = scope.value
    if counts is Counts.PENDING_BALANCE_CHECKS:
        if scope not in (Scope.CARD, Scope.ADDRESS):
            members.refuse("scope", "Balance checks are counted by card or by address.")
        if most is None:
            members.refuse("maxCount", "Say how many are usual.")
        return PendingChecks(scope, Window(minutes), most), {**shown, "maxCount": most}
    amount = members.amount("maxAmount", around.currency)
    if most is None and amount is None:
        members.refuse("maxCount", "Say how many, or how much (maxAmount), are usual.")
    kinds = _kinds(members)
    shown |= _given(maxCount=most, maxAmount=_text(around.currency, amount))
    return Velocity(kinds, scope, Window(minutes), most, amount), {**shown, **_shown(kinds)}


def _amount(members: Members, around: Around) -> Made:
    most, least = members.amount("maxAmount", around.currency), members.amount("minAmount", around.currency)
    if most is None and least is None:
        members.refuse("maxAmount", "Say how much is usual at most, or at least (minAmount).")
    if most is not None and least is not None and least > most:
        members.refuse("minAmount", "The least must not be more than the most.")
    kinds = _kinds(members)
    currency = around.currency
    shown = _given(maxAmount=_text(currency, most), minAmount=_text(currency, least))
    return Amount(kinds, least, most), {**shown, **_shown(kinds)}


def _hours(members: Members, _: Around) -> Made:
    zone = members.zone("timeZone")
    if zone is None:
        members.refuse("timeZone", "Say on whose clocks, as Europe/Berlin.")
    days = members.several_of("weekdays", Weekday)
    start, end = members.clock("from"), members.clock("to")
    if (start is None) != (end is None):
        members.refuse("from" if start is None else "to", "Hours have a beginning and an end.")
    if days is None and start is None:
        members.refuse("from", "Say in which hours business is done, or on which weekdays.")
    start, end = start or time(0), end or time(0)
    named = [day for day in _DAYS if days is None or day in days]
    kinds = _kinds(members)
    shown = {
        "timeZone": zone,
        "weekdays": [day.value for day in named],
        "from": start.isoformat("minutes"),
        "to": end.isoformat("minutes"),
    }
    weekdays = frozenset(_DAYS.index(day) for day in named)
    return Hours(kinds, zone, weekdays, start, end), {**shown, **_shown(kinds)}


def _countries(members: Members, around: Around) -> Made:
    if not around.knows_countries:
        members.refuse(
            "allowedCountries",
            "This server does not know from which country a request comes: name the header in which a proxy says so"
            " (KADO_COUNTRY_HEADER).",
        )
    allowed = _codes(members, "allowedCountries")
    refused = _codes(members, "blockedCountries")
    if (allowed is None) == (refused is None):
        members.refuse("allowedCountries", "Name the countries that are allowed, or those that are blocked.")
    unknown_too = members.flag("unknownToo")
    kinds = _kinds(members)
    condition = Countries(kinds, None if allowed is None else frozenset(allowed), frozenset(refused or ()), unknown_too)
    shown = _given(allowedCountries=allowed, blockedCountries=refused, unknownToo=unknown_too)
    return condition, {**shown, **_shown(kinds)}


def _codes(members: Members, name: str) -> list[str] | None:
    codes = members.texts(name, _COUNTRIES_MAX)
    if codes is None:
        return None
    for code in codes:
        if len(code) != 2 or not code.isascii() or not code.isalpha():
            members.refuse(name, "A country is two letters, as DE (ISO 3166-1 alpha-2).")
    return sorted({code.upper() for code in codes})


def _addresses(members: Members, around: Around) -> Made:
    given = members.texts("addresses", _ADDRESSES_MAX)
    if given is None:
        members.refuse("addresses", "Name addresses, or networks as 203.0.113.0/24.")
    networks: list[Network] = []
    for one in given:
        network = parse_network(one)
        if network is None:
            members.refuse("addresses", "Input should be addresses, or networks as 203.0.113.0/24.")
        if around.own is not None and (reason := why_not(network, around.own)) is not None:
            members.refuse("addresses", reason)
        networks.append(network)
    kinds = _kinds(members)
    distinct = tuple(dict.fromkeys(networks))
    return Addresses(kinds, distinct), {"addresses": [str(network) for network in distinct], **_shown(kinds)}


def _user_agents(members: Members, _: Around) -> Made:
    words = members.texts("contains", _WORDS_MAX)
    or_none = members.flag("orNone")
    if words is None and not or_none:
        members.refuse("contains", "Name words that stand in the names of programs, or say orNone.")
    kinds = _kinds(members)
    condition = UserAgents(kinds, tuple(word.lower() for word in words or ()), or_none)
    return condition, {**_given(contains=words, orNone=or_none), **_shown(kinds)}


def _custom(members: Members, around: Around) -> Made:
    parts: list[Plain] = []
    shown: list[Config] = []
    for at, one in enumerate(members.objects("all", 2, _PARTS_MAX)):
        place: Loc = (*members.loc, "all", at)
        part = Members(place, one)
        kind = part.one_of("ruleType", RuleType)
        if kind is None or kind is RuleType.CUSTOM:
            part.refuse("ruleType", "Name a type of rule, but not CUSTOM.")
        condition, config = read(kind, part.take("config") or {}, around, (*place, "config"))
        part.done()
        if isinstance(condition, Velocity | PendingChecks | Together):
            raise Invalid((*place, "config", "counts"), "What counts over time stands in a rule of its own.")
        if "severity" in config:
            raise Invalid((*place, "config", "severity"), "The rule as a whole has a severity.")
        parts.append(condition)
        shown.append({"ruleType": kind.value, "config": config})
    if not frozenset.intersection(*(part.kinds for part in parts)):
        members.refuse("all", "There is no transaction that all of these look at.")
    return Together(tuple(parts)), {"all": shown}


_READERS: Final[Mapping[RuleType, Callable[[Members, Around], Made]]] = {
    RuleType.VELOCITY_LIMIT: _velocity,
    RuleType.TRANSACTION_LIMIT: _amount,
    RuleType.TIME_RESTRICTION: _hours,
    RuleType.GEOGRAPHIC_RESTRICTION: _countries,
    RuleType.IP_BLOCK: _addresses,
    RuleType.USER_AGENT_BLOCK: _user_agents,
    RuleType.CUSTOM: _custom,
}


def _kinds(members: Members) -> frozenset[Kind]:
    return members.several_of("transactionTypes", Kind) or SPENDING


def _shown(kinds: frozenset[Kind]) -> Config:
    return {"transactionTypes": sorted(kind.value for kind in kinds)}


def _text(currency: Currency, amount: int | None) -> str | None:
    return None if amount is None else currency.text(amount)


def _given(**members: object) -> Config:
    """Those that were given."""
    return {name: value for name, value in members.items() if value not in (None, False)}
