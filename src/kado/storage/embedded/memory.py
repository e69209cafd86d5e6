"""How much memory there is for all that runs here: the machine's, or what a container was given of it."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

_MB: Final = 2**20
_CONTAINER: Final = Path("/sys/fs/cgroup/memory.max")


def memory_mb(container: Path = _CONTAINER) -> int:
    """In megabytes. `container` is where Linux (cgroup v2) says what a container may use, if it is one."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // _MB
    with suppress(OSError, ValueError):  # none, or "max"
        return min(machine, int(container.read_text()) // _MB)
    return machine
