"""Writes the reference pages that follow from the code: settings, cli, licences, rights, secrets, metrics, mails
and events.

Run it with `make format`. A test fails when a page says something else than the code.
"""

import json
import runpy
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import typer.main
from typer.core import TyperGroup
from typer.testing import CliRunner

from kado.access.permissions import ADMITTED, CUSTOMER, ROLES, Permission, Role
from kado.anomalies.events import AnomalyEventType
from kado.anomalies.events import schema_of as anomaly_schema_of
from kado.app.commands import command_line
from kado.cards.event_schemas import schema_of
from kado.cards.events import EventType
from kado.delivery import samples
from kado.doors.api import rights_table
from kado.doors.api.rights import CALLERS, Rule
from kado.doors.cli.nouns import NOUNS, read
from kado.languages.choose import Language
from kado.observability.meters import METERS
from kado.rotation.columns import COLUMNS
from kado.settings.table import SETTINGS

DOCS: Final = Path(__file__).parents[1] / "docs" / "reference"
_NOTE: Final = "<!-- Written by scripts/reference.py (make format). Change the code instead. -->"
_WIDTH: Final = 96


def settings_page() -> str:
    """Every setting, as `kado.settings` describes it."""
    lines = [
        _NOTE,
        "",
        "# Settings",
        "",
        "Kado reads its settings from environment variables when it starts. All are optional. `kado config` prints",
        "what they come to on your machine, with secrets masked; a value that cannot be used stops the start with a",
        "message that names it.",
        "",
        "| name | default | meaning |",
        "| --- | --- | --- |",
    ]
    for setting in SETTINGS:
        default = f"`{setting.default}`" if setting.default else ""
        meaning = setting.meaning.replace("|", "\\|") + (" *Secret.*" if setting.secret else "")
        lines.append(f"| `{setting.name}` | {default} | {meaning} |")
    return "\n".join(lines) + "\n"


def cli_page() -> str:
    """Every command's `--help`."""
    lines = [
        _NOTE,
        "",
        "# Command line",
        "",
        "`kado` works on the same settings as the server ([settings](settings.md)). While a server runs, commands",
        "join its database; otherwise they start the embedded one for themselves. The exit code is 0, 1 with one",
        "sentence on standard error, or 2 for wrong usage; `kado verify` and the two `check` commands have codes",
        "of their own.",
    ]
    app = command_line()
    for words in _commands(typer.main.get_command(app), ()):
        said = CliRunner().invoke(app, [*words, "--help"], prog_name="kado", terminal_width=_WIDTH).output
        text = "\n".join(line.rstrip() for line in said.strip().splitlines())
        lines += ["", f"## {' '.join(('kado', *words))}", "", "```text", text, "```"]
    return "\n".join(lines) + "\n"


def _commands(command: object, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield words
    if isinstance(command, TyperGroup):
        for name, inner in command.commands.items():
            if inner.hidden:
                continue
            is_unread = not words and name in NOUNS
            yield from _commands(read(name) if is_unread else inner, (*words, name))


_RIGHTS: Final = """
# Rights

Who may call what. Every route says which permission it takes; a route that says nothing keeps the server from starting,
and what no row allows is refused (401 without a valid proof, 403 with one). Tests walk this whole table over HTTP
(`tests/api/test_rights_table.py`).

A key has a role too, and of its permissions only those that its scopes name, and never `tills:read` and `tills:write`,
which are for people alone. A key that was made for some programs
enters no others, and does nothing that concerns all of its merchant's. A till's session narrows a bearer to what both
may. Where a merchant requires a second factor, who has none may set one up and nothing else.

## Roles

| permission | {roles} | admitted | customer |
| --- | {lines} | --- | --- |
{permissions}

*Admitted* is what the owner of another merchant may do in a program that it is admitted to. *Customer* is what a bearer
with `customers:sign-in` may do while a customer's session token comes with it: on that customer's own cards.

A cashier issues and activates single cards up to the program's `cashierIssueLimit`, and so does a key with that role.
To have a code sent elsewhere than to the card's own contacts takes `cards:resend-elsewhere` beside `cards:resend`.
To make somebody an owner or a manager takes `confirmation` beside `staff:write`: a code of one's second factor, or
one's password where there is none. A token alone, which may be stolen, makes nobody powerful.

## Routes

*own*: for one's own merchant, or the customer's own cards. *At a till*: only with the session of a till beside the
bearer. *As the bearer*: a customer's session is not looked at there. *Person*: a key will not do. *Front end*: a
request that the merchant's trusted front end signed ([signatures](api.md#wallet-passes)).

| route | permission | {callers} |
| --- | --- | {caller_lines} |
{routes}
"""


def rights_page() -> str:
    """Permissions by role, and routes by caller."""
    roles = [role.value for role in Role]
    permissions = [
        [f"`{one}`", *(_mark(one in ROLES[role]) for role in Role), _mark(one in ADMITTED), _mark(one in CUSTOMER)]
        for one in Permission
    ]
    routes = [
        [
            f"`{row.method} {row.path}`",
            "" if row.rule is None or row.rule.permission is None else _permission(row.rule),
            *("" if cell == "no" else cell for cell in row.cells().values()),
        ]
        for row in rights_table()
    ]
    return (
        _NOTE
        + "\n"
        + _RIGHTS.format(
            roles=" | ".join(roles),
            lines=" | ".join("---" for _ in roles),
            permissions="\n".join(f"| {' | '.join(cells)} |" for cells in permissions),
            callers=" | ".join(CALLERS),
            caller_lines=" | ".join("---" for _ in CALLERS),
            routes="\n".join(f"| {' | '.join(cells)} |" for cells in routes),
        )
    )


def _permission(rule: Rule) -> str:
    return f"`{rule.permission}`" + (", person" if rule.person else "")


def _mark(is_so: bool) -> str:
    return "yes" if is_so else ""


def metrics_page() -> str:
    """Everything that a server counts, as `kado.observability.meters` has it."""
    lines = [
        _NOTE,
        "",
        "# Metrics",
        "",
        "What a server shows at `KADO_METRICS_PORT` under `/metrics` ([how to watch it](../how-to/watch.md)). Figures",
        "of several HTTP processes are added up. A histogram has `_bucket`, `_count` and `_sum` behind its name.",
        "",
        "| name | kind | labels | meaning |",
        "| --- | --- | --- | --- |",
    ]
    for meter in METERS.values():
        labels = ", ".join(f"`{label}`" for label in meter.labels)
        lines.append(f"| `{meter.name}` | {meter.kind} | {labels} | {meter.meaning} |")
    return "\n".join(lines) + "\n"


def secrets_page() -> str:
    """What becomes of each column when the secret key changes, as `kado.rotation.columns` has it."""
    lines = [
        _NOTE,
        "",
        "# Secrets in the database",
        "",
        "What becomes of every column that holds a secret, or something that was made with one, when the secret key",
        "is [changed](../operate.md#changing-the-secret-key). *moved*: `kado secret rotate` makes it anew under the",
        "current secret. *runs out*: read under every configured secret until it is over by itself. *stays*: cannot",
        "be made anew. *no key*: does not depend on the secret key.",
        "",
        "| column | | why, or for how long |",
        "| --- | --- | --- |",
        *(f"| `{name}` | {column.fate} | {column.why} |" for name, column in sorted(COLUMNS.items())),
    ]
    return "\n".join(lines) + "\n"


def event_page(kind: EventType | AnomalyEventType) -> str:
    """The JSON schema of an event."""
    schema = schema_of(kind) if isinstance(kind, EventType) else anomaly_schema_of(kind)
    return json.dumps(schema, indent=2) + "\n"


_MAILS: Final = """
# Mails and text messages

What Kado writes to people, word for word, about a card that does not exist; in English here, and in German, French,
Spanish and Dutch as well. The HTML has the program's colours, light and dark, and its pictures within it: nothing is
fetched from anywhere; here it is on a phone, in English by day and in German by night. `kado mail preview KIND
--language de` writes HTML and text to look at, with `--program` in the colours of a program of yours.
"""


_MAIL_PICTURE: Final = '<img src="../images/mails/{kind}-{form}.webp" width="300" alt="{kind}: {form}">'


def mails_page() -> str:
    """Every kind of message, in English."""
    lines, manner = [_NOTE, *_MAILS.splitlines()], samples.manner(Language.ENGLISH)
    for kind in samples.KINDS:
        text = "\n".join(line.rstrip() for line in samples.text(kind, manner).splitlines())
        lines += ["", f"## {kind}", "", f"Subject: {samples.subject(kind, manner)}", ""]
        lines += [" ".join(_MAIL_PICTURE.format(kind=kind, form=form) for form in ("light-en", "dark-de"))]
        lines += ["", "```text", text, "```"]
        if (short := samples.text_message(kind, manner)) is not None:
            lines += ["", "As a text message:", "", "```text", short, "```"]
    return "\n".join(lines) + "\n"


PAGES: Final[dict[str, Callable[[], str]]] = {
    "settings.md": settings_page,
    "cli.md": cli_page,
    "rights.md": rights_page,
    "licences.md": runpy.run_path(str(Path(__file__).with_name("sbom.py")))["licences_page"],
    "secrets.md": secrets_page,
    "metrics.md": metrics_page,
    "mails.md": mails_page,
    **{f"events/{kind}.json": partial(event_page, kind) for kind in (*EventType, *AnomalyEventType)},
}


def main() -> None:
    """Write all pages."""
    for name, write in PAGES.items():
        (DOCS / name).parent.mkdir(exist_ok=True)
        (DOCS / name).write_text(write())


if __name__ == "__main__":
    main()
