"""How far a task has come, for whoever asks."""

from typing import Final, NamedTuple

from kado.cards.bulk import refusals, store
from kado.cards.bulk.task import UNFINISHED, Task
from kado.cards.numbers import show_number
from kado.crypto import Keyring
from kado.storage.database import Connection, Database

CARDS_SHOWN_MAX: Final = 10_000
"""More would make an answer of megabytes; those are in the file."""


class Seen(NamedTuple):
    """A task as it is now. `cards`: id, number, last four digits; None while it goes on and where they are too many."""

    task: Task
    cards: list[tuple[str, str, str]] | None
    token: str | None


async def look(database: Database, keyring: Keyring, program_id: str, task_id: str, *, is_test: bool) -> Seen:
    """The task, with its cards once it has ended. Raises `NotFound`."""

    async def work(connection: Connection) -> Seen:
        await store.keyed_only(connection)
        found = await store.read_task(connection, program_id, task_id)
        if found is None or found[0].is_test is not is_test:
            raise refusals.task_not_found()
        task, now = found
        cards = None
        if task.state not in UNFINISHED and task.issued <= CARDS_SHOWN_MAX:
            cards = await _cards(connection, keyring, task)
        return Seen(task, cards, task.link_token(keyring, now))

    return await database.repeat(work)


async def standing(database: Database, program_id: str, task_id: str, *, is_test: bool) -> Task:
    """The task alone, for whoever only watches it. Raises `NotFound`."""
    async with database.read() as connection:
        found = await store.read_task(connection, program_id, task_id)
    if found is None or found[0].is_test is not is_test:
        raise refusals.task_not_found()
    return found[0]


async def latest(database: Database, program_id: str, *, is_test: bool, limit: int) -> list[Task]:
    """The program's newest tasks."""
    async with database.read() as connection:
        return await store.list_tasks(connection, program_id, is_test, limit)


async def _cards(connection: Connection, keyring: Keyring, task: Task) -> list[tuple[str, str, str]]:
    cards: list[tuple[str, str, str]] = []
    number = 0
    while (found := await store.issued_ids(connection, task.program_id, task.id, number)) is not None:
        number, ids = found
        rows = await connection.fetch(
            "SELECT id, number_sealed, last_four FROM card WHERE program_id = $1 AND id = ANY($2::text[])",
            task.program_id,
            ids,
        )
        by_id = {
            row["id"]: (
                row["id"],
                show_number(keyring, task.program_id, row["id"], row["number_sealed"]),
                row["last_four"],
            )
            for row in rows
        }
        cards += [by_id[card_id] for card_id in ids]
    return cards
