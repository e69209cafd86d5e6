"""The command line: every `kado …` command is put together here from its files, one noun each."""

from collections.abc import Callable
from typing import Annotated

import typer

from kado import __version__
from kado.doors.cli.nouns import Nouns, plain
from kado.doors.cli.output import example


def build(
    serve: Callable[..., None], demo: Callable[..., None] | None = None, bench: Callable[..., None] | None = None
) -> typer.Typer:
    """The whole command line. What starts a server comes from the composition root, which alone knows every door."""
    app = plain(name="kado", help="A self-hosted gift card server.", no_args_is_help=True, cls=Nouns)
    app.callback()(_options)
    app.command("serve")(serve)
    if demo is not None:
        app.command("demo")(demo)
    if bench is not None:
        app.command("bench", epilog=example("kado bench --directory /var/lib"))(bench)
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"kado {__version__}")
        raise typer.Exit


def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """A self-hosted gift card server."""
