"""The command line: every `kado …` command is built here from its files, one noun each."""

from collections.abc import Callable

import typer

from kado.doors.cli import keys, merchants, programs, sign


def build(serve: Callable[..., None]) -> typer.Typer:
    """The whole command line. `serve` comes from the composition root, the only place that knows every door."""
    # No rich markup: help and errors are plain text that can be copied, and an example stays on its line.
    app = typer.Typer(
        name="kado",
        help="A self-hosted gift card server.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    app.command("serve")(serve)
    # Commands without a noun (verify, config, demo) are registered here, beside `serve`.
    app.command("sign", epilog=sign.EXAMPLE)(sign.sign)
    for commands in (merchants.app, keys.app, programs.app):
        app.add_typer(commands)
    return app
