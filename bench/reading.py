"""What the stages of a start cost to read, in processor time of fresh interpreters: `python bench/reading.py`."""

import resource
import subprocess
import sys
from typing import Final

_ROUNDS: Final = 7
_READING: Final = "from kado.app.reading import reading\nwith reading(): import "

STAGES: Final = (
    ("Python itself", "pass"),
    ("FastAPI alone", "import fastapi"),
    ("kado --help", "import sys; sys.argv = ['kado', '--help']\nfrom kado.app import main; main()"),
    ("what starts the database", f"{_READING} kado.app.serve"),
    ("and what answers", f"{_READING} kado.app.serve, kado.app.http"),
    ("and what only a worker needs", f"{_READING} kado.app.serve, kado.app.http, kado.app.background"),
)


def main() -> None:
    """Interleaved; of each the least, since others on the machine only ever add."""
    least = dict.fromkeys((name for name, _ in STAGES), float("inf"))
    for _ in range(_ROUNDS):
        for name, code in STAGES:
            least[name] = min(least[name], _seconds(code))
    for name, seconds in least.items():
        print(f"{1000 * seconds:6.0f} ms  {name}")


def _seconds(code: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
