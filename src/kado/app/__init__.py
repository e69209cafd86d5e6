"""The composition root: the only place that knows every room and every door.

The server is imported where it is started: reading all of it takes a second, and most commands do not need it.
"""

# ruff: noqa: PLC0415

import sys
from typing import Annotated, Final

import typer

from kado.doors import cli

HTTP_PROCESS: Final = "_http"
"""The word after `python -m kado` that makes a process one of a server's; people never type it."""


def main() -> None:
    """The `kado` command."""
    if sys.argv[1:2] == [HTTP_PROCESS]:
        from kado.app import processes

        processes.run_child(int(sys.argv[2]))
        return
    command_line()()


def command_line() -> typer.Typer:
    """Every command, put together."""
    return cli.build(_serve, _demo)


def _serve(
    host: Annotated[str, typer.Option(help="The address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on.")] = 8000,
) -> None:
    """Run the server: database, schema, API and worker, until Ctrl-C or SIGTERM."""
    from kado.app.serve import serve

    serve(host, port)


def _demo(
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")] = 8000,
) -> None:
    """Run a server on data of its own, with a demo merchant, and print commands to try it with, until Ctrl-C."""
    from kado.app.demo import demo

    demo(port)
