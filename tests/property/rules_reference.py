"""What rules say, written down a second time and as plainly as possible: no counters, only the moves that there were.

A moment is a whole number of microseconds. Nothing is taken from the code that it is compared with but its words.
"""

from dataclasses import dataclass, field
from typing import Any

MINUTE = 60_000_000
SPENDING = ("REDEMPTION", "TRANSFER_OUT")


@dataclass(frozen=True)
class Moved:
    """A move, with what is known about it."""

    kind: str
    amount: int
    at: int
    card: str
    activated_at: int | None = None
    is_test: bool = False
    merchant: str = "m"
    cashier: str | None = None
    terminal: str | None = None
    address: str | None = None
    actor: str | None = None
    agent: str | None = None
    country: str | None = None


@dataclass
class Ruled:
    """A rule as its owner wrote it; amounts in minor units. `passed` are the moves that it has counted."""

    type: str
    config: dict[str, Any]
    action: str = "block"
    since: int = 0
    until: int | None = None
    passed: list[Moved] = field(default_factory=list)

    def is_on(self, at: int) -> bool:
        return self.since <= at and (self.until is None or at < self.until)

    def is_about(self, moved: Moved) -> bool:
        if self.type == "CUSTOM":
            return all(Ruled(part["ruleType"], part["config"]).is_about(moved) for part in self.config["all"])
        return moved.kind in self.config.get("transactionTypes", SPENDING)

    @property
    def counts(self) -> bool:
        return self.type == "VELOCITY_LIMIT" and self.config.get("counts", "transactions") == "transactions"

    def whose(self, moved: Moved) -> object:
        """Whom it counts by; None where nobody knows."""
        till = {"cashier": moved.cashier, "terminal": moved.terminal}
        scope = self.config["scope"]
        if scope in till:
            return None if till[scope] is None else (moved.is_test, moved.merchant, till[scope])
        known = {"card": moved.card, "merchant": moved.merchant, "address": moved.address, "actor": moved.actor}
        name = known.get(scope, "the program")
        return None if name is None else (moved.is_test, name)

    def speaks(self, moved: Moved) -> bool:
        """Whether it says that this is too much."""
        if not self.is_on(moved.at) or not self.is_about(moved):
            return False
        if self.counts:
            return self._too_often(moved)
        return alone(self.type, self.config, moved)

    def _too_often(self, moved: Moved) -> bool:
        if self.whose(moved) is None:
            return False
        part = self.config["windowMinutes"] * MINUTE // 60
        now = moved.at // part
        seen = [one for one in self.passed if self.whose(one) == self.whose(moved) and one.at // part >= now - 60]
        count, total = len(seen) + 1, sum(one.amount for one in seen) + moved.amount
        most, much = self.config.get("maxCount"), self.config.get("maxAmount")
        return (most is not None and count > most) or (much is not None and total > much)

    def note(self, moved: Moved) -> None:
        if self.counts and self.is_on(moved.at) and self.is_about(moved) and self.whose(moved) is not None:
            self.passed.append(moved)


def alone(kind: str, config: dict[str, Any], moved: Moved) -> bool:
    """What a rule that does not count says about one move."""
    match kind:
        case "VELOCITY_LIMIT":
            since = moved.activated_at
            return since is not None and moved.at - since < config["windowMinutes"] * MINUTE
        case "TRANSACTION_LIMIT":
            over = "maxAmount" in config and moved.amount > config["maxAmount"]
            return over or ("minAmount" in config and moved.amount < config["minAmount"])
        case "IP_BLOCK":
            return moved.address is not None and any(_inside(moved.address, one) for one in config["addresses"])
        case "USER_AGENT_BLOCK":
            if moved.agent is None:
                return bool(config.get("orNone")) and moved.address is not None
            return any(word.lower() in moved.agent.lower() for word in config.get("contains", ()))
        case "GEOGRAPHIC_RESTRICTION":
            if moved.country is None:
                return bool(config.get("unknownToo"))
            if "allowedCountries" in config:
                return moved.country not in config["allowedCountries"]
            return moved.country in config["blockedCountries"]
        case "TIME_RESTRICTION":
            return not _open(config, moved.at)
        case "CUSTOM":
            return all(alone(part["ruleType"], part["config"], moved) for part in config["all"])
    raise AssertionError(kind)


def _inside(address: str, network: str) -> bool:
    """IPv4 only."""
    place, _, prefix = network.partition("/")
    size = int(prefix or 32)
    return f"{_bits(address)}"[:size] == f"{_bits(place)}"[:size]


def _bits(address: str) -> str:
    return "".join(f"{int(part):08b}" for part in address.split("."))


DAYS = ("thursday", "friday", "saturday", "sunday", "monday", "tuesday", "wednesday")
"""1 January 1970 was a Thursday."""


def _open(config: dict[str, Any], at: int) -> bool:
    """Whether a week in UTC, minute by minute, has business at this moment."""
    minute = at // MINUTE
    hours, minutes = config["from"].split(":")
    begin = int(hours) * 60 + int(minutes)
    hours, minutes = config["to"].split(":")
    end = int(hours) * 60 + int(minutes)
    length = (end - begin) % 1440 or 1440
    # Business that began today, or the day before.
    for back in (0, 1):
        day = minute // 1440 - back
        if DAYS[day % 7] in config["weekdays"] and 0 <= minute - (day * 1440 + begin) < length:
            return True
    return False


def judged(rules: list[Ruled], moves: list[Moved], cleared: set[tuple[int, str]]) -> tuple[int | None, list[int]]:
    """Moves that happen together or not at all: the number of the rule that refuses them, and of those that tell."""
    blocking: list[int] = []
    reviewing: list[int] = []
    telling: list[int] = []
    tried = [(rule, len(rule.passed)) for rule in rules]
    for moved in moves:
        for number, rule in enumerate(rules):
            if rule.speaks(moved):
                if rule.action == "block":
                    blocking.append(number)
                elif rule.action == "require_review":
                    if (number, moved.card) not in cleared:
                        reviewing.append(number)
                else:
                    telling.append(number)
            rule.note(moved)
    refusing = (blocking + reviewing)[:1]
    if not refusing:
        return None, telling
    for rule, length in tried:
        del rule.passed[length:]
    return refusing[0], []
