"""`kado card print`: all cards of a bulk issue on paper, with their codes, in one file."""

import asyncio
import os
from pathlib import Path
from typing import Annotated, Final

import typer

from kado.access.caller import Caller
from kado.access.permissions import Role
from kado.cards.bulk import store as bulk
from kado.cards.bulk.refusals import task_not_found
from kado.crypto import Keyring
from kado.doors.cli.output import example, fail, wrong_usage
from kado.doors.cli.session import ACTOR, command, session
from kado.ids import is_id
from kado.paper import fetch, runs
from kado.paper.card import FORMATS, SHIFT_MAX, SIZES, Sheet
from kado.paper.drawn import usual_size
from kado.paper.order import look, order
from kado.paper.runs import Run
from kado.paper.work import print_next_piece
from kado.programs.find import list_all
from kado.programs.program import Program
from kado.storage.database import Database

_PAUSE_SECONDS: Final = 1
_Shift = Annotated[int, typer.Option(min=-SHIFT_MAX, max=SHIFT_MAX, help="Of labels, in tenths of a millimetre.")]


def add_to(app: typer.Typer) -> None:
    """Have the command among those about cards."""
    app.command("print", epilog=example("kado card print 6710c5f2a94be10c77de3a51 --out cards.zip"))(_print)


def _print(
    task: Annotated[str, typer.Argument(help="The bulk issue's taskId.")],
    out: Annotated[Path, typer.Option(help="The file: one PDF, or a ZIP of several from 501 cards on.")],
    program: Annotated[str | None, typer.Option(help="Its program's id; looked for if left out.")] = None,
    format: Annotated[str, typer.Option(help=f"One of {', '.join(FORMATS)}.")] = "label",  # noqa: A002 - the option
    size: Annotated[str | None, typer.Option(help="Of the sheet: a4 or letter; the program's if left out.")] = None,
    shift_right: _Shift = 0,
    shift_down: _Shift = 0,
) -> None:
    """Print the cards of a bulk issue, with new codes for those that nobody uses yet.

    Takes the place of the CSV file and of an earlier run: only the codes on the newest paper are right. A server that
    runs beside it helps. Exit code 0: the file is written. 1: it could not be, and why is printed.
    """
    if format not in FORMATS or not (size is None or size in SIZES):
        raise wrong_usage(f"A format is one of {', '.join(FORMATS)}, a size a4 or letter.")
    if not is_id(task) or not (program is None or is_id(program)):
        raise wrong_usage("A bulk issue or program is named by the 24 characters of its id.")
    _make(task, out, program, (format, size, shift_right, shift_down))


@command
async def _make(task: str, out: Path, program: str | None, wanted: tuple[str, str | None, int, int]) -> None:
    async with session(make_secret=False) as (database, settings):
        home, is_test = await _home(database, task, program)
        shape, size, right, down = wanted
        sheet = Sheet(shape, size or usual_size(home), right, down)  # type: ignore[arg-type] # looked at before
        caller = Caller(home.merchant_id, ACTOR, Role.OWNER, frozenset(), is_test)
        await order(database, home.id, task, sheet, caller)
        run, token = await _printed(database, settings.keyring, settings.public_url, home.id, task, is_test)
        if token is None:
            fail(f"The print run failed after {run.printed} of {run.total} cards: {run.error}.")
        fetched = await fetch.begin(database, settings.keyring, home.id, task, token, caller)
        # Nobody but its owner may read it: whoever has number and code can spend a card.
        place = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(place, "wb") as file:  # noqa: ASYNC230 - nothing else waits
            async for part in fetch.parts(database, settings.keyring, fetched):
                file.write(part)
    print(f"{out} holds {run.printed} cards with their codes. It is the only copy; keep it like cash.")


async def _home(database: Database, task: str, program: str | None) -> tuple[Program, bool]:
    """The program of a bulk issue, and whether its cards are test cards. Raises `NotFound`."""
    for one in await list_all(database):
        if program is None or one.id == program:
            async with database.read() as connection:
                found = await bulk.read_task(connection, one.id, task)
            if found is not None:
                return one, found[0].is_test
    raise task_not_found()


async def _printed(
    database: Database, keyring: Keyring, public_url: str, program_id: str, task: str, is_test: bool
) -> tuple[Run, str | None]:
    """Work the run off, or watch others do so, and say how far it is."""
    said = -1
    while True:
        run, token = await look(database, keyring, program_id, task, is_test=is_test)
        if run.printed != said:
            print(f"{run.printed} of {run.total} cards printed", flush=True)
            said = run.printed
        if run.state not in runs.UNFINISHED:
            return run, token
        if not await print_next_piece(database, keyring, public_url, task):
            await asyncio.sleep(_PAUSE_SECONDS)
