"""Every SQL statement of bulk issue but those of its file."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import astuple, fields, replace
from datetime import datetime
from operator import attrgetter
from typing import Any, Final, TypeVar

from kado import audit, clock
from kado.cards.bulk.task import TASK_COLUMNS, Batch, Listed, Recipient, Task
from kado.cards.card import Card, Entry
from kado.cards.words import insert_words
from kado.ids import is_id
from kado.storage.database import KEYED_ONLY, Connection
from kado.storage.outbox import Event, Message, enqueue_events, enqueue_messages

T = TypeVar("T")

SLICE: Final = 4
"""So many rows are worked on before others get their turn: a quarter of a millisecond."""

# By column: the field of `Card` that it is filled from. The columns that are left out begin empty.
_CARD: Final = {
    name: name
    for name in (
        "program_id id merchant_id is_test balance initial_value max_balance seq head_hash created_at updated_at"
        " expires_at state_seal number_index number_sealed last_four key_version pass_sid customer_email customer_phone"
        " customer_name sender_name custom_message design_template is_physical deliver_at language time_zone"
    ).split()
} | {"status": "recorded_status"}
_ENTRY: Final = Entry.__struct_fields__
_person: Final = attrgetter(*(field.name for field in fields(Recipient)))
_listed: Final = attrgetter("initial_value", "language")


async def keyed_only(connection: Connection) -> None:
    """Until the transaction ends, rows are found by their keys, however empty the tables were when a plan was made.

    Plans made before are thrown away. One from a program's first batch may take an index that begins with the program,
    and would then read all its cards for each new one; so may the database's own look-ups for foreign keys.
    """
    settings = "; ".join(f"SET LOCAL {name} = {value}" for name, value in KEYED_ONLY.items())
    await connection.execute(f"DISCARD PLANS; {settings}")


async def insert_task(connection: Connection, task: Task, batches: Sequence[Batch]) -> None:
    """A new task with all its parts, none of which is issued yet."""
    values = astuple(task)
    marks = ", ".join(f"${at}" for at in range(1, len(values) + 1))
    await connection.execute(
        f"INSERT INTO bulk_task (program_id, {TASK_COLUMNS.removeprefix('program_id, ')}) VALUES ({marks})", *values
    )
    await connection.execute(
        """
        INSERT INTO bulk_batch (program_id, task_id, number, size, recipients)
        SELECT $1, $2, u.* FROM unnest($3::integer[], $4::integer[], $5::jsonb[]) AS u (number, size, recipients)""",
        task.program_id,
        task.id,
        [batch.number for batch in batches],
        [batch.size for batch in batches],
        [_people(batch) for batch in batches],
    )


async def count_for_more(connection: Connection, merchant_id: str) -> int:
    """How many unfinished tasks the merchant has; nobody else writes one for it until the transaction ends."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('kado bulk of ' || $1, 0))", merchant_id)
    return int(
        await connection.fetchval(
            "SELECT count(*) FROM bulk_task WHERE merchant_id = $1 AND state IN ('pending', 'processing')", merchant_id
        )
    )


async def lock_waiting(connection: Connection) -> Task | None:
    """The unfinished task that has waited longest and that nobody else is at, locked until the transaction ends.

    Found first and locked then: rows of several programs may lie on several machines, where none can lock them all.
    """
    waiting = await connection.fetch(
        "SELECT program_id, id FROM bulk_task WHERE state IN ('pending', 'processing') ORDER BY touched_at LIMIT 50"
    )
    for place in waiting:
        row = await connection.fetchrow(
            f"SELECT {TASK_COLUMNS} FROM bulk_task WHERE program_id = $1 AND id = $2"
            " AND state IN ('pending', 'processing') FOR UPDATE SKIP LOCKED",
            *place,
        )
        if row is not None:
            return Task(*row)
    return None


async def read_task(
    connection: Connection, program_id: str, task_id: str, *, lock: bool = False
) -> tuple[Task, datetime] | None:
    """The task, whatever text names it, and the database's time; with `lock` it is ours until the transaction ends."""
    if not is_id(task_id):
        return None
    row = await connection.fetchrow(
        f"SELECT {TASK_COLUMNS}, clock_timestamp() FROM bulk_task WHERE program_id = $1 AND id = $2"
        + (" FOR UPDATE" if lock else ""),
        program_id,
        task_id,
    )
    return None if row is None else (Task(*row[:-1]), row[-1])


async def list_tasks(connection: Connection, program_id: str, is_test: bool, limit: int) -> list[Task]:
    """The program's newest tasks."""
    rows = await connection.fetch(
        f"SELECT {TASK_COLUMNS} FROM bulk_task WHERE program_id = $1 AND is_test = $2"
        " ORDER BY created_at DESC, id DESC LIMIT $3",
        program_id,
        is_test,
        limit,
    )
    return [Task(*row) for row in rows]


async def write_task(connection: Connection, task: Task) -> None:
    """Everything about a locked task that may have changed."""
    await connection.execute(
        """
        UPDATE bulk_task SET issued = $3, state = $4, error = $5, touched_at = $6, ended_at = $7, link = $8,
                             link_expires_at = $9, download = $10, download_until = $11
        WHERE program_id = $1 AND id = $2""",
        task.program_id,
        task.id,
        task.issued,
        task.state,
        task.error,
        task.touched_at,
        task.ended_at,
        task.link,
        task.link_expires_at,
        task.download,
        task.download_until,
    )


async def next_batch(connection: Connection, task: Task) -> Batch:
    """The first part of a locked task that is not issued yet."""
    row = await connection.fetchrow(
        "SELECT number, size, recipients FROM bulk_batch"
        " WHERE program_id = $1 AND task_id = $2 AND card_ids IS NULL ORDER BY number LIMIT 1",
        task.program_id,
        task.id,
    )
    assert row is not None, "an unfinished task has a batch that is not issued"
    people = row["recipients"]
    recipients = None if people is None else [recipient_of(person) for person in json.loads(people)]
    return Batch(row["number"], row["size"], recipients)


async def taken_numbers(connection: Connection, program_id: str, indexes: list[bytes]) -> set[bytes]:
    """Which of these number indexes the program's cards have already."""
    rows = await connection.fetch(
        "SELECT number_index FROM card WHERE program_id = $1 AND number_index = ANY($2::bytea[])", program_id, indexes
    )
    return {row["number_index"] for row in rows}


async def write_batch(
    connection: Connection,
    task: Task,
    batch: Batch,
    cards: Sequence[Card],
    entries: Sequence[Entry],
    audited: Iterable[audit.Row],
    messages: Sequence[Message],
    events: Sequence[Event],
) -> None:
    """The cards of a batch with all that belongs to them. The one place where cards of a task come into being."""
    await _copy(connection, "card", tuple(_CARD), cards, attrgetter(*_CARD.values()))
    await _copy(connection, "card_transaction", _ENTRY, entries, attrgetter(*_ENTRY))
    await _copy(connection, "audit_log", tuple(audit.COLUMNS), audited, audit.values)
    if batch.recipients:
        await insert_words(connection, cards)
    if messages:
        await enqueue_messages(connection, messages)
    if events:
        await enqueue_events(connection, events)
    await connection.execute(
        "UPDATE bulk_batch SET card_ids = $4, recipients = NULL WHERE program_id = $1 AND task_id = $2 AND number = $3",
        task.program_id,
        task.id,
        batch.number,
        [card.id for card in cards],
    )


async def issued_ids(connection: Connection, program_id: str, task_id: str, after: int) -> tuple[int, list[str]] | None:
    """The next part after number `after` that is issued, and its cards in order; None after the last one."""
    row = await connection.fetchrow(
        "SELECT number, card_ids FROM bulk_batch WHERE program_id = $1 AND task_id = $2 AND number > $3"
        " AND card_ids IS NOT NULL ORDER BY number LIMIT 1",
        program_id,
        task_id,
        after,
    )
    return None if row is None else (row["number"], list(row["card_ids"]))


async def _copy(
    connection: Connection,
    table: str,
    columns: tuple[str, ...],
    things: Iterable[T],
    values: Callable[[T], tuple[object, ...]],
) -> None:
    """COPY streams: no arrays of the whole batch are built, and others get their turn between its rows."""

    async def rows() -> AsyncIterator[tuple[object, ...]]:
        for at, thing in enumerate(things):
            if at % SLICE == 0:
                await asyncio.sleep(0)
            yield values(thing)

    await connection.copy_records_to_table(table, columns=columns, records=rows())


def told_of(recipient: Recipient) -> tuple[object, ...]:
    """The recipient as a list of what JSON knows."""
    if not isinstance(recipient, Listed):
        return tuple(_person(recipient))
    return (*_person(recipient), *_listed(recipient), clock.text_or_none(recipient.deliver_at))


def recipient_of(told: Sequence[Any]) -> Recipient:
    """The recipient who was told of so."""
    if len(told) == len(fields(Recipient)):
        return Recipient(*told)
    facts, deliver_at = tuple(told[:-1]), told[-1]
    moment = None if deliver_at is None else datetime.fromisoformat(deliver_at)
    return replace(Listed(*facts), deliver_at=moment)


def _people(batch: Batch) -> str | None:
    return None if batch.recipients is None else json.dumps([told_of(one) for one in batch.recipients])
