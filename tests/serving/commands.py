"""`kado …` as its users have it: a process of its own, its output, its exit code.

The process is forked from one that has read the program already, since reading it takes longer than most commands do.
"""

import json
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kado.app.commands import command_line

_FORKS: Final = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["kado.app.commands"])


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one line of JSON; fails when there is anything else on stdout."""
        assert self.code == 0, self.err
        assert self.out.count("\n") == 1
        return json.loads(self.out)


def without_settings() -> dict[str, str]:
    """This process's environment without its settings of Kado."""
    return {name: value for name, value in os.environ.items() if not name.startswith("KADO_")}


def run(*words: str, environment: Mapping[str, str], said: str = "", seconds: float = 120) -> Ran:
    """Run a command in this environment, with this on its standard input. One that takes longer is killed."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (place / "0").write_text(said)
        process = _FORKS.Process(target=_command, args=(words, dict(environment), place))
        process.start()
        process.join(seconds)
        if process.exitcode is None:
            process.kill()
            process.join()
        ran = Ran(process.exitcode or 0, (place / "1").read_text(), (place / "2").read_text())
        process.close()
    assert "Traceback" not in ran.out + ran.err
    return ran


def _command(words: tuple[str, ...], environment: dict[str, str], place: Path) -> None:
    os.environ.clear()
    os.environ.update(environment)
    for number, flags in ((0, os.O_RDONLY), (1, os.O_WRONLY | os.O_CREAT), (2, os.O_WRONLY | os.O_CREAT)):
        os.dup2(os.open(place / str(number), flags), number)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w", buffering=1)  # noqa: SIM115 - to the end
    sys.argv = ["kado", *words]
    command_line()()
