"""What a command needs before it can work: the settings, and a database that runs and has the right schema."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import datetime
from functools import wraps
from typing import Annotated, Final, NoReturn, ParamSpec

import asyncpg
import typer

from kado import audit
from kado import settings as configuration
from kado.cards.proof.export import NotAnExport
from kado.errors import Refusal
from kado.secret_file import SecretError
from kado.settings import SettingError, Settings
from kado.storage import embedded
from kado.storage.backup.errors import BackupError
from kado.storage.connect import connect
from kado.storage.database import AWAY, Database
from kado.storage.embedded import EmbeddedError
from kado.storage.migrate import SchemaError, migrate

ACTOR: Final = "operator:cli"
"""Who stands in the audit log for what is done on the command line."""

CANNOT_TELL: Final = 2
"""The exit code of commands that say whether something is so, when it could not be found out."""

P = ParamSpec("P")


@asynccontextmanager
async def session(
    *, make_secret: bool = True, settings: Settings | None = None
) -> AsyncIterator[tuple[Database, Settings]]:
    """The database and the settings, for one command: the configured server, the running one's, or one of its own.

    `settings` are for another place than the configured one. Raises what `command` turns into a message.
    """
    settings = settings or configuration.load(make_secret=make_secret)
    with ExitStack() as stack:
        url = settings.database_url or stack.enter_context(embedded.connect_or_start(settings.data_dir))
        url = await migrate(url, settings.database_app_url, phase="all" if settings.migrates_at_start else "none")
        # A second URL is that of a user who is small enough already.
        database = await Database.open(url, as_app=settings.database_app_url is None, size=2)
        try:
            yield database, settings
        finally:
            await database.close()


async def note(database: Database, action: str, **details: object) -> None:
    """Leave a row in the audit log about what concerns the database as a whole."""
    async with database.transaction() as connection:
        await audit.record(connection, actor=ACTOR, action=action, details=details)


async def try_to_note(url: str, action: str, **details: object) -> None:
    """The same over a connection of its own, for what must be done also where nothing can be written: if the row cannot
    be, that is said on stderr."""
    try:
        connection = await connect(url, timeout=10)
        try:
            await audit.record(connection, actor=ACTOR, action=action, details=details)
        finally:
            await connection.close()
    except (asyncpg.PostgresError, *AWAY) as error:
        print(f"kado: The audit log does not know of this: {error or type(error).__name__}", file=sys.stderr)


def command(work: Callable[P, Coroutine[None, None, None]]) -> Callable[P, None]:
    """A command from a coroutine: exit code 0, or 1 with one message on stderr. Never a traceback."""

    @wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with in_one_sentence():
            asyncio.run(work(*args, **kwargs))

    return run


@contextmanager
def in_one_sentence(status: int = 1) -> Iterator[None]:
    """Whatever goes wrong inside becomes one message on stderr and this exit code."""
    try:
        yield
    except Exception as error:
        message = explain(error)
        if message is None:
            raise
        fail(message, status)


def explain(error: Exception) -> str | None:
    """What to tell the operator about an error; None for those that the command line handles itself."""
    match error:
        case typer.Exit() | typer.Abort() | typer.BadParameter():
            return None
        case Refusal():
            return error.detail
        case SettingError() | SecretError() | EmbeddedError() | SchemaError() | BackupError() | NotAnExport():
            return str(error)
        case asyncpg.InvalidPasswordError() | asyncpg.InvalidAuthorizationSpecificationError():
            return f"The database refuses the user of KADO_DATABASE_URL: {error}"
        case _ if isinstance(error, AWAY):
            return f"The database cannot be reached: {error or type(error).__name__}. Check KADO_DATABASE_URL."
        case _:
            return f"This should not happen ({type(error).__name__}: {error}). Please report it."


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
