"""Works tasks off, batch by batch. The lock on the task's row is the claim: it ends with whoever held it."""

from typing import Final

import asyncpg
import structlog

from kado import audit
from kado.cards import store as cards_store
from kado.cards.bulk import store
from kado.cards.bulk.batch import make_batch, write_batch
from kado.cards.bulk.task import FAILED, UNFINISHED, Task
from kado.crypto import Keyring
from kado.errors import Refusal, Unavailable
from kado.storage.database import Connection, Database

_TRIES: Final = 5
_log: Final = structlog.get_logger("kado.bulk")


async def issue_next_batch(database: Database, keyring: Keyring) -> bool:
    """Issue a batch of the task that has waited longest. False where there is none, or others are at all of them.

    The cards and the task's progress are one transaction, so a batch exists wholly or not at all, and is known to.
    What a task cannot get over ends it as failed, with what was issued before. Raises `Unavailable` while the database
    is away; the task is then as it was.
    """
    tasks: list[Task] = []

    async def work(connection: Connection) -> bool:
        task = await store.lock_waiting(connection)
        if task is None:
            return False
        await store.keyed_only(connection)
        tasks.append(task)
        await _advance(connection, keyring, task)
        return True

    for attempt in range(1, _TRIES + 1):
        try:
            return await database.repeat(work)
        except Unavailable:
            raise
        except Refusal as refusal:
            await _fail(database, keyring, tasks[-1], refusal.detail)
            return True
        except Exception as error:
            # A number that somebody drew a moment ago is drawn anew. Anything else would only happen again.
            if isinstance(error, asyncpg.UniqueViolationError) and attempt < _TRIES:
                continue
            if not tasks:
                raise
            # Neither its text nor its traceback: both could hold a name or an address.
            _log.error("bulk.broken", task=tasks[-1].id, error=type(error).__name__)
            await _fail(database, keyring, tasks[-1], f"an error in the program ({type(error).__name__})")
            return True
    raise AssertionError("unreachable")


async def _advance(connection: Connection, keyring: Keyring, task: Task) -> None:
    """One batch of a locked task. The clock is read by a statement that reads the program: the sealer counts on it."""
    programs, now = await cards_store.read_programs(connection, [task.program_id])
    batch = await store.next_batch(connection, task)
    program = programs[task.program_id]
    made = await make_batch(connection, keyring, task, batch, program, now)
    await write_batch(connection, task, batch, made, program, now)
    task.add(batch.size, keyring, now)
    await store.write_task(connection, task)


async def _fail(database: Database, keyring: Keyring, task: Task, reason: str) -> None:
    """Give the task up, unless somebody else has got further with it."""

    async def work(connection: Connection) -> None:
        found = await store.read_task(connection, task.program_id, task.id, lock=True)
        assert found is not None, "tasks are never deleted"
        locked, now = found
        if locked.state in UNFINISHED and locked.issued == task.issued:
            locked.error = reason
            before = locked.state
            locked.end(FAILED, keyring, now)
            await store.write_task(connection, locked)
            await audit.record(
                connection,
                actor="system:worker",
                action="bulk:failed",
                merchant_id=locked.merchant_id,
                program_id=locked.program_id,
                subject=locked.id,
                details={"reason": reason, "issued": locked.issued, "of": locked.total},
                before={"state": before},
                after={"state": FAILED},
            )

    await database.repeat(work)
    _log.warning("bulk.failed", program=task.program_id, task=task.id, issued=task.issued, of=task.total)
