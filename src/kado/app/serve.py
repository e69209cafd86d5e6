"""`kado serve`: database, schema, worker and HTTP, started in that order and stopped in the reverse one."""

import asyncio
import importlib
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import NoReturn

import asyncpg
import structlog
import uvloop

from kado import __version__
from kado import settings as configuration
from kado.app import entrance, processes, watched
from kado.app.database import connections_needed, open_database, warn_of_too_few_connections
from kado.app.reading import reading
from kado.observability import logs
from kado.observability.meters import METERS
from kado.observability.tally import Totals
from kado.settings import SettingError, Settings
from kado.storage import embedded
from kado.storage.database import Database
from kado.storage.embedded import Embedded, EmbeddedError
from kado.storage.embedded.archive import Archiver, Keep, forget_archive
from kado.storage.migrate import SchemaError, migrate, wait_for_database

log = structlog.get_logger("kado.serve")

_DATABASE_WAIT_SECONDS = 30

Ready = Callable[[Settings, str, int], None]


def serve(host: str, port: int, *, when_ready: Ready | None = None) -> None:
    """Run a server in the foreground until SIGTERM or SIGINT. Exits with 1 and one sentence when it cannot start.

    `when_ready` is called in a thread with the settings, the database's URL and the port once requests are answered.
    """
    try:
        settings = configuration.load(host=host, port=port)
        logs.configure(settings.log_level)
        processes.may_open_files()
        with ExitStack() as stack:
            stack.enter_context(watched.traced(settings, "server" if settings.processes == 1 else "worker"))
            listening = stack.enter_context(entrance.held() or entrance.bind(host, port))
            # What answers is read while PostgreSQL starts, here or in processes of its own: nothing else takes so long.
            alone = settings.processes == 1
            children = stack.enter_context(processes.started(0 if alone else settings.processes, listening))
            if alone:
                threading.Thread(target=_read_http, daemon=True).start()
            database = archiver = None
            if settings.database_url is None:
                database = embedded.start(settings.data_dir, role="server", connections=connections_needed(settings))
                archiver = _archiver(settings, database)
                if archiver is not None:
                    stack.callback(archiver.close)
                stack.callback(database.stop)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(_run(settings, host, listening, children, database, archiver, when_ready))
    except (SettingError, EmbeddedError, SchemaError) as error:
        _give_up(str(error))
    except asyncpg.PostgresError as error:
        _give_up(f"the database refuses to work with us: {error}")
    except OSError as error:
        _give_up(
            f"{host}:{port} cannot be used: {error.strerror or error}. Another program may listen there; try --port."
        )


def _read_http() -> None:
    with reading():
        importlib.import_module("kado.app.http")


def _archiver(settings: Settings, database: Embedded) -> Archiver | None:
    if settings.archive is None:
        return None
    return Archiver(database.running, Keep(settings.archive, settings.archive_days, settings.archive_gb))


async def _run(
    settings: Settings,
    host: str,
    listening: socket.socket,
    children: list[processes.Child],
    database: Embedded | None,
    archiver: Archiver | None,
    when_ready: Ready | None,
) -> None:
    stop = asyncio.Event()

    def leave() -> None:
        entrance.shut(listening)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, leave)
    beside = [asyncio.create_task(database.watch())] if database is not None else []
    admin_url = settings.database_url or (database.url if database is not None else "")
    await wait_for_database(admin_url, _DATABASE_WAIT_SECONDS)
    if archiver is not None:
        beside.append(asyncio.create_task(archiver.run()))
    elif database is not None:
        await forget_archive(database.running)
    url = await migrate(admin_url, settings.database_app_url, phase="all" if settings.migrates_at_start else "none")
    port = int(listening.getsockname()[1])
    working_until = asyncio.Event()
    worker_database = await open_database(settings, url)
    await warn_of_too_few_connections(settings, worker_database)
    working = asyncio.create_task(_work(settings, worker_database, working_until, leave))
    log.info("serving", version=__version__, host=host, port=port, processes=settings.processes)
    ready = asyncio.create_task(_announce(settings, url, port, when_ready)) if when_ready is not None else None
    greeting = asyncio.create_task(_greet(settings, worker_database)) if when_ready is None else None
    totals = Totals(METERS)
    try:
        async with watched.metrics(settings, totals):
            if children:
                await processes.supervise(children, url, host, port, listening, stop, totals)
            else:
                from kado.app import http  # noqa: PLC0415 - being read since the start

                await http.serve(settings, url, listening, stop)
    finally:
        for task in (ready, greeting):
            if task is not None:
                task.cancel()
        working_until.set()
        await working  # seals the last entries
        await worker_database.close()
        for task in beside:
            task.cancel()
        log.info("stopped")


async def _greet(settings: Settings, database: Database) -> None:
    """Say how to go on, to whoever starts a server on which there is no shop yet.

    The code is told to a person alone: what is not a terminal is kept by somebody, and a log holds no secret.
    """
    first_setup = await asyncio.to_thread(importlib.import_module, "kado.access.first_setup")
    if not await first_setup.is_open(database):
        return
    address = f"{settings.public_url}/console/setup"
    if sys.stdout.isatty():
        code = first_setup.code_of(settings.keyring)
        print(f"\nThis server has no shop yet. Set it up at {address}\nSetup code: {code}\n")  # noqa: T201
    else:
        log.info("no shop yet", setup=address, code="kado setup-code")


async def _work(settings: Settings, database: Database, until: asyncio.Event, leave: Callable[[], None]) -> None:
    """What only a worker needs is read last: tills wait for their answers, and a mail does not."""
    try:
        background = await asyncio.to_thread(importlib.import_module, "kado.app.background")
    except Exception:
        leave()  # nothing would be sealed here
        raise
    await background.work(settings, database, until)


async def _announce(settings: Settings, url: str, port: int, when_ready: Ready) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            break
    await asyncio.to_thread(when_ready, settings, url, port)


def _give_up(message: str) -> NoReturn:
    print(f"kado: {message}", file=sys.stderr)  # noqa: T201 - for the person who started it
    raise SystemExit(1)
