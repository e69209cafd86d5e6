"""Which backups were made: a mark and a list in the data directory, for whoever sees to it that there are any."""

import json
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

_MARK: Final = "last-backup"
_LIST: Final = "backups.jsonl"
_TAIL_BYTES: Final = 64 * 1024
"""So much of the list's end is read: some hundred backups."""


@dataclass(frozen=True, slots=True)
class Noted:
    """A backup that was made: where it was put, how large it was, and whether it was read to its end afterwards."""

    path: str
    size: int
    kind: str
    made_at: str
    is_encrypted: bool
    is_checked: bool

    @property
    def at(self) -> datetime:
        """Of when it is."""
        return datetime.fromisoformat(self.made_at)

    @property
    def is_there(self) -> bool:
        """Whether a file of this size lies where it was put, as far as this machine can see."""
        with suppress(OSError, ValueError):
            return Path(self.path).stat().st_size == self.size
        return False


def note_backup(data_dir: Path, made: Noted | None = None) -> None:
    """One was made just now. A directory that this user may not write to keeps no mark; the backup is as good."""
    with suppress(OSError):
        (data_dir / _MARK).touch(mode=0o644)
        if made is not None:
            # One write of a short line: two backups that end together do not mix theirs.
            with (data_dir / _LIST).open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(asdict(made)) + "\n")


def made_backups(data_dir: Path, limit: int) -> list[Noted]:
    """The latest backups, newest first. A line that cannot be read is left out."""
    found = []
    with suppress(OSError):
        with (data_dir / _LIST).open("rb") as stream:
            stream.seek(max(0, stream.seek(0, 2) - _TAIL_BYTES))
            lines = stream.read().decode(errors="replace").splitlines()
        for line in reversed(lines):
            with suppress(ValueError, TypeError):
                one = Noted(**json.loads(line))
                _ = one.at
                found.append(one)
            if len(found) == limit:
                break
    return found


def seconds_since_backup(data_dir: Path) -> int | None:
    """How long ago; None where none is known of."""
    with suppress(OSError):
        return max(0, int(time.time() - (data_dir / _MARK).stat().st_mtime))
    return None
