"""The command line as a whole: the commands of its door, and those that start a server."""

# ruff: noqa: PLC0415 - reading a server takes almost a second, and most commands need none

from pathlib import Path
from typing import Annotated

import typer

from kado.app.reading import reading
from kado.doors import cli
from kado.doors.cli.output import AsJson


def command_line() -> typer.Typer:
    """Every command, put together."""
    return cli.build(_serve, _demo, _bench)


def _serve(
    host: Annotated[str, typer.Option(help="The address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on.")] = 8000,
) -> None:
    """Run the server: database, schema, API and worker, until Ctrl-C or SIGTERM."""
    with reading():
        from kado.app.serve import serve

    serve(host, port)


def _demo(
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")] = 8000,
) -> None:
    """Run a server on data of its own, with a demo merchant, and print commands to try it with, until Ctrl-C."""
    from kado.app.demo import demo

    demo(port)


def _bench(
    seconds: Annotated[int, typer.Option(min=1, max=600, help="How long each thing is measured.")] = 3,
    rounds: Annotated[int, typer.Option(min=1, max=100, help="How often; the table shows the medians.")] = 2,
    processes: Annotated[int, typer.Option(min=1, max=64, help="HTTP processes, as KADO_PROCESSES.")] = 1,
    directory: Annotated[
        Path | None, typer.Option(help="A folder on the disk that will hold the cards; scratch data goes there.")
    ] = None,
    on_database: Annotated[
        bool, typer.Option("--on-database", help="Measure the PostgreSQL of KADO_DATABASE_URL, in a scratch database.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Measure what this machine can do, on scratch data that is removed afterwards, in about a minute.

    It starts a server of its own on a database of its own, and needs the machine for itself: a server beside it would
    be slowed down, and would spoil the figures. Cards that exist are never touched; a database that holds any is
    refused. Exit code 0: measured. 1: that was not possible. 3: answers failed, or the books do not agree afterwards.
    """
    from kado.app.measure.bench import Wanted, bench

    bench(Wanted(seconds, rounds, processes, directory, on_database), as_json=json)
