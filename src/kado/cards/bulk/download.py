"""The file of a bulk issue: numbers and codes, as CSV, once.

Codes are made while the file is sent, so that none waits in a table; on the card stays the keyed hash. A download that
broke off can be repeated, and makes new codes, until one was handed over to its last byte. Which cards get one, says
`codes.py`.

Every cell is made of digits, capital letters, a decimal point or a time: no spreadsheet takes one for a formula.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from kado import audit, clock
from kado.access.caller import Caller
from kado.audit.looks import of_look
from kado.audit.origin import origin
from kado.cards.bulk import refusals, store
from kado.cards.bulk.codes import Coded, give_codes, is_in_use
from kado.cards.bulk.task import UNFINISHED, Task
from kado.crypto import Keyring, equal
from kado.errors import Unavailable
from kado.programs.program import Program
from kado.storage.database import Connection, Database

HEADER: Final = b"number,code,lastFourDigits,cardId,value,currency,expiresAt\r\n"
_SILENCE: Final = timedelta(seconds=30)
"""How long a download may take from one part to the next before another one may take its place."""


@dataclass(frozen=True, slots=True)
class Download:
    """A download that has the file to itself."""

    task: Task
    program: Program
    mark: bytes
    actor: str


async def begin(
    database: Database, keyring: Keyring, program: Program, task_id: str, token: str, caller: Caller
) -> Download:
    """Take the file for one download. Raises `NotFound` for a link that leads nowhere, `Refusal` while one is at it."""
    mark = secrets.token_bytes(16)

    async def work(connection: Connection) -> Download:
        found = await store.read_task(connection, program.id, task_id, lock=True)
        if found is None or found[0].is_test is not caller.is_test:
            raise refusals.file_not_found()
        task, now = found
        right = task.link_token(keyring, now)
        if right is None or not equal(token.encode("utf-8", "replace"), right.encode()):
            raise refusals.file_not_found()
        if task.download_until is not None and now < task.download_until:
            raise refusals.download_under_way()
        task.download, task.download_until = mark, now + _SILENCE
        await store.write_task(connection, task)
        await _note(connection, caller, task, "bulk:codes-taken")
        return Download(task, program, mark, caller.subject)

    return await database.repeat(work)


async def lines(database: Database, keyring: Keyring, download: Download) -> AsyncIterator[bytes]:
    """The file, a batch of cards at a time. When all of it has been handed over, the link is used up.

    Raises `Refusal` where another download has taken its place meanwhile.
    """
    task = download.task
    yield HEADER
    number = 0
    while True:
        # A task of its own: where the client leaves in the middle, this part is finished all the same.
        making = asyncio.create_task(_make_part(database, keyring, download, number))
        part = await asyncio.shield(making)
        if part is None:
            break
        number, text = part
        yield text
    async with database.read() as connection:
        await connection.execute(
            "UPDATE bulk_task SET link = NULL, link_expires_at = NULL, download = NULL, download_until = NULL"
            " WHERE program_id = $1 AND id = $2 AND download = $3",
            task.program_id,
            task.id,
            download.mark,
        )


async def let_go(database: Database, download: Download) -> None:
    """It broke off: the next one need not wait. Does nothing after a download that came to its end.

    While the database is away it does nothing either: silence makes room too, a little later.
    """
    with suppress(Unavailable):
        async with database.read() as connection:
            await connection.execute(
                "UPDATE bulk_task SET download = NULL, download_until = NULL"
                " WHERE program_id = $1 AND id = $2 AND download = $3",
                download.task.program_id,
                download.task.id,
                download.mark,
            )


async def fresh_link(
    database: Database, keyring: Keyring, program_id: str, task_id: str, caller: Caller
) -> tuple[Task, str, datetime]:
    """A new link in place of the last one, while no card of the task has been activated: the task, token and end.

    Raises `NotFound`, and `Refusal` for a task that has no file, has not ended, or whose cards are in use.
    """

    async def work(connection: Connection) -> tuple[Task, str, datetime]:
        found = await store.read_task(connection, program_id, task_id, lock=True)
        if found is None or found[0].is_test is not caller.is_test:
            raise refusals.task_not_found()
        task, now = found
        if task.state in UNFINISHED:
            raise refusals.task_not_ended(task.state)
        if not task.has_file or task.issued == 0:
            raise refusals.no_file()
        if await is_in_use(connection, program_id, task_id):
            raise refusals.cards_in_use()
        token, expires_at = task.make_link(keyring, now)
        await store.write_task(connection, task)
        # Paper that was made of the cards has other codes than the file will have.
        await connection.execute("DELETE FROM print_run WHERE program_id = $1 AND task_id = $2", program_id, task_id)
        await _note(connection, caller, task, "bulk:link-renewed")
        return task, token, expires_at

    return await database.repeat(work)


async def _make_part(database: Database, keyring: Keyring, download: Download, after: int) -> tuple[int, bytes] | None:
    return await database.repeat(lambda connection: _part(connection, keyring, download, after))


async def _part(connection: Connection, keyring: Keyring, download: Download, after: int) -> tuple[int, bytes] | None:
    """The next batch's number and lines, with codes that are valid once this commits. None after the last batch."""
    task, program = download.task, download.program
    await store.keyed_only(connection)
    is_ours = await connection.fetchval(
        "UPDATE bulk_task SET download_until = statement_timestamp() + $4::interval"
        " WHERE program_id = $1 AND id = $2 AND download = $3 RETURNING true",
        task.program_id,
        task.id,
        download.mark,
        _SILENCE,
    )
    if not is_ours:
        raise refusals.download_under_way()
    found = await store.issued_ids(connection, task.program_id, task.id, after)
    if found is None:
        return None
    number, ids = found
    cards = await give_codes(connection, keyring, program, ids)
    texts = [_line(one, program) for one in cards]
    await audit.write(connection, [of_look(download.actor, task.merchant_id, task.program_id, ids, origin())])
    return number, "".join(texts).encode()


def _line(one: Coded, program: Program) -> str:
    card = one.card
    cells = (
        one.number,
        one.code,
        card.last_four,
        card.id,
        program.currency.text(card.initial_value),
        program.currency.code,
        clock.text(card.expires_at),
    )
    return f"{','.join(cells)}\r\n"


async def _note(connection: Connection, caller: Caller, task: Task, action: str) -> None:
    await audit.record(
        connection,
        actor=caller.subject,
        action=action,
        merchant_id=caller.merchant_id,
        program_id=task.program_id,
        subject=task.id,
        details={"cards": task.issued},
    )
