"""What a process says of itself: memory, time, open files, and how late its event loop is."""

import asyncio
import os
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from kado.observability.meters import CPU_SECONDS, LOOP_LAG, MEMORY, OPEN_FILES, PROCESSES
from kado.observability.tally import Labels

_LOOK_SECONDS: Final = 0.5
_PAGE_BYTES: Final = resource.getpagesize()
_PROC: Final = Path("/proc/self")


@contextmanager
def shown_as(name: str) -> Iterator[None]:
    """Inside, this process shows itself under a name. Once in a process, on its event loop."""
    labels = (name,)
    PROCESSES.show({labels: 1})
    MEMORY.read_from(lambda: {labels: _memory_bytes()})
    OPEN_FILES.read_from(lambda: _open_files(labels))
    looking = asyncio.create_task(_look(labels))
    try:
        yield
    finally:
        looking.cancel()


async def _look(labels: Labels) -> None:
    used = 0
    loop = asyncio.get_running_loop()
    while True:
        planned = loop.time() + _LOOK_SECONDS
        await asyncio.sleep(_LOOK_SECONDS)
        LOOP_LAG.note(max(0, int((loop.time() - planned) * 1e9)), labels)
        now = time.process_time_ns()
        CPU_SECONDS.add(labels, now - used)
        used = now


def _memory_bytes() -> int:
    with suppress(OSError):
        return int((_PROC / "statm").read_text().split()[1]) * _PAGE_BYTES
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # elsewhere than on Linux: the most it ever had
    return most if sys.platform == "darwin" else most * 1024


def _open_files(labels: Labels) -> dict[Labels, int]:
    with suppress(OSError):
        return {labels: len(os.listdir(_PROC / "fd"))}
    return {}
