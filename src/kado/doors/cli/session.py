"""What a command needs before it can work: the settings, and a database that runs and has the right schema."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import wraps
from typing import Final, ParamSpec

import asyncpg
import typer

from kado import audit
from kado import settings as configuration
from kado.cards.proof.export import NotAnExport
from kado.doors.cli.output import fail
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
