"""A print run is ordered: from now on the cards' codes are those on its paper."""

from datetime import datetime

from kado import audit
from kado.access.caller import Caller
from kado.cards.bulk import refusals
from kado.cards.bulk import store as bulk
from kado.cards.bulk.codes import is_in_use
from kado.cards.bulk.task import UNFINISHED
from kado.crypto import Keyring
from kado.ids import new_id
from kado.paper import runs
from kado.paper.card import Sheet
from kado.paper.runs import Run
from kado.storage.database import Connection, Database


async def order(database: Database, program_id: str, task_id: str, sheet: Sheet, caller: Caller) -> Run:
    """Order all cards of a bulk issue on paper, in the place of an earlier run and of its file.

    Raises `NotFound`, and `Refusal` for a task that has not ended, has no file, is too large, whose file is being
    downloaded, or whose cards are in use.
    """

    async def work(connection: Connection) -> Run:
        found = await bulk.read_task(connection, program_id, task_id, lock=True)
        if found is None or found[0].is_test is not caller.is_test:
            raise refusals.task_not_found()
        task, now = found
        if task.state in UNFINISHED:
            raise refusals.task_not_ended(task.state)
        if not task.has_file or task.issued == 0:
            raise refusals.no_file()
        if task.issued > runs.CARDS_MAX:
            raise runs.too_many()
        if task.download_until is not None and now < task.download_until:
            raise refusals.download_under_way()
        if await is_in_use(connection, program_id, task_id):
            raise refusals.cards_in_use()
        # One file at a time: each makes new codes, and only one can have the right ones.
        task.link = task.link_expires_at = task.download = task.download_until = None
        await bulk.write_task(connection, task)
        run = _new(program_id, task_id, task.merchant_id, task.issued, sheet, caller, now)
        await runs.insert(connection, run)
        await audit.record(
            connection,
            actor=caller.subject,
            action="bulk:paper-ordered",
            merchant_id=caller.merchant_id,
            program_id=program_id,
            subject=task_id,
            details={"cards": task.issued, "format": sheet.format},
        )
        return run

    return await database.repeat(work)


async def look(
    database: Database, keyring: Keyring, program_id: str, task_id: str, *, is_test: bool
) -> tuple[Run, str | None]:
    """How far the run has come, and the secret part of the file's address once it is there. Raises `NotFound`."""
    async with database.read() as connection:
        task = await bulk.read_task(connection, program_id, task_id)
        found = await runs.read(connection, program_id, task_id) if task is not None else None
    if task is None or task[0].is_test is not is_test:
        raise refusals.task_not_found()
    if found is None:
        raise runs.not_found()
    run, now = found
    return run, run.link_token(keyring, now)


def _new(
    program_id: str, task_id: str, merchant_id: str, cards: int, sheet: Sheet, caller: Caller, now: datetime
) -> Run:
    return Run(
        program_id=program_id,
        id=new_id(),
        task_id=task_id,
        merchant_id=merchant_id,
        actor=caller.subject,
        sheet=runs.packed(sheet),
        state=runs.PENDING,
        total=cards,
        printed=0,
        last_batch=0,
        claim=None,
        claimed_until=None,
        link=None,
        expires_at=now + runs.KEPT,
        error=None,
        created_at=now,
        touched_at=now,
        ended_at=None,
    )
