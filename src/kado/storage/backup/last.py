"""When the last backup was made: a mark in the data directory, for whoever watches that there is one every night."""

import time
from contextlib import suppress
from pathlib import Path
from typing import Final

_MARK: Final = "last-backup"


def note_backup(data_dir: Path) -> None:
    """One was made just now. A directory that this user may not write to keeps no mark; the backup is as good."""
    with suppress(OSError):
        (data_dir / _MARK).touch(mode=0o644)


def seconds_since_backup(data_dir: Path) -> int | None:
    """How long ago; None where none is known of."""
    with suppress(OSError):
        return max(0, int(time.time() - (data_dir / _MARK).stat().st_mtime))
    return None
