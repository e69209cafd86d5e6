"""`kado backup`: one file with everything that is in the database, made while the server works."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from kado import settings as configuration
from kado.doors.cli.output import AsJson, example, print_json, wrong_usage
from kado.doors.cli.session import command, try_to_note
from kado.settings import Settings
from kado.storage import embedded
from kado.storage.backup.file import open_backup
from kado.storage.backup.last import Noted, note_backup
from kado.storage.backup.locks import Locker, read_key_file
from kado.storage.backup.make import Made, back_up_cluster, back_up_database
from kado.storage.backup.restore_cluster import check as read_through

EXAMPLE: Final = example("kado backup /mnt/backups --key-file /etc/kado/backup.key")

KeyFile = Annotated[Path | None, typer.Option(help="A file with 32 secret bytes or more that locks the backup.")]
Passphrase = Annotated[
    bool, typer.Option("--passphrase", help="Lock it with a passphrase, asked for or read from standard input.")
]


def backup(
    place: Annotated[Path, typer.Argument(help="A folder, or the name of the new file.")],
    key_file: KeyFile = None,
    passphrase: Passphrase = False,
    dump: Annotated[
        bool, typer.Option("--dump", help="A dump also of the embedded database: for another version of PostgreSQL.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Read the file from its beginning to its end once it is there.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Make a backup of the database, whole and as of one moment, while the server works.

    The secret key is not in it: keep a copy of that elsewhere. With the same --key-file or --passphrase the backup is
    encrypted. `kado restore` brings it back.
    """
    _backup(place, locker(key_file, passphrase, twice=True), dump, check, json)


@command
async def _backup(place: Path, lock: Locker, as_dump: bool, is_checked: bool, as_json: bool) -> None:
    settings = configuration.load(make_secret=False)
    with progress("backing up") as tell:
        if settings.database_url is not None:
            await _note(settings.database_url, place, lock, as_dump=True)
            made = await back_up_database(settings.database_url, place, settings.keyring, lock, tell)
        else:
            with embedded.run_or_join(settings.data_dir) as running:
                await _note(running.url, place, lock, as_dump=as_dump)
                if as_dump:
                    made = await back_up_database(running.url, place, settings.keyring, lock, tell)
                else:
                    made = await back_up_cluster(running, place, settings.keyring, lock, tell)
    if is_checked:
        with progress("checking the file") as tell:
            read_through(open_backup(made.path, lock), tell)
    note_backup(settings.data_dir, _noted(made, is_checked))
    if as_json:
        print_json(_members(made) | {"checked": is_checked})
    else:
        _print(made, settings, is_checked)


def _noted(made: Made, is_checked: bool) -> Noted:
    head = made.head
    return Noted(
        path=str(made.path.absolute()),
        size=made.size,
        kind=head.kind,
        made_at=head.made_at,
        is_encrypted=head.lock is not None,
        is_checked=is_checked,
    )


async def _note(url: str, place: Path, lock: Locker, *, as_dump: bool) -> None:
    """Before anything leaves: whoever ends the command in time must not be unknown. The backup has the row too."""
    facts = {"place": str(place), "kind": "dump" if as_dump else "cluster", "encrypted": lock.describe() is not None}
    await try_to_note(url, "database:backup-begun", **facts)


def _members(made: Made) -> dict[str, object]:
    return {
        "file": str(made.path),
        "bytes": made.size,
        "kind": made.head.kind,
        "madeAt": made.head.made_at,
        "schema": made.head.schema,
        "postgres": made.head.postgres,
        "encrypted": made.head.lock is not None,
        "secretKeys": made.head.keys,
    }


def _print(made: Made, settings: Settings, is_checked: bool) -> None:
    lock = f"encrypted with a {made.head.lock['with']}" if made.head.lock else "NOT encrypted"
    print(f"{made.path} ({made.size:,} bytes, schema {made.head.schema}, {lock}) is complete.")
    if is_checked:
        print("It was read to its end: nothing is missing and nothing is damaged.")
    print(f"To bring it back: kado restore {made.path} --into <an empty folder>")
    print()
    where = (
        "in KADO_SECRET_KEY" if not (settings.data_dir / "secret.key").exists() else settings.data_dir / "secret.key"
    )
    print(f"THE SECRET KEY IS NOT IN IT. Without key {', '.join(made.head.keys)} ({where}) no card number can be read")
    print("and no code compared. Keep a copy of it, and of the settings, in another place than the backups.")


def locker(key_file: Path | None, passphrase: bool, *, twice: bool = False) -> Locker:
    """What locks or opens a backup, from wherever it comes. Raises `BadParameter`, `BackupError`."""
    if key_file is not None and passphrase:
        raise wrong_usage("Choose one: --key-file or --passphrase.")
    if passphrase and sys.stdin.isatty():
        said: str = typer.prompt("Passphrase of the backup", hide_input=True, confirmation_prompt=twice, err=True)
        return Locker(passphrase=said)
    if passphrase:
        return Locker(passphrase=sys.stdin.readline().rstrip("\r\n"))
    return Locker(key=read_key_file(key_file) if key_file is not None else None)


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """What is told how many bytes are done, and of how many; shown on a terminal, and there only."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    columns = (TextColumn(what), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(what, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=max(done, total) or None)
