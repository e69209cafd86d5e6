"""Messages as files in a directory, for a first try, for tests and for shops that fetch them from there."""

import asyncio
import os
import secrets
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import SplitResult, unquote

from kado.delivery.failures import TemporaryFailure


class Folder:
    """A directory into which each message falls whole: readers never see half a file, and names sort by time."""

    def __init__(self, url: SplitResult, suffix: str) -> None:
        self._directory = Path(unquote(url.path))
        self._suffix = suffix

    async def put(self, content: bytes) -> None:
        """Keep the content as a file that only its owner can read. Raises `TemporaryFailure`."""
        try:
            await asyncio.to_thread(self._put, content)
        except OSError as error:
            raise TemporaryFailure(f"the folder for messages cannot be written ({error.strerror})") from None

    def _put(self, content: bytes) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(4)}{self._suffix}"
        unfinished = self._directory / f".{name}.part"
        try:
            with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            unfinished.rename(self._directory / name)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise
