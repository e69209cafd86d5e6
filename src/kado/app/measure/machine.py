"""What a measurement was made on: figures of two machines are not compared, but people will want to."""

import os
import platform
import time
from pathlib import Path

_PAGE = bytes(8192)
_CPU = Path("/proc/cpuinfo")
_MEMORY = Path("/proc/meminfo")


def describe(folder: Path, postgres: str) -> dict[str, str | int | float]:
    """Processor, memory, system, versions, and how often a second the disk of `folder` says that a page is safe."""
    return {
        "processor": _line(_CPU, "model name") or platform.processor() or platform.machine(),
        "cores": os.cpu_count() or 1,
        "coresAllowed": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "memoryGb": round(int((_line(_MEMORY, "MemTotal") or "0").split()[0]) / 2**20, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "postgres": postgres,
        "disk": filesystem(folder),
        "fsyncsPerSecond": fsyncs(folder),
    }


def fsyncs(folder: Path, seconds: float = 0.7) -> int:
    """How often a second a page that was written to this folder's disk is said to be safe there."""
    file = folder / ".kado-fsync"
    sync = getattr(os, "fdatasync", os.fsync)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, _PAGE * 128)
        os.fsync(descriptor)
        count, began = 0, time.perf_counter()
        while time.perf_counter() < began + seconds:
            os.pwrite(descriptor, _PAGE, len(_PAGE) * (count % 128))
            sync(descriptor)
            count += 1
        return round(count / (time.perf_counter() - began))
    finally:
        os.close(descriptor)
        file.unlink()


def filesystem(folder: Path) -> str:
    """The kind of file system that a folder is on; `tmpfs` is memory and no disk."""
    best, kind = "", "unknown"
    mounts = Path("/proc/mounts")
    for line in mounts.read_text().splitlines() if mounts.exists() else []:
        _, place, found, *_ = line.split(" ")
        inside = f"{folder.resolve()}/".startswith(place.rstrip("/") + "/")
        if inside and len(place) >= len(best):
            best, kind = place, found
    return kind


def _line(file: Path, name: str) -> str | None:
    """What stands behind the name in a file of the kernel."""
    if not file.exists():
        return None
    found = (line.partition(":")[2].strip() for line in file.read_text().splitlines() if line.startswith(name))
    return next(found, None)
