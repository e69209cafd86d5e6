"""What the embedded database says when it cannot go on."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class EmbeddedError(Exception):
    """Says in one or two sentences what is wrong with the embedded database and what to do next."""


class NotStarted(EmbeddedError):
    """PostgreSQL ended instead of getting ready; `said` is what it wrote."""

    def __init__(self, message: str, said: str) -> None:
        super().__init__(message)
        self.said = said


_NEXT_STEP = {
    errno.ENOSPC: "Free some space on that disk and try again.",
    errno.EDQUOT: "Free some space in that quota and try again.",
    errno.EROFS: "Choose a data directory on a disk that can be written to.",
    errno.EACCES: "Run Kado as the user that owns the data directory, or choose a directory this user can write to.",
    errno.EPERM: "Run Kado as the user that owns the data directory, or choose a directory this user can write to.",
}


@contextmanager
def explained(place: Path, subject: str = "The embedded database") -> Iterator[None]:
    """Turn what the operating system refuses inside the block into an `EmbeddedError` that names path and cause."""
    try:
        yield
    except OSError as refusal:
        path = os.fsdecode(refusal.filename) if isinstance(refusal.filename, (str, bytes)) else str(place)
        cause = os.strerror(refusal.errno) if refusal.errno else str(refusal)
        step = _NEXT_STEP.get(refusal.errno or 0, "Correct that, or choose another place.")
        raise EmbeddedError(f"{subject} cannot use {path}: {cause}. {step}") from refusal
