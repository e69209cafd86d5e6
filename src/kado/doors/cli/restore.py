"""`kado restore`: a database from a backup, to the moment of the backup or to a later one, verified at the end."""

import asyncio
import os
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from kado import settings as configuration
from kado.cards.proof.findings import Report
from kado.cards.verify import verify
from kado.doors.cli.backup import KeyFile, locker, progress
from kado.doors.cli.output import AsJson, example, print_json, wrong_usage
from kado.doors.cli.session import in_one_sentence, note, session
from kado.doors.cli.verify import members, print_report
from kado.settings import SettingError, Settings
from kado.storage import embedded
from kado.storage.backup.errors import BackupError
from kado.storage.backup.file import Backup, open_backup
from kado.storage.backup.locks import Locker
from kado.storage.backup.restore_cluster import LATEST, check, restore_cluster
from kado.storage.backup.restore_dump import restore_dump
from kado.storage.migrate import REVISIONS, SCHEMA

EXAMPLE: Final = example('kado restore kado-2026-11-26T040000.backup --until "2026-11-26 12:00:00"')
_DAMAGED: Final = 3


def restore(
    file: Annotated[Path, typer.Argument(help="The backup.")],
    into: Annotated[
        str | None,
        typer.Option(
            help="A folder for the embedded database, or the URL of a database; the configured one if left out."
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(help="A moment in UTC (or with an offset such as +02:00), or `latest`: go on from the archive."),
    ] = None,
    archive: Annotated[Path | None, typer.Option(help="Where the archive is; KADO_ARCHIVE if left out.")] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="A database that is there already is moved aside (and not deleted).")
    ] = False,
    key_file: KeyFile = None,
    passphrase: Annotated[
        bool, typer.Option("--passphrase", help="It is locked with a passphrase: ask, or read it from standard input.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Make a database from a backup, and verify it.

    The file is read to its end before anything is touched. The secret key must be there already: KADO_SECRET_KEY, or
    secret.key in the folder. Exit code 0: restored, and the ledger agrees. 1: nothing was restored, all is as it was.
    3: restored, but the ledger does not agree; `kado verify` says where.
    """
    moment = _moment(until)
    with in_one_sentence():
        done, report = asyncio.run(_restore(file, into, moment, archive, replace, locker(key_file, passphrase)))
    if json:
        print_json(done | {"verified": members(report)})
    else:
        _print(done, report)
    if not report.is_clean:
        raise typer.Exit(_DAMAGED)


async def _restore(
    file: Path, into: str | None, until: datetime | None, archive: Path | None, may_replace: bool, lock: Locker
) -> tuple[dict[str, object], Report]:
    backup = open_backup(file, lock)
    settings = _settings(backup, into)
    _refuse_unfit(backup, settings, until)
    with progress("checking the file") as tell:
        check(backup, tell)
    done: dict[str, object] = {"file": str(file), "madeAt": backup.head.made_at, "schema": backup.head.schema}
    with progress("restoring") as tell:
        if backup.head.kind == "cluster":
            restored = restore_cluster(
                backup,
                settings.data_dir,
                until=until,
                archive=archive or settings.archive,
                may_replace=may_replace,
                tell=tell,
            )
            done |= {"into": str(settings.data_dir), "until": restored.until, "movedAside": _text(restored.kept)}
        else:
            done |= await _restore_dump(backup, settings, may_replace)
    async with session(settings=settings) as (database, _):
        facts = {"madeAt": backup.head.made_at, "schema": backup.head.schema, "until": done["until"]}
        await note(database, "database:restored", **facts)
        with progress("verifying") as tell:
            return done, await verify(database, settings.keyring, progress=tell)


async def _restore_dump(backup: Backup, settings: Settings, may_replace: bool) -> dict[str, object]:
    with ExitStack() as stack:
        url = settings.database_url or stack.enter_context(embedded.connect_or_start(settings.data_dir))
        kept = await restore_dump(backup, url, may_replace=may_replace)
    place = "the database of KADO_DATABASE_URL" if settings.database_url else str(settings.data_dir)
    return {"into": place, "until": None, "movedAside": kept and f"schema {kept}"}


def _settings(backup: Backup, into: str | None) -> Settings:
    """The settings for the restored database. Raises `BackupError` when the secret key is not there or another one."""
    environ = dict(os.environ)
    if into is not None and "://" in into:
        environ["KADO_DATABASE_URL"] = into
    elif into is not None:
        environ |= {"KADO_DATA_DIR": into, "KADO_DATABASE_URL": ""}
    needed = ", ".join(backup.head.keys)
    try:
        settings = configuration.load(environ, make_secret=False)
    except SettingError as error:
        if "no secret key" not in str(error):
            raise
        raise BackupError(
            f"This backup needs the secret key {needed}, and there is none. Set KADO_SECRET_KEY, or copy the secret "
            "key's file (secret.key, mode 0600) into the folder first. Nothing was restored."
        ) from None
    missing = set(backup.head.keys) - {version.hex() for version in settings.keyring.versions}
    if missing:
        raise BackupError(
            f"This backup needs the secret key {needed}, but the one given is "
            f"{', '.join(version.hex() for version in settings.keyring.versions)}. Nothing was restored."
        )
    return settings


def _refuse_unfit(backup: Backup, settings: Settings, until: datetime | None) -> None:
    if backup.head.schema not in REVISIONS:
        raise BackupError(
            f"This backup has schema {backup.head.schema}, which is newer than this version of Kado ({SCHEMA}). "
            f"Install Kado {backup.head.kado} or later."
        )
    if backup.head.kind == "cluster" and settings.database_url is not None:
        raise BackupError(
            "This is a backup of an embedded database and goes into a data directory: name it with --into. "
            "For a database of your own, make one with `kado backup --dump`."
        )
    if until is not None and until < datetime.fromisoformat(backup.head.made_at):
        raise BackupError(
            f"This backup was made at {backup.head.made_at}, after the moment you named. Use an older backup."
        )
    if backup.head.kind == "dump" and until is not None:
        raise BackupError("A dump is what was there at one moment; --until needs a backup of the embedded database.")


def _moment(text: str | None) -> datetime | None:
    if text is None or text == "latest":
        return None if text is None else LATEST
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise wrong_usage('--until is a moment such as "2026-11-26 12:00:00", or `latest`.') from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _print(done: dict[str, object], report: Report) -> None:
    reached = f"; the last transaction in it is of {done['until']} UTC" if done["until"] else ""
    print(f"Restored into {done['into']} from the backup of {done['madeAt']}{reached}.")
    if done["movedAside"]:
        print(f"What was there before is in {done['movedAside']}. Delete it when you are sure.")
    print_report(report)
    if done["until"]:
        print("The old archive ends here. Make a new backup soon: the new archive begins with it.")
