"""Which commands there are, and in which file each is: a file is read when its command is called, and not before."""

import importlib
from dataclasses import dataclass
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True, slots=True)
class Noun:
    """A file of this folder, and what `kado --help` says of it without reading it; a test compares the two."""

    file: str
    about: str
    is_hidden: bool = False


NOUNS: Final = {
    "config": Noun("config", "Show every setting with its value and meaning, and where the data is."),
    "backup": Noun("backup", "Make a backup of the database, whole and as of one moment, while the server works."),
    "restore": Noun("restore", "Make a database from a backup, and verify it."),
    "status": Noun("status", "Show what is owed, what waits and what looks wrong."),
    "setup-code": Noun("setup_code", "Show the code for the setup page in a browser."),
    "sign": Noun("sign", "Print the header line that signs a request."),
    "verify": Noun(
        "verify",
        "Prove that no entry was changed, removed or invented, and that every balance is the sum of its entries.",
    ),
    "database": Noun("database", "The database: its state, its schema, its version of PostgreSQL."),
    "merchant": Noun("merchants", "Merchants: who owns programs, staff and keys."),
    "staff": Noun("staff", "Staff: people who sign in for a merchant."),
    "terminal": Noun(
        "terminals", "Terminals: shared devices at a counter (/pos), and the PINs of those who work at them."
    ),
    "session": Noun("sessions", "Sessions: who is signed in."),
    "key": Noun("keys", "Keys: how tills, sites and front ends call."),
    "program": Noun("programs", "Programs: currency, limits and life of a merchant's cards."),
    "card": Noun("cards", "Cards: prove one card's history to a third party, print those of a bulk issue."),
    "fraud": Noun("fraud", "Fraud: rules of a program, the alerts that they raise, blocked addresses."),
    "report": Noun(
        "reports", "Reports: a program's figures as of any moment, files of them, and the sums behind them."
    ),
    "seal": Noun("seal", "Seals: the signed heads of all cards."),
    "webhook": Noun("webhooks", "Webhooks: endpoints that hear of events, and what became of the events sent to them."),
    "outbox": Noun(
        "outbox",
        "What has to be delivered: mails and text messages for people, reports, events for webhooks, changes for"
        " wallets.",
    ),
    "mail": Noun("mail", "Mails and text messages: how they look, and mails that come back."),
    "wallet": Noun("wallet", "Apple Wallet and Google Wallet: what is set up, what is missing, what ends soon."),
    "people": Noun("people", "People's data: what is known of somebody, and forgetting them."),
    "audit": Noun("audit", "The audit log: who did what, when and from where."),
    "secret": Noun("secret", "The operator's secret key: change it while the servers work."),
    "keys": Noun("secret", "The operator's secret key: change it while the servers work.", is_hidden=True),
}
"""In the order of the help. What `secret` does is called `keys` elsewhere."""


class Nouns(TyperGroup):
    """The commands that it was made with, and those of `NOUNS`: named to begin with, read when they are called."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - typer's own
        super().__init__(**options)
        for name, noun in NOUNS.items():
            self.commands[name] = TyperCommand(name, help=noun.about, hidden=noun.is_hidden)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - typer's own
        """The command that is called, and what it is called with."""
        name, named, rest = super().resolve_command(ctx, args)
        return name, read(name) if name in NOUNS else named, rest


def plain(**options: Any) -> typer.Typer:  # noqa: ANN401 - typer's own
    """A command line without rich markup: help and errors can be copied, and an example stays on its line."""
    return typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False, **options)


def read(name: str) -> Any:  # noqa: ANN401 - typer tells nobody the type of its commands
    """The command of this name, one of `NOUNS`, from its file."""
    noun = NOUNS[name]
    module = importlib.import_module(f"kado.doors.cli.{noun.file}")
    alone = plain()
    if hasattr(module, "app"):
        alone.add_typer(module.app, name=name, hidden=noun.is_hidden)
    else:
        alone.command(name, epilog=module.EXAMPLE)(getattr(module, noun.file))
    return typer.main.get_group(alone).commands[name]
