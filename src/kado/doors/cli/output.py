"""What every command has in common in what it says: tables, one line of JSON, one sentence that says why not."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, NoReturn

import typer


def fail(message: str, status: int = 1) -> NoReturn:
    """Say why on stderr and end with this exit code."""
    print(f"kado: {message}", file=sys.stderr)
    raise typer.Exit(status) from None


def example(line: str) -> str:
    """The last paragraph of a command's help: a call to copy. The control character keeps it on one line."""
    return f"\b\nExample:\n  {line}"


def wrong_usage(message: str) -> typer.BadParameter:
    """To be raised: the command was called in a way that makes no sense (exit code 2)."""
    return typer.BadParameter(message)


AsJson = Annotated[bool, typer.Option("--json", help="Print one line of JSON and nothing else.")]


def print_json(said: Mapping[str, object] | Sequence[Mapping[str, object]]) -> None:
    """The one line that `--json` promises."""
    print(json.dumps(said))


def print_state(
    facts: Mapping[str, object], complaints: Sequence[str], text: Callable[[object], str], *, as_json: bool
) -> None:
    """How something is, a fact a line as `text` words it, and what is wrong with it. Exits with 1 if anything is."""
    if as_json:
        print_json({**facts, "complaints": complaints})
    else:
        for name, value in facts.items():
            print(f"{name + ':':<20} {text(value)}")
        for complaint in complaints:
            print(f"! {complaint}")
    if complaints:
        raise typer.Exit(1)


def print_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Aligned columns with titles; nothing but the titles when there are no rows."""
    widths = [max(len(line[column]) for line in (titles, *rows)) for column in range(len(titles))]
    for line in (titles, *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def shown(moment: datetime | None) -> str:
    """A moment to the minute, in UTC; a dash for none."""
    return "-" if moment is None else moment.strftime("%Y-%m-%d %H:%MZ")
