"""Writes the reference pages that follow from the code: settings.md, cli.md, licences.md, secrets.md and events/.

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

from kado.anomalies.events import AnomalyEventType
from kado.anomalies.events import schema_of as anomaly_schema_of
from kado.app.commands import command_line
from kado.cards.event_schemas import schema_of
from kado.cards.events import EventType
from kado.rotation.columns import COLUMNS
from kado.settings import SETTINGS

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
            yield from _commands(inner, (*words, name))


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


PAGES: Final[dict[str, Callable[[], str]]] = {
    "settings.md": settings_page,
    "cli.md": cli_page,
    "licences.md": runpy.run_path(str(Path(__file__).with_name("sbom.py")))["licences_page"],
    "secrets.md": secrets_page,
    **{f"events/{kind}.json": partial(event_page, kind) for kind in (*EventType, *AnomalyEventType)},
}


def main() -> None:
    """Write all pages."""
    for name, write in PAGES.items():
        (DOCS / name).parent.mkdir(exist_ok=True)
        (DOCS / name).write_text(write())


if __name__ == "__main__":
    main()
