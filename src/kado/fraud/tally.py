"""What rules have counted, as it is known while something is decided. No I/O; `tallies.py` reads and writes it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from kado.fraud.condition import PendingChecks, Velocity


class Key(NamedTuple):
    """A row of counters: those of one rule about one subject."""

    program_id: str
    series_id: str
    is_test: bool
    subject: str


@dataclass(slots=True)
class Part:
    """What was counted in one sixtieth of a window. `amount` in minor units."""

    count: int = 0
    amount: int = 0
    hits: int = 0


@dataclass(slots=True)
class Tallies:
    """Counters that were read, and what is added to them now."""

    read: dict[Key, dict[int, Part]] = field(default_factory=dict)
    fresh: dict[Key, dict[int, tuple[Part, datetime]]] = field(default_factory=dict)

    def within(self, key: Key, condition: Velocity | PendingChecks, at: datetime) -> tuple[int, int]:
        """How often and how much, in the window that ends at this moment."""
        first = condition.window.first(at)
        parts = [part for bucket, part in self.read.get(key, {}).items() if bucket >= first]
        parts += [part for bucket, (part, _) in self.fresh.get(key, {}).items() if bucket >= first]
        return sum(part.count for part in parts), sum(part.amount for part in parts)

    def add(
        self, key: Key, condition: Velocity | PendingChecks, at: datetime, *, amount: int = 0, hits: int = 0
    ) -> None:
        """One more that passed."""
        self._change(key, condition, at, Part(1, amount, hits))

    def take_back(self, key: Key, condition: Velocity | PendingChecks, at: datetime, *, amount: int = 0) -> None:
        """One that was added a moment ago does not happen after all."""
        self._change(key, condition, at, Part(-1, -amount))

    def note_hit(self, key: Key, condition: Velocity | PendingChecks, at: datetime) -> None:
        """One that was refused: it is not counted, but it is known that it was tried."""
        self._change(key, condition, at, Part(hits=1))

    def all_of(self, key: Key) -> list[tuple[int, Part]]:
        """What was counted so far, by the sixtieth in which it was."""
        parts = list(self.read.get(key, {}).items())
        return parts + [(bucket, part) for bucket, (part, _) in self.fresh.get(key, {}).items()]

    def inherit(self, key: Key, parts: Iterable[tuple[int, Part]], at: datetime) -> None:
        """What was counted about somebody else counts here as well."""
        for bucket, part in parts:
            self._add(key, bucket, at, Part(part.count, part.amount))

    def changes(self) -> Iterator[tuple[Key, int, Part, datetime]]:
        """What is to be added to what is kept, in one order for everybody."""
        for key in sorted(self.fresh):
            for bucket, (part, at) in sorted(self.fresh[key].items(), key=lambda item: item[0]):
                if part != Part():
                    yield key, bucket, part, at

    def learn(self, rows: Iterable[tuple[Key, int, Part]]) -> None:
        """What is kept."""
        for key, bucket, part in rows:
            self.read.setdefault(key, {})[bucket] = part

    def _change(self, key: Key, condition: Velocity | PendingChecks, at: datetime, by: Part) -> None:
        self._add(key, condition.window.bucket(at), at, by)

    def _add(self, key: Key, bucket: int, at: datetime, by: Part) -> None:
        parts = self.fresh.setdefault(key, {})
        before = parts.get(bucket, (Part(), at))[0]
        after = Part(before.count + by.count, before.amount + by.amount, before.hits + by.hits)
        parts[bucket] = (after, at)
