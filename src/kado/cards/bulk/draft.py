"""A list of receivers that was read and waits for its confirmation: an hour, encrypted, for whoever sent it."""

import json
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from kado import clock
from kado.access.caller import Caller
from kado.cards.bulk.store import recipient_of, told_of
from kado.cards.bulk.task import Listed
from kado.crypto import Keyring, Undecipherable
from kado.errors import NotFound
from kado.ids import is_id, new_id
from kado.programs.find import list_all
from kado.storage.database import Connection, Database

LIFE: Final = timedelta(hours=1)
KEPT: Final = 20
"""Lists of a program that wait at once; the oldest goes for a new one."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What was read, and what holds for all of its cards. `task_id` is the order that it became."""

    id: str
    people: tuple[Listed, ...]
    design_template: str | None
    expires_at: datetime | None
    is_physical: bool
    encoding: str
    task_id: str | None = None


async def keep(database: Database, keyring: Keyring, caller: Caller, program_id: str, draft: Draft) -> str:
    """Keep the list until it is confirmed; its id. Raises `Unavailable`."""
    list_id = new_id()
    facts = {
        "people": [told_of(one) for one in draft.people],
        "design": draft.design_template,
        "expires": clock.text_or_none(draft.expires_at),
        "physical": draft.is_physical,
        "encoding": draft.encoding,
    }
    content = keyring.encrypt("stored-secret", zlib.compress(json.dumps(facts).encode()), _bound(program_id, list_id))

    async def work(connection: Connection) -> None:
        await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('kado lists ' || $1, 0))", program_id)
        await connection.execute(
            "INSERT INTO bulk_list (program_id, id, actor, content, expires_at)"
            " VALUES ($1, $2, $3, $4, statement_timestamp() + $5::interval)",
            program_id,
            list_id,
            caller.subject,
            content,
            LIFE,
        )
        await connection.execute(
            "DELETE FROM bulk_list WHERE program_id = $1 AND id IN"
            " (SELECT id FROM bulk_list WHERE program_id = $1 ORDER BY expires_at DESC OFFSET $2)",
            program_id,
            KEPT,
        )

    await database.repeat(work)
    return list_id


async def read(database: Database, keyring: Keyring, caller: Caller, program_id: str, list_id: str) -> Draft:
    """The list, whatever text names it, for who sent it. Raises `NotFound`."""
    row = None
    if is_id(list_id):
        async with database.read() as connection:
            row = await connection.fetchrow(
                "SELECT content, task_id FROM bulk_list WHERE program_id = $1 AND id = $2 AND actor = $3"
                " AND expires_at > statement_timestamp()",
                program_id,
                list_id,
                caller.subject,
            )
    if row is None:
        raise _gone()
    try:
        opened = keyring.decrypt("stored-secret", row["content"], _bound(program_id, list_id))
    except Undecipherable:
        raise _gone() from None
    facts: dict[str, Any] = json.loads(zlib.decompress(opened))
    people = [recipient_of(one) for one in facts["people"]]
    return Draft(
        id=list_id,
        people=tuple(one for one in people if isinstance(one, Listed)),
        design_template=facts["design"],
        expires_at=None if facts["expires"] is None else datetime.fromisoformat(facts["expires"]),
        is_physical=facts["physical"],
        encoding=facts["encoding"],
        task_id=row["task_id"],
    )


async def note_task(database: Database, program_id: str, list_id: str, task_id: str) -> None:
    """Which order the list became, for who comes to its page again."""
    async with database.read() as connection:
        await connection.execute(
            "UPDATE bulk_list SET task_id = $3 WHERE program_id = $1 AND id = $2", program_id, list_id, task_id
        )


async def forget_lists(database: Database) -> None:
    """Delete lists whose hour is over."""
    for program in await list_all(database):
        async with database.read() as connection:
            await connection.execute(
                "DELETE FROM bulk_list WHERE program_id = $1 AND expires_at < statement_timestamp()", program.id
            )


def _bound(program_id: str, list_id: str) -> bytes:
    return f"bulk-list:{program_id}:{list_id}".encode()


def _gone() -> NotFound:
    return NotFound("list_not_found", "There is no such list; a list is kept for an hour.")
