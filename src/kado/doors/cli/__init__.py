"""The command line: every `kado …` command is built here from its files, one noun each."""

from collections.abc import Callable
from typing import Annotated

import typer

from kado import __version__
from kado.doors.cli import (
    audit,
    backup,
    cards,
    config,
    database,
    fraud,
    keys,
    merchants,
    outbox,
    people,
    printing,
    programs,
    restore,
    seal,
    secret,
    sessions,
    sign,
    staff,
    status,
    verify,
    webhooks,
)
from kado.doors.cli.session import example


def build(
    serve: Callable[..., None], demo: Callable[..., None] | None = None, bench: Callable[..., None] | None = None
) -> typer.Typer:
    """The whole command line. What starts a server comes from the composition root, which alone knows every door."""
    # No rich markup: help and errors are plain text that can be copied, and an example stays on its line.
    app = typer.Typer(
        name="kado",
        help="A self-hosted gift card server.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    app.callback()(_options)
    app.command("serve")(serve)
    if demo is not None:
        app.command("demo")(demo)
    if bench is not None:
        app.command("bench", epilog=example("kado bench --directory /var/lib"))(bench)
    # Commands without a noun are registered here, beside `serve`.
    app.command("config", epilog=config.EXAMPLE)(config.config)
    app.command("backup", epilog=backup.EXAMPLE)(backup.backup)
    app.command("restore", epilog=restore.EXAMPLE)(restore.restore)
    app.command("status", epilog=status.EXAMPLE)(status.status)
    app.command("sign", epilog=sign.EXAMPLE)(sign.sign)
    app.command("verify", epilog=verify.EXAMPLE)(verify.verify)
    printing.add_to(cards.app)
    for commands in (
        database.app,
        merchants.app,
        staff.app,
        sessions.app,
        keys.app,
        programs.app,
        cards.app,
        fraud.app,
        seal.app,
        webhooks.app,
        outbox.app,
        people.app,
        audit.app,
    ):
        app.add_typer(commands)
    app.add_typer(secret.app)
    app.add_typer(secret.app, name="keys", hidden=True)  # the word that is used for it elsewhere
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
