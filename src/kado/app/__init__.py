"""The composition root: the only place that knows every room and every door."""

import sys
from typing import Annotated

import typer

from kado.app import processes
from kado.app.demo import demo
from kado.app.serve import serve
from kado.doors import cli


def main() -> None:
    """The `kado` command."""
    if sys.argv[1:2] == [processes.COMMAND]:
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
    serve(host, port)


def _demo(
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")] = 8000,
) -> None:
    """Run a server on data of its own, with a demo merchant, and print commands to try it with, until Ctrl-C."""
    demo(port)
