"""`kado bench`: what this machine can do, measured on scratch data in about a minute, and what the figures mean."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final, NoReturn

from kado import secret_file
from kado import settings as configuration
from kado.app.measure import advice, cards, load, machine, scratch
from kado.app.measure.ceiling import CeilingFailed, Pgbench, find_pgbench
from kado.app.measure.load import LoadFailed
from kado.app.measure.scratch import Scratch, ScratchError
from kado.cards.proof.findings import Report
from kado.cards.verify import verify
from kado.settings import SettingError
from kado.storage.connect import connect
from kado.storage.database import AWAY, Database

_CARDS: Final = 2_000
_WITH_CODES: Final = 100
_BROKEN: Final = 3

CALL_ONE: Final = "PostgreSQL alone, 1 client"
CALL: Final = "PostgreSQL alone, 32 clients"
QUIET: Final = "redeem, 1 till"
BUSY: Final = "redeem, 32 tills"
CROWD: Final = "redeem, 128 tills"
HOT: Final = "redeem, 32 tills on one card"
CHECK: Final = "balance check by holders, 32"
LOOK: Final = "balance by token, 32"

_LOADS: Final = {
    QUIET: ("redeem", 1),
    BUSY: ("redeem", 32),
    CROWD: ("redeem", 128),
    HOT: ("redeem", 32),
    CHECK: ("check", 32),
    LOOK: ("look", 32),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """How it is to be measured."""

    seconds: int
    rounds: int
    processes: int
    directory: Path | None
    on_database: bool


@dataclass(slots=True)
class Measured:
    """What was found, by the name of the line."""

    machine: dict[str, str | int | float]
    start_seconds: float = 0.0
    rates: dict[str, list[float]] = field(default_factory=dict)
    p50_ms: dict[str, list[float]] = field(default_factory=dict)
    p99_ms: dict[str, list[float]] = field(default_factory=dict)
    generator_cpu: float = 0.0
    server_cpu: float = 0.0
    """Of one processor, in the busiest measurement."""
    memory_mb: int | None = None
    cards: int = 0
    entries: int = 0
    is_clean: bool = True

    def rate(self, name: str) -> float:
        """The median of all rounds, a second."""
        return median(self.rates[name])

    def note(self, name: str, rate: float, p50_ms: float | None, p99_ms: float | None = None) -> None:
        """One measurement of one round."""
        self.rates.setdefault(name, []).append(rate)
        for found, where in ((p50_ms, self.p50_ms), (p99_ms, self.p99_ms)):
            if found is not None:
                where.setdefault(name, []).append(found)


def bench(wanted: Wanted, *, as_json: bool) -> None:
    """Measure and say what came of it. Exits with 1 and one sentence where that is not possible, with 3 where answers
    failed or the books do not agree afterwards."""
    say = _Progress()
    try:
        with scratch.ends_in_order(), scratch.folder(wanted.directory) as root:
            measured = asyncio.run(_measure(wanted, root, say))
    except (ScratchError, SettingError, CeilingFailed) as error:
        _give_up(say, f"{error}.", 1)
    except LoadFailed as error:
        _give_up(say, str(error), _BROKEN)
    except AWAY as error:
        _give_up(say, f"the database cannot be reached: {error or type(error).__name__}", 1)
    except KeyboardInterrupt:
        _give_up(say, "stopped; the scratch data is removed", 130)
    say.clear()
    print(json.dumps(_members(measured)) if as_json else "\n".join(_page(measured)))  # noqa: T201 - the answer
    if not measured.is_clean:
        _give_up(say, "the books of the scratch data do not agree: please report this, with the lines above", _BROKEN)


async def _measure(wanted: Wanted, root: Path, say: "_Progress") -> Measured:
    async with AsyncExitStack() as stack:
        url = None
        if wanted.on_database:
            url = await stack.enter_async_context(scratch.database_beside(_configured()))
        server = Scratch(root, processes=wanted.processes, database_url=url)
        say("starting a server on scratch data")
        stack.callback(server.stop)
        took = await asyncio.to_thread(server.start)
        database = await Database.open(server.database_url())
        stack.push_async_callback(database.close)
        measured = Measured(machine.describe(root, await _version(server.database_url())), took)
        say("issuing cards")
        shop = await cards.open_shop(database)
        made = await cards.make(
            database, server.keyring, shop.merchant_id, shop.program_id, count=_CARDS, with_codes=_WITH_CODES
        )
        program = find_pgbench()
        ceiling = None if program is None else Pgbench(server.database_url(), program)
        if ceiling is not None:
            await ceiling.prepare()
            stack.push_async_callback(ceiling.remove)
        job = {"port": server.port, "program": made.program_id, "token": shop.token, "numbers": made.numbers}
        for number in range(1, wanted.rounds + 1):
            with say.part(f"round {number} of {wanted.rounds}"):
                await asyncio.to_thread(_round, measured, server, ceiling, job, made.ids, wanted.seconds, say)
        measured.memory_mb = server.memory_mb()
        say("verifying every entry")
        _judge(measured, await verify(database, server.keyring))
    return measured


def _configured() -> str:
    """The database that is to be measured. The real secret is not looked for: scratch data has one of its own."""
    url = configuration.load({**os.environ, "KADO_SECRET_KEY": secret_file.fresh()}, make_secret=False).database_url
    if url is None:
        raise ScratchError("--on-database measures the server of KADO_DATABASE_URL, which is not set")
    return url


def _round(
    measured: Measured,
    server: Scratch,
    ceiling: Pgbench | None,
    job: dict[str, Any],
    ids: list[str],
    seconds: int,
    say: "_Progress",
) -> None:
    """Everything once, PostgreSQL alone beside Kado: a machine is not the same from minute to minute."""
    for name, clients in {CALL_ONE: 1, CALL: 32}.items() if ceiling is not None else ():
        say(name)
        assert ceiling is not None
        found = ceiling.measure(clients, seconds)
        measured.note(name, found.rate, found.p50_ms)
    for name, (kind, connections) in _LOADS.items():
        say(name)
        chosen = ids[:1] if name == HOT else ids[1:]
        used = server.processor_seconds()
        told = load.measure({**job, "kind": kind, "connections": connections, "seconds": seconds, "cards": chosen})
        measured.note(name, told["rate"], told["p50_ms"], told["p99_ms"])
        measured.generator_cpu = max(measured.generator_cpu, told["generator_cpu"])
        spent = (server.processor_seconds() - used) / (seconds + load.WARM_SECONDS)
        measured.server_cpu = max(measured.server_cpu, spent)


def _judge(measured: Measured, report: Report) -> None:
    measured.cards, measured.entries, measured.is_clean = report.cards, report.entries, report.is_clean


async def _version(url: str) -> str:
    connection = await connect(url, timeout=10)
    try:
        return str(await connection.fetchval("SHOW server_version")).split()[0]
    finally:
        await connection.close()


# ── what people read ───────────────────────────────────────────────────────────────────────────────────────────────


def _page(measured: Measured) -> Iterator[str]:
    about = measured.machine
    yield f"{about['processor']}, {about['coresAllowed']} cores, {about['memoryGb']} GB; {about['system']}"
    yield (
        f"PostgreSQL {about['postgres']}, Python {about['python']}; disk ({about['disk']}):"
        f" {about['fsyncsPerSecond']:,} safe writes a second"
    )
    yield ""
    yield f"{'':<32}{'a second':>10}{'least':>9}{'most':>9}{'p50 ms':>9}{'p99 ms':>9}"
    for name, rates in measured.rates.items():
        yield (
            f"{name:<32}{median(rates):>10,.0f}{min(rates):>9,.0f}{max(rates):>9,.0f}"
            f"{_middle(measured.p50_ms.get(name)):>9}{_middle(measured.p99_ms.get(name)):>9}"
        )
    yield ""
    yield from advice.lines(measured)


def _middle(found: list[float] | None) -> str:
    return f"{median(found):.2f}" if found else "-"


def _members(measured: Measured) -> dict[str, object]:
    lines = {
        name: {
            "perSecond": round(median(rates)),
            "least": round(min(rates)),
            "most": round(max(rates)),
            "p50Ms": median(measured.p50_ms[name]) if name in measured.p50_ms else None,
            "p99Ms": median(measured.p99_ms[name]) if name in measured.p99_ms else None,
        }
        for name, rates in measured.rates.items()
    }
    return {
        "machine": measured.machine,
        "firstStartSeconds": round(measured.start_seconds, 2),
        "lines": lines,
        "memoryMb": measured.memory_mb,
        "generatorCpu": round(measured.generator_cpu, 2),
        "serverCpu": round(measured.server_cpu, 2),
        "cards": measured.cards,
        "entries": measured.entries,
        "clean": measured.is_clean,
    }


class _Progress:
    """A line on the terminal that says what is being done; nothing where nobody watches."""

    def __init__(self) -> None:
        self._watched = sys.stderr.isatty()
        self._part = ""

    def __call__(self, what: str) -> None:
        if self._watched:
            print(f"\r\033[K{self._part}{what} ...", end="", file=sys.stderr, flush=True)  # noqa: T201 - for a person

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """What is said inside begins with this."""
        self._part = f"{name}: "
        yield
        self._part = ""

    def clear(self) -> None:
        """Leave an empty line for whatever comes next."""
        if self._watched:
            print("\r\033[K", end="", file=sys.stderr, flush=True)  # noqa: T201 - for a person


def _give_up(say: _Progress, message: str, status: int) -> NoReturn:
    say.clear()
    print(f"kado: {message}", file=sys.stderr)  # noqa: T201 - for the person who started it
    raise SystemExit(status)
