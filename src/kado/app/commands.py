"""The command line as a whole: the commands of its door, and those that start a server."""

# ruff: noqa: PLC0415 - reading a server takes more than a second, and most commands need none

from typing import Annotated

import typer

from kado.doors import cli


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
