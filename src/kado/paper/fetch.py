"""A print run is fetched: one PDF, or, where there are several pieces, a ZIP file of them, sent piece by piece.

What breaks off can be fetched again. What was handed over to its last byte is deleted, with its codes.
"""

import io
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass

from kado import audit
from kado.access.caller import Caller
from kado.cards.bulk import refusals
from kado.cards.bulk import store as bulk
from kado.crypto import Keyring, equal
from kado.paper import runs
from kado.paper.runs import Run
from kado.storage.database import Connection, Database


@dataclass(frozen=True, slots=True)
class Fetched:
    """A run whose file is on its way; `pieces` are their numbers."""

    run: Run
    pieces: tuple[int, ...]

    @property
    def is_one(self) -> bool:
        """Whether the file is a PDF by itself."""
        return len(self.pieces) == 1


async def begin(
    database: Database, keyring: Keyring, program_id: str, task_id: str, token: str, caller: Caller
) -> Fetched:
    """The run behind this address. Raises `NotFound` for one that leads nowhere."""

    async def work(connection: Connection) -> Fetched:
        task = await bulk.read_task(connection, program_id, task_id)
        found = await runs.read(connection, program_id, task_id, lock=True) if task is not None else None
        if task is None or found is None or task[0].is_test is not caller.is_test:
            raise refusals.file_not_found()
        run, now = found
        right = run.link_token(keyring, now)
        if right is None or not equal(token.encode("utf-8", "replace"), right.encode()):
            raise refusals.file_not_found()
        rows = await connection.fetch(
            "SELECT number FROM print_piece WHERE program_id = $1 AND run_id = $2 ORDER BY number", program_id, run.id
        )
        await audit.record(
            connection,
            actor=caller.subject,
            action="bulk:paper-taken",
            merchant_id=caller.merchant_id,
            program_id=program_id,
            subject=task_id,
            details={"cards": run.printed},
        )
        return Fetched(run, tuple(row["number"] for row in rows))

    return await database.repeat(work)


async def parts(database: Database, keyring: Keyring, fetched: Fetched) -> AsyncIterator[bytes]:
    """The file, a piece at a time; when all of it has been handed over, the run is gone."""
    if fetched.is_one:
        yield await _piece(database, keyring, fetched.run, fetched.pieces[0])
    else:
        sink = _Sink()
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as file:
            for number in fetched.pieces:
                made = await _piece(database, keyring, fetched.run, number)
                at = fetched.run.created_at
                named = zipfile.ZipInfo(
                    f"gift-cards-{number:04}.pdf", (at.year, at.month, at.day, at.hour, at.minute, 0)
                )
                named.external_attr = 0o600 << 16
                file.writestr(named, made)
                del made
                yield sink.taken()
        yield sink.taken()
    await _forget(database, fetched.run)


async def _piece(database: Database, keyring: Keyring, run: Run, number: int) -> bytes:
    async with database.read() as connection:
        sealed = await connection.fetchval(
            "SELECT content FROM print_piece WHERE program_id = $1 AND run_id = $2 AND number = $3",
            run.program_id,
            run.id,
            number,
        )
    if sealed is None:  # another run was ordered meanwhile, and its codes are the right ones
        raise refusals.file_not_found()
    return keyring.decrypt("stored-secret", sealed, run.bound(str(number)))


async def _forget(database: Database, run: Run) -> None:
    async with database.read() as connection:
        await connection.execute("DELETE FROM print_run WHERE program_id = $1 AND id = $2", run.program_id, run.id)


class _Sink(io.RawIOBase):
    """What a ZIP file is written to when it is sent at once: it cannot be gone back in."""

    def __init__(self) -> None:
        super().__init__()
        self._written: list[bytes] = []

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: object) -> int:
        """Keep it until it is taken."""
        part = bytes(data)  # type: ignore[call-overload]
        self._written.append(part)
        return len(part)

    def taken(self) -> bytes:
        """What was written since the last time."""
        part = b"".join(self._written)
        self._written.clear()
        return part
