"""A drill by itself: `python drills/<name>.py --scale 0.1`."""

import argparse
import sys
import time
from collections.abc import Callable, Sequence

from drills.line import Drill, Line, Tell


def main(drill: Drill, name: str) -> None:
    """Run one drill and end the process: 0 if everything held, 1 if not."""
    scale: float = arguments(name).parse_args().scale
    show(lambda tell: drill(tell, scale))


def arguments(name: str) -> argparse.ArgumentParser:
    """What every drill can be told."""
    parser = argparse.ArgumentParser(
        description=f"The {name} drill by itself. `make drill` runs all of them.",
        epilog=f"example: python drills/{name.replace('-', '_')}.py --scale 0.1. "
        "Exit status: 0 if everything held, 1 if one line did not.",
    )
    parser.add_argument("--scale", type=positive, default=1.0, help="1 is full size; 0.1 is quicker and proves less")
    return parser


def show(drill: Callable[[Tell], list[Line]]) -> None:
    """Run it, print what it says and the table, and end the process."""
    began = time.monotonic()
    lines = drill(lambda text: print(f"{clock(time.monotonic() - began)}  {text}", flush=True))
    print(f"\n{table(lines)}")
    sys.exit(0 if lines and all(line.held for line in lines) else 1)


def positive(text: str) -> float:
    """A number above zero, for an argument."""
    number = float(text)
    if not 0 < number < 1000:
        raise ValueError(text)
    return number


def clock(seconds: float) -> str:
    """Minutes and seconds that have gone by."""
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"


def table(lines: Sequence[Line]) -> str:
    """What people read: guarantee, held or not, promise, figure."""
    ordered = sorted(lines, key=lambda line: (line.guarantee, line.what))
    width = max((len(line.what) for line in ordered), default=0)
    rows = [
        f"{line.guarantee or '-':>3}  {'held' if line.held else 'NOT HELD':<8}  {line.what:<{width}}  {line.figure}"
        for line in ordered
    ]
    return "\n".join(rows)
