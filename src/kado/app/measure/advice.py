"""What the figures of `kado bench` mean to whoever runs shops, and what would change them."""

from collections.abc import Iterator
from typing import Final, Protocol

_SALES_A_MINUTE: Final = 1
"""With which a till is reckoned: one gift card a minute is a busy one."""

_SLOW_DISK: Final = 500
_UNBELIEVABLE_DISK: Final = 30_000
_BUSY: Final = 0.85


class Found(Protocol):
    """Of what was measured, as much as is needed here."""

    machine: dict[str, str | int | float]
    rates: dict[str, list[float]]
    start_seconds: float
    generator_cpu: float
    server_cpu: float
    memory_mb: int | None
    cards: int
    entries: int
    is_clean: bool

    def rate(self, name: str) -> float: ...  # noqa: D102 - as in `Measured`


def lines(found: Found) -> Iterator[str]:
    """One thing a line."""
    busy, crowd = found.rate("redeem, 32 tills"), found.rate("redeem, 128 tills")
    tills = max(busy, crowd) / 2 * 60 / _SALES_A_MINUTE
    yield (
        f"At half of its speed this server carries {tills:,.0f} tills that take a card a minute."
        " Plan with half: the rest is for the worst hour of the year."
    )
    if "PostgreSQL alone, 32 clients" in found.rates:
        share = busy / found.rate("PostgreSQL alone, 32 clients")
        yield (
            f"A redeem over HTTP with everything on runs at {share:.2f} of what pgbench gets out of the same PostgreSQL"
            " with one bare statement."
        )
    yield (
        f"One card that all tills spend at once: {found.rate('redeem, 32 tills on one card') / busy:.2f} of the speed"
        " of many cards (row locks alone would give about 0.2)."
    )
    memory = "not known on this system" if found.memory_mb is None else f"{found.memory_mb} MB"
    yield f"Memory of a server process: {memory}. First start, database and schema made: {found.start_seconds:.1f} s."
    if found.is_clean:
        yield f"All is well: every hash and balance of {found.cards:,} cards and {found.entries:,} entries agrees."
    yield from _advice(found)


def _advice(found: Found) -> Iterator[str]:
    disk, kind = int(found.machine["fsyncsPerSecond"]), found.machine["disk"]
    if kind in ("tmpfs", "ramfs"):
        yield "! The scratch data lay in memory. Name a folder on the disk that will hold the cards: --directory."
    elif disk < _SLOW_DISK:
        yield (
            f"! The disk needs {1000 / disk:.1f} ms to make one write safe; a single till waits at least that long."
            " A drive with power-loss protection needs a tenth of a millisecond."
        )
    elif disk > _UNBELIEVABLE_DISK:
        yield (
            "! The disk says sooner than a disk can that a write is safe. Find out whether its cache survives a power"
            " cut: what it forgets, no program can bring back."
        )
    if found.generator_cpu > _BUSY:
        yield "! The load generator was at its limit, so the server can do more than this says."
    cores = int(found.machine["coresAllowed"])
    if found.server_cpu > _BUSY and cores > 2:
        yield f"! The server's one process was the limit, and there are {cores} cores: try --processes 2."
