"""What a print run is: all cards of a bulk issue on paper, made piece by piece. No I/O but its own rows.

Its pieces are encrypted, and kept until they were fetched, or for three days. What is fetched is gone.
"""

import json
import secrets
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Final

from kado.cards.bulk.refusals import Conflicting
from kado.crypto import Keyring, Undecipherable
from kado.errors import NotFound, Refusal
from kado.paper.card import Sheet
from kado.storage.database import Connection

CARDS_MAX: Final = 10_000
"""Cards of one run. Ten thousand labels are about forty megabytes, on pages of their own three times as much."""
KEPT: Final = timedelta(hours=72)
CLAIM: Final = timedelta(minutes=2)
"""How long somebody may take for a piece before another one may take its place."""

PENDING, PROCESSING, COMPLETED, FAILED = "pending", "processing", "completed", "failed"
UNFINISHED: Final = (PENDING, PROCESSING)


@dataclass(slots=True)
class Run:
    """A row of `print_run`; the fields stand in the order of its columns."""

    program_id: str
    id: str
    task_id: str
    merchant_id: str
    actor: str
    sheet: str
    state: str
    total: int
    printed: int
    last_batch: int
    claim: bytes | None
    claimed_until: datetime | None
    link: bytes | None
    expires_at: datetime
    error: str | None
    created_at: datetime
    touched_at: datetime
    ended_at: datetime | None

    @property
    def paper(self) -> Sheet:
        """What it is printed on."""
        return Sheet(**json.loads(self.sheet, parse_float=str))

    def bound(self, what: str) -> bytes:
        """What an encryption of this run is bound to."""
        return f"print:{self.program_id}:{self.id}:{what}".encode()

    def end(self, keyring: Keyring, now: datetime) -> None:
        """All of it is ready: from now on it can be fetched."""
        self.state, self.ended_at, self.claim, self.claimed_until = COMPLETED, now, None, None
        self.link = keyring.encrypt("stored-secret", secrets.token_hex(32).encode(), self.bound("link"))
        self.expires_at = now + KEPT

    def link_token(self, keyring: Keyring, now: datetime) -> str | None:
        """The secret part of the file's address; None where there is no file (yet, or any more)."""
        if self.link is None or now >= self.expires_at:
            return None
        try:
            return keyring.decrypt("stored-secret", self.link, self.bound("link")).decode()
        except Undecipherable:  # the operator took the secret away that hid it: the run can be ordered again
            return None


COLUMNS: Final = ", ".join(field.name for field in fields(Run))


def packed(sheet: Sheet) -> str:
    """What the paper is, as it is stored."""
    return json.dumps(asdict(sheet))


async def insert(connection: Connection, run: Run) -> None:
    """Write a new one in the place of the task's last one, whose pieces go with it."""
    await remove(connection, run.program_id, run.task_id)
    await connection.execute(
        "INSERT INTO print_run (program_id, id, task_id, merchant_id, actor, sheet, state, total, expires_at)"
        " VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7, $8, $9)",
        run.program_id,
        run.id,
        run.task_id,
        run.merchant_id,
        run.actor,
        run.sheet,
        run.state,
        run.total,
        run.expires_at,
    )


async def remove(connection: Connection, program_id: str, task_id: str) -> None:
    """Take the task's run away, with its pieces, if there is one."""
    await connection.execute("DELETE FROM print_run WHERE program_id = $1 AND task_id = $2", program_id, task_id)


async def read(
    connection: Connection, program_id: str, task_id: str, *, lock: bool = False
) -> tuple[Run, datetime] | None:
    """The task's run, and the database's time; with `lock` it is ours until the transaction ends."""
    row = await connection.fetchrow(
        f"SELECT {COLUMNS}, clock_timestamp() FROM print_run WHERE program_id = $1 AND task_id = $2"
        + (" FOR UPDATE" if lock else ""),
        program_id,
        task_id,
    )
    return None if row is None else (Run(*row[:-1]), row[-1])


async def lock_claimed(connection: Connection, run: Run) -> Run | None:
    """The run as it is now, if it is still ours by the mark that we left on it; locked."""
    row = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM print_run WHERE program_id = $1 AND id = $2 AND claim = $3 FOR UPDATE",
        run.program_id,
        run.id,
        run.claim,
    )
    return None if row is None else Run(*row)


async def lock_waiting(connection: Connection, task_id: str | None) -> tuple[Run, datetime] | None:
    """The unfinished run that has waited longest and that nobody is at, locked; with a task only that one's.

    Found first and locked then: rows of several programs may lie on several machines, where none can lock them all.
    """
    waiting = await connection.fetch(
        "SELECT program_id, id FROM print_run WHERE state IN ('pending', 'processing')"
        " AND ($1::text IS NULL OR task_id = $1)"
        " AND (claimed_until IS NULL OR claimed_until < clock_timestamp()) ORDER BY touched_at LIMIT 50",
        task_id,
    )
    for place in waiting:
        row = await connection.fetchrow(
            f"SELECT {COLUMNS}, clock_timestamp() FROM print_run WHERE program_id = $1 AND id = $2"
            " AND state IN ('pending', 'processing')"
            " AND (claimed_until IS NULL OR claimed_until < clock_timestamp()) FOR UPDATE SKIP LOCKED",
            *place,
        )
        if row is not None:
            return Run(*row[:-1]), row[-1]
    return None


async def write(connection: Connection, run: Run) -> None:
    """Everything about a locked run that may have changed."""
    await connection.execute(
        "UPDATE print_run SET state = $3, printed = $4, last_batch = $5, claim = $6, claimed_until = $7, link = $8,"
        " expires_at = $9, error = $10, touched_at = $11, ended_at = $12 WHERE program_id = $1 AND id = $2",
        run.program_id,
        run.id,
        run.state,
        run.printed,
        run.last_batch,
        run.claim,
        run.claimed_until,
        run.link,
        run.expires_at,
        run.error,
        run.touched_at,
        run.ended_at,
    )


def not_found() -> NotFound:
    """No paper was ordered, or it was fetched, or its time is over."""
    return NotFound("print_run_not_found", "There is no print run of this bulk issue; one can be ordered.")


def too_many() -> Refusal:
    """A printer wants the file of numbers and codes then."""
    return Conflicting("print_run_too_large", f"A print run has at most {CARDS_MAX} cards; use the CSV file instead.")
