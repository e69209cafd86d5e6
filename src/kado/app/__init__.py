"""The composition root: the only place that knows every room and every door."""

# ruff: noqa: PLC0415 - an HTTP process needs nothing of the command line, and the other way round

import sys
from typing import Final

from kado.app.reading import reading

HTTP_PROCESS: Final = "_http"
"""The word after `python -m kado` that makes a process one of a server's; people never type it."""


def main() -> None:
    """The `kado` command."""
    if sys.argv[1:2] == [HTTP_PROCESS]:
        from kado.app import processes

        processes.run_child(int(sys.argv[2]), int(sys.argv[3]))
    else:
        with reading():
            from kado.app import commands

            command_line = commands.command_line()
        command_line()
