"""All drills, unattended: `make drill`, or `python drills/run.py --only kills --scale 0.1`.

Each drill runs in a process of its own, so that one that fails, hangs or eats all memory takes no other with it. A
drill works on servers that it starts itself, in directories that are made for it and removed afterwards; settings of
the environment (`KADO_…`) do not reach it, so that no drill can find a data directory that is in use.
"""

import argparse
import importlib
import json
import multiprocessing
import os
import platform
import signal
import sys
import time
import traceback
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from drills.alone import clock, positive, table  # noqa: E402
from drills.line import Line, Tell  # noqa: E402

from kado.storage.embedded.binaries import find_binaries  # noqa: E402

RESULTS: Final = ROOT / "drills" / "results"


class How(NamedTuple):
    """Where a drill is, how many minutes it takes at full size, and whether its figures need the machine for itself."""

    module: str
    minutes: float
    alone: bool = False


DRILLS: Final = {
    "mixed": How("drills.mixed", 10),
    "model": How("drills.model", 6),
    "failover": How("drills.failover", 3),
    "restore": How("drills.restore", 2.5),
    "tampering": How("drills.tampering", 2),
    "lost-answers": How("drills.lost_answers", 3),
    "upgrade": How("drills.upgrade", 1),
    "revocation": How("drills.revocation", 1),
    "kills": How("drills.kills", 7, alone=True),
    "database-faults": How("drills.database_faults", 2, alone=True),
    "slow-clients": How("drills.slow_clients", 2.5, alone=True),
    "guesses": How("drills.guesses", 1.5, alone=True),
    "oracle": How("drills.oracle", 3, alone=True),
    "randomness": How("drills.randomness", 1.5),
    "one-card": How("drills.one_card", 1, alone=True),
}
"""Those that need not be alone are run two at a time: what they count is the same however slow it is."""

_LANES: Final = 2
_SPARE_MINUTES: Final = 10
_LONGER: Final = 4
_CLEAN_UP_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of one drill."""

    name: str
    seconds: float
    lines: list[Line]


# ── one drill ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _in_its_own_process(module: str, scale: float, says: "Connection[Any, Any]") -> None:
    """Runs there; sends texts while it goes on, then the lines or what went wrong."""
    # Whoever runs this in the background may have it ignored, and it would be here too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in [name for name in os.environ if name.startswith("KADO_")]:
        del os.environ[name]
    try:
        lines = importlib.import_module(module).drill(says.send, scale)
        says.send(lines or RuntimeError("the drill said nothing"))
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is told
        traceback.print_exc()
        says.send(RuntimeError(f"{type(error).__name__}: {error}"))


def run(name: str, module: str, longest_seconds: float, scale: float, tell: Tell) -> Ran:
    """One drill, whatever becomes of it."""
    began = time.monotonic()
    deadline = began + longest_seconds
    context = multiprocessing.get_context("spawn")
    hears, says = context.Pipe(duplex=False)
    process = context.Process(target=_in_its_own_process, args=(module, scale, says))
    process.start()
    says.close()
    patience = _CLEAN_UP_SECONDS
    try:
        lines = _heard(hears, deadline, tell)
    except (RuntimeError, EOFError, TimeoutError) as error:
        lines = [Line(0, f"the drill {name} comes to its end", _short(error) or "its process died", held=False)]
        patience = 0.0 if isinstance(error, TimeoutError) else patience
    finally:
        _end(process, patience)
    return Ran(name, time.monotonic() - began, lines)


def _heard(hears: "Connection[Any, Any]", deadline: float, tell: Tell) -> list[Line]:
    while hears.poll(max(0.0, deadline - time.monotonic())):
        match hears.recv():
            case str(text):
                tell(text)
            case list() as lines:
                return lines
            case error:
                raise error
    raise TimeoutError("it took too long and was ended")


def _end(process: "multiprocessing.process.BaseProcess", patience: float) -> None:
    """Wait a while for its end; then make it clean up after itself; then end it."""
    process.join(patience)
    if process.is_alive():
        with suppress(ProcessLookupError):
            os.kill(process.pid or 0, signal.SIGINT)  # it removes its servers on the way out
        process.join(_CLEAN_UP_SECONDS)
    if process.is_alive():
        process.kill()
        process.join()


def _short(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 300 else f"{text[:300]}…"


# ── all of them ────────────────────────────────────────────────────────────────────────────────────────────────────


def run_all(drills: Mapping[str, How], scale: float) -> list[Ran]:
    began = time.monotonic()

    def run_one(name: str) -> Ran:
        def tell(text: str) -> None:
            print(f"{clock(time.monotonic() - began)}  {name}: {text}", flush=True)

        how = drills[name]
        tell("begins")
        ran = run(name, how.module, 60 * (_SPARE_MINUTES + _LONGER * how.minutes * max(scale, 1)), scale, tell)
        missed = sum(not line.held for line in ran.lines)
        tell(f"ended after {clock(ran.seconds)}: {f'{missed} of ' if missed else ''}{len(ran.lines)} lines "
             f"{'not held' if missed else 'held'}")  # fmt: skip
        return ran

    with ThreadPoolExecutor(_LANES) as lanes:
        done = list(lanes.map(run_one, [name for name, how in drills.items() if not how.alone]))
    return done + [run_one(name) for name, how in drills.items() if how.alone]


def minutes(drills: Mapping[str, How]) -> float:
    """How long all of these take together, about."""
    beside = [how.minutes for how in drills.values() if not how.alone]
    return max(sum(beside) / _LANES, *beside, 0) + sum(how.minutes for how in drills.values() if how.alone)


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "name": platform.node(),
        "system": platform.platform(),
        "processors": os.cpu_count(),
        "processor": _processor(),
        "memory_gigabytes": round(memory / 2**30, 1),
        "load_before": [round(load, 1) for load in os.getloadavg()],
        "python": platform.python_version(),
        "postgres": find_binaries().version,
    }


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def write_down(done: list[Ran], scale: float, seconds: float, about: dict[str, Any], folder: Path) -> Path:
    """The results as a file; a second run of a day takes the place of the first."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{datetime.now(UTC):%Y-%m-%d}-{platform.node()}.json"
    says = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": about,
        "scale": scale,
        "minutes": round(seconds / 60, 1),
        "drills": {
            ran.name: {"seconds": round(ran.seconds), "lines": [asdict(line) for line in ran.lines]} for ran in done
        },
    }
    file.write_text(json.dumps(says, indent=1, ensure_ascii=False) + "\n")
    return file


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Run the drills: what Kado promises, put to the test on servers of their own.",
        epilog="example: python drills/run.py --only kills,model --scale 0.1. "
        "Exit status: 0 if everything held, 1 if one line did not, 2 for a wrong argument.",
    )
    parser.add_argument("--only", default="", help=f"names, separated by commas, of: {', '.join(DRILLS)}")
    parser.add_argument("--scale", type=positive, default=1.0, help="1 is full size; 0.1 is quicker and proves less")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the results are written (drills/results)")
    wanted = parser.parse_args()
    wanted.only = [name for name in wanted.only.split(",") if name]
    unknown = set(wanted.only) - DRILLS.keys()
    if unknown:
        parser.error(f"there is no drill {', '.join(sorted(unknown))}; there are {', '.join(DRILLS)}")
    return wanted


def main() -> None:
    wanted = arguments()
    drills = {name: how for name, how in DRILLS.items() if not wanted.only or name in wanted.only}
    about = machine()
    print(f"{len(drills)} drills, about {minutes(drills) * wanted.scale:.0f} minutes")
    began = time.monotonic()
    done = run_all(drills, wanted.scale)
    took = time.monotonic() - began
    lines = [line for ran in done for line in ran.lines]
    print(f"\n{table(lines)}\n")
    print(f"written to {write_down(done, wanted.scale, took, about, wanted.results)}")
    missed = sum(not line.held for line in lines)
    print(f"{missed} of {len(lines)} lines were not held" if missed else f"all {len(lines)} lines were held")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
