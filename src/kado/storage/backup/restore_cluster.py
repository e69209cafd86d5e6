"""Restoring the embedded database from a base backup, to the moment of the backup or to a later one."""

import re
import shlex
import shutil
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kado.storage.backup.errors import BackupError
from kado.storage.backup.file import Backup
from kado.storage.embedded.binaries import Binaries, find_binaries, readable_binaries
from kado.storage.embedded.cluster import workshop
from kado.storage.embedded.errors import NotStarted, explained
from kado.storage.embedded.place import Place, private_directory
from kado.storage.embedded.replace import replace_cluster
from kado.storage.embedded.segments import archived, row_from
from kado.storage.embedded.supervisor import alone, run_beside

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

LATEST: Final = datetime.max.replace(tzinfo=UTC)
"""As the moment to restore to: all that the archive has."""

_COPY_BYTES: Final = 2**18
_BEGINS: Final = re.compile(r"^START WAL LOCATION: .* \(file ([0-9A-F]{24})\)$", re.MULTILINE)
_LAST: Final = re.compile(r"last completed transaction was at log time (\S+ \S+)")


@dataclass(frozen=True)
class Restored:
    """What was done: until when the data reaches, as far as that was asked, and what was moved out of the way."""

    until: str | None
    kept: Path | None


def check(backup: Backup, tell: Callable[[int, int], None]) -> None:
    """Read all of it. Raises `BackupError` when it is not whole."""
    for _ in backup.data():
        tell(backup.read, backup.size)


def restore_cluster(
    backup: Backup,
    data_dir: Path,
    *,
    until: datetime | None = None,
    archive: Path | None = None,
    may_replace: bool = False,
    tell: Callable[[int, int], None] = lambda _done, _total: None,
) -> Restored:
    """Make the cluster of `data_dir` from a backup that was checked. What was there stays beside it.

    Raises `BackupError` or `EmbeddedError`; then everything is as it was.
    """
    with alone(data_dir) as place:
        if place.version is not None and not may_replace:
            raise BackupError(
                f"There is a database in {data_dir} already. Choose an empty data directory with --into, or say "
                "--replace: then what is there is moved aside, not deleted."
            )
        binaries = readable_binaries(find_binaries(backup.head.major), place.account, place.home)
        with workshop(place) as folder:
            fresh = replace(place, cluster=folder / "postgres")
            _unpack(backup, fresh, tell)
            settings = {"hot_standby": "off"}
            if until is not None:
                _lay_out(backup, fresh, archive)
                settings |= _recovery(folder / "wal", until)
            reached = _recover(fresh, binaries, settings)
            had_one = place.version is not None
            kept = place.home / f"postgres.before-restore-{datetime.now(UTC):%Y%m%dT%H%M%S}"
            replace_cluster(place, fresh.cluster, kept)
            return Restored(reached, kept if had_one else None)


def _unpack(backup: Backup, place: Place, tell: Callable[[int, int], None]) -> None:
    private_directory(place.cluster, place.account)
    try:
        with tarfile.open(fileobj=BufferedReader(_Stream(backup.data()), _COPY_BYTES), mode="r|") as tar:
            for member in tar:
                path = place.cluster / member.name
                # A backup is believed only as far as its own folder.
                if not path.resolve().is_relative_to(place.cluster.resolve()):
                    raise _foreign(backup)
                if member.isdir():
                    private_directory(path, place.account)
                elif member.isfile():
                    _write(tar, member, path, place)
                else:
                    raise _foreign(backup)
                tell(backup.read, backup.size)
    except tarfile.TarError:
        raise _foreign(backup) from None


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path, place: Place) -> None:
    source = tar.extractfile(member)
    assert source is not None, "it is a file"
    with path.open("xb") as target:
        shutil.copyfileobj(source, target, _COPY_BYTES)
    path.chmod(0o600)
    place.account.own(path)


def _lay_out(backup: Backup, place: Place, archive: Path | None) -> None:
    """Put the archived segments that follow the backup where PostgreSQL's user can read them."""
    wal = place.home / "wal"
    private_directory(wal, place.account)
    label = (place.cluster / "backup_label").read_text()
    begins = _BEGINS.search(label)
    if begins is None:
        raise _foreign(backup)
    of_system = archive / backup.head.system if archive is not None else None
    if of_system is None or not of_system.is_dir():
        raise BackupError(
            f"{archive or 'KADO_ARCHIVE, which is not set,'} has no archive of this database "
            f"({backup.head.system}). Name the right folder with --archive, or restore without --until."
        )
    with explained(of_system, "The archive"):
        segments = archived(sorted(folder for folder in of_system.iterdir() if folder.is_dir()))
        brought = {file.name for file in (place.cluster / "pg_wal").iterdir()}
        for name in row_from(begins[1], brought | segments.keys()):
            if name in segments:
                shutil.copyfile(segments[name], wal / name)
                place.account.own(wal / name)
    signal = place.cluster / "recovery.signal"
    signal.touch(mode=0o600)
    place.account.own(signal)


def _recovery(wal: Path, until: datetime) -> dict[str, str]:
    folder = shlex.quote(str(wal)).replace("%", "%%")
    settings = {
        "restore_command": f'cp {folder}/%f "%p"',
        "recovery_target_timeline": "current",
        "recovery_target_action": "promote",
        "log_min_messages": "log",
    }
    return settings if until == LATEST else settings | {"recovery_target_time": until.isoformat(" ")}


def _recover(place: Place, binaries: Binaries, settings: dict[str, str]) -> str | None:
    """Let PostgreSQL replay what there is, and stop it; the time of the last transaction, where it says one."""
    try:
        with run_beside(place, binaries, settings) as postmaster:
            found = _LAST.findall(postmaster.said())
    except NotStarted as error:
        raise _explained(error) from None
    return found[-1] if found else None


def _explained(error: NotStarted) -> BackupError:
    if "before configured recovery target was reached" in error.said:
        found = _LAST.findall(error.said)
        ends = f"at {found[-1]} UTC" if found else "before that"
        return BackupError(
            f"The archive ends {ends}, so that nobody can know what was there at the moment you named. "
            "Name an earlier one, or `--until latest` for all there is."
        )
    if "before consistent recovery point" in error.said:
        return BackupError("This backup was being made at the moment you named. Use an older backup.")
    return BackupError(f"The backup could not be brought back to life. {error}")


def _foreign(backup: Backup) -> BackupError:
    return BackupError(f"{backup.path} does not hold what a backup of Kado's database holds.")


class _Stream(RawIOBase):
    """The data of a backup as a file that can only be read from beginning to end."""

    def __init__(self, data: Iterator[bytes]) -> None:
        self._data = data
        self._rest = b""

    def readable(self) -> bool:
        """It can be."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """The next bytes; none at the end."""
        view = memoryview(buffer)
        self._rest = self._rest or next(self._data, b"")
        size = min(len(view), len(self._rest))
        view[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size
