"""Counting, in the memory of one process: a look-up and an addition, so that a sale can afford it.

What is counted is a whole number: pieces, bytes, nanoseconds. It becomes a fraction where it is shown, if at all. There
are no locks: whoever counts does it on the process's one event loop.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from typing import Final, Literal, TypeAlias

Labels: TypeAlias = tuple[str, ...]
Cells: TypeAlias = dict[Labels, list[int]]
Kind: TypeAlias = Literal["counter", "histogram", "gauge"]

NANOSECONDS: Final = 1_000_000_000


class Meter:
    """Something that is counted under a name, by the values of its labels. `scale` is how much of it makes one."""

    kind: Kind

    def __init__(self, name: str, meaning: str, labels: Labels = (), *, scale: int = 1) -> None:
        self.name = name
        self.meaning = meaning
        self.labels = labels
        self.scale = scale
        self.cells: Cells = {}

    def look(self) -> Cells:
        """What it shows at this moment."""
        return self.cells


class Counter(Meter):
    """How much there has been so far; it only goes up."""

    kind: Kind = "counter"

    def cell(self, labels: Labels = ()) -> list[int]:
        """Where it is counted, for whoever counts often: the first number is the count."""
        return self.cells.setdefault(labels, [0])

    def add(self, labels: Labels = (), by: int = 1) -> None:
        """So much more of it."""
        self.cell(labels)[0] += by


class Histogram(Meter):
    """How often it was how large: a count for each step, one for what is larger, and the sum of all at the end."""

    kind: Kind = "histogram"

    def __init__(self, name: str, meaning: str, labels: Labels = (), *, steps: tuple[int, ...], scale: int = 1) -> None:
        super().__init__(name, meaning, labels, scale=scale)
        self.steps = steps

    def cell(self, labels: Labels = ()) -> list[int]:
        """Where it is counted, for whoever counts often, with `note_in`."""
        return self.cells.setdefault(labels, [0] * (len(self.steps) + 2))

    def note_in(self, cell: list[int], value: int) -> None:
        """Once more, this large, in a cell that was asked for before."""
        cell[bisect_left(self.steps, value)] += 1
        cell[-1] += value

    def note(self, value: int, labels: Labels = ()) -> None:
        """Once more, this large."""
        self.note_in(self.cell(labels), value)


class Gauge(Meter):
    """How much there is now. What several processes have of it under the same labels is added up."""

    kind: Kind = "gauge"

    def __init__(self, name: str, meaning: str, labels: Labels = (), *, scale: int = 1) -> None:
        super().__init__(name, meaning, labels, scale=scale)
        self._readers: list[Callable[[], Mapping[Labels, int]]] = []

    def show(self, values: Mapping[Labels, int]) -> None:
        """From now on it is this, and nothing else."""
        self.cells = {labels: [value] for labels, value in values.items()}

    def read_from(self, reader: Callable[[], Mapping[Labels, int]]) -> None:
        """Ask this function too, whenever somebody looks."""
        self._readers.append(reader)

    def look(self) -> Cells:
        """What was shown, and what the readers say now."""
        if not self._readers:
            return self.cells
        cells = {labels: list(cell) for labels, cell in self.cells.items()}
        for reader in self._readers:
            for labels, value in reader().items():
                cells.setdefault(labels, [0])[0] += value
        return cells


Snapshot: TypeAlias = dict[str, Cells]
"""What all meters of a process show, by their names."""


class Totals:
    """What several processes have counted together. One that ends takes nothing along but what it has just now."""

    def __init__(self, meters: Mapping[str, Meter]) -> None:
        self._meters = meters
        self._ended: Snapshot = {}
        self._living: dict[object, Snapshot] = {}

    def hear(self, process: object, snapshot: Snapshot) -> None:
        """What this process has counted since its start; in place of what it said before."""
        self._living[process] = snapshot

    def has_ended(self, process: object) -> None:
        """Keep what it has counted; what it had is gone with it."""
        last = self._living.pop(process, {})
        add(self._ended, {name: cells for name, cells in last.items() if self._meters[name].kind != "gauge"})

    def together_with(self, own: Snapshot) -> Snapshot:
        """The sum of all."""
        total: Snapshot = {}
        for one in (self._ended, own, *self._living.values()):
            add(total, one)
        return total


def add(to: Snapshot, more: Snapshot) -> None:
    """Add cell by cell; `more` is left as it is."""
    for name, cells in more.items():
        sums = to.setdefault(name, {})
        for labels, cell in cells.items():
            known = sums.get(labels)
            sums[labels] = list(cell) if known is None else [a + b for a, b in zip(known, cell, strict=True)]
