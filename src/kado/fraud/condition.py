"""What a rule looks for: one small class for each form of `config`, made by `config.py`. No I/O.

A condition either looks at one move by itself (`speaks_against`), or counts (`Velocity`, `PendingChecks`) and is
decided by `judge.py` on what was counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from kado.access.address import Network
from kado.clock import EPOCH
from kado.fraud.move import Kind, Move, Scope

_PARTS: Final = 60


@dataclass(frozen=True, slots=True)
class Window:
    """The time back from now in which a rule counts, in sixtieths.

    What is as old as the window counts still, and up to a sixtieth more: in no span of that length can there be more
    than a limit allows.
    """

    minutes: int

    @property
    def part(self) -> timedelta:
        """How long a sixtieth is."""
        return timedelta(minutes=self.minutes) // _PARTS

    def bucket(self, at: datetime) -> int:
        """The sixtieth that this moment lies in."""
        return (at - EPOCH) // self.part

    def first(self, at: datetime) -> int:
        """The oldest sixtieth that counts at this moment."""
        return self.bucket(at) - _PARTS


@dataclass(frozen=True, slots=True)
class Velocity:
    """So many moves, or moves of so much, by one subject within a window. Amounts in minor units."""

    kinds: frozenset[Kind]
    scope: Scope
    window: Window
    max_count: int | None
    max_amount: int | None


@dataclass(frozen=True, slots=True)
class PendingChecks:
    """So many balance checks of cards that are not sold yet, by one address or of one card, within a window."""

    scope: Scope
    window: Window
    max_count: int


@dataclass(frozen=True, slots=True)
class SoonSpent:
    """Spent within so many minutes of the card's activation."""

    kinds: frozenset[Kind]
    within: timedelta

    def speaks_against(self, move: Move) -> bool:
        """Whether this one was."""
        return move.activated_at is not None and move.at - move.activated_at < self.within


@dataclass(frozen=True, slots=True)
class Amount:
    """More than so much, or less, at once. Minor units."""

    kinds: frozenset[Kind]
    least: int | None
    most: int | None

    def speaks_against(self, move: Move) -> bool:
        """Whether this one is."""
        is_over = self.most is not None and move.amount > self.most
        return is_over or (self.least is not None and move.amount < self.least)


@dataclass(frozen=True, slots=True)
class Hours:
    """Outside the hours and weekdays (Monday is 0) in which business is done, on the clocks of a place."""

    kinds: frozenset[Kind]
    zone: str
    weekdays: frozenset[int]
    start: time
    end: time
    """Not included; where it is not after the start, the hours go over midnight."""

    def speaks_against(self, move: Move) -> bool:
        """Whether this one is. Hours after midnight belong to the day on which they began."""
        local = move.at.astimezone(ZoneInfo(self.zone))
        clock, weekday = local.time(), local.weekday()
        if self.start < self.end:
            return not (self.start <= clock < self.end and weekday in self.weekdays)
        if clock >= self.start:
            return weekday not in self.weekdays
        return not (clock < self.end and (weekday - 1) % 7 in self.weekdays)


@dataclass(frozen=True, slots=True)
class Addresses:
    """From one of these networks."""

    kinds: frozenset[Kind]
    networks: tuple[Network, ...]

    def speaks_against(self, move: Move) -> bool:
        """Whether this one is; never where nobody knows the address."""
        return lies_in(move.address, self.networks)


@dataclass(frozen=True, slots=True)
class UserAgents:
    """From a program that calls itself by one of these words (in lower case), or by none at all."""

    kinds: frozenset[Kind]
    words: tuple[str, ...]
    or_none: bool

    def speaks_against(self, move: Move) -> bool:
        """Whether this one is. What nobody outside asked for has no address either, and comes from no program."""
        if move.user_agent is None:
            return self.or_none and move.address is not None
        name = move.user_agent.lower()
        return any(word in name for word in self.words)


@dataclass(frozen=True, slots=True)
class Countries:
    """From a country outside those that are allowed, or from one of those that are not."""

    kinds: frozenset[Kind]
    allowed: frozenset[str] | None
    refused: frozenset[str]
    unknown_too: bool

    def speaks_against(self, move: Move) -> bool:
        """Whether this one is."""
        if move.country is None:
            return self.unknown_too
        return move.country in self.refused or (self.allowed is not None and move.country not in self.allowed)


Plain: TypeAlias = SoonSpent | Amount | Hours | Addresses | UserAgents | Countries
"""What looks at one move by itself."""


@dataclass(frozen=True, slots=True)
class Together:
    """Several at once: all of them must speak against a move."""

    parts: tuple[Plain, ...]

    def speaks_against(self, move: Move) -> bool:
        """Whether all do."""
        return all(move.kind in part.kinds and part.speaks_against(move) for part in self.parts)


Condition: TypeAlias = Velocity | PendingChecks | Plain | Together

_OF_REQUEST: Final = (Addresses, UserAgents, Countries)


def rests_on_request(condition: Condition) -> bool:
    """Whether it looks at what only the request says, so that it is looked at together with it."""
    if isinstance(condition, Together):
        return any(rests_on_request(part) for part in condition.parts)
    return isinstance(condition, _OF_REQUEST)


def looks_at(condition: Condition, kind: Kind) -> bool:
    """Whether moves of this kind are its business."""
    if isinstance(condition, PendingChecks):
        return False
    if isinstance(condition, Together):
        return all(kind in part.kinds for part in condition.parts)
    return kind in condition.kinds


@lru_cache(4096)
def _parsed(address: str) -> Network | None:
    try:
        return ip_network(address) if "/" in address else ip_network(ip_address(address))
    except ValueError:
        return None


def lies_in(address: str | None, networks: Sequence[Network]) -> bool:
    """Whether the address, as `kado.access.address` groups it, lies in one of these networks (or holds one)."""
    own = _parsed(address) if address else None
    if own is None:
        return False
    return any(own.version == network.version and own.overlaps(network) for network in networks)
