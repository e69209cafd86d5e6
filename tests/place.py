"""Where tests keep what they write: in memory, where there is plenty, as they make databases by the thousand."""

import os
import shutil
from pathlib import Path
from typing import Final

_MEMORY: Final = Path("/dev/shm")
_NEEDED_BYTES: Final = 6 * 1024**3


def _is_fit(folder: Path) -> bool:
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        return False
    may_run_programs = not os.statvfs(folder).f_flag & os.ST_NOEXEC
    return may_run_programs and shutil.disk_usage(folder).free > _NEEDED_BYTES


PLACE: Final = str(_MEMORY if _is_fit(_MEMORY) else Path("/tmp"))
"""A folder with a short name that every user can pass through."""
