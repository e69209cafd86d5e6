"""A bulk issue is ordered: few cards are made at once, many become a task; the answer is stored with its key.

There is no card yet on which a duplicate could wait, so the key's row is inserted first, and a duplicate waits there.
"""

import asyncio
import time
from collections.abc import Iterator
from typing import Final

import asyncpg

from kado import audit
from kado.cards import store as cards_store
from kado.cards.bulk import refusals, store
from kado.cards.bulk.batch import Made, make_batch, write_batch
from kado.cards.bulk.task import PENDING, UNFINISHED_MAX, Batch, Order, Ordered, Task
from kado.cards.idempotency import Fingerprint, fingerprints, internal_fingerprint, recall, remember
from kado.cards.issue import Issue, refuse
from kado.cards.posting import Answer
from kado.crypto import Keyring
from kado.errors import Refusal, Unavailable
from kado.ids import new_id
from kado.programs.program import Program
from kado.storage.database import Connection, Database, await_copy

_PATIENCE_SECONDS: Final = 4
_PAUSE_SECONDS: Final = 0.1
_TRIES: Final = 5


async def place_order(database: Database, keyring: Keyring, order: Order, *, sync_max: int) -> Answer:
    """Make up to `sync_max` cards, all or none, or write down a task for more of them.

    Raises `Refusal` for what the program's rules do not allow and for a key that came with another order, `TooMany`
    while the merchant has too many unfinished tasks, `Unavailable` where the outcome could not be learned in time.
    """
    prints = _prints(keyring, order)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    tries = 0
    while True:
        try:
            return await database.repeat(lambda connection: _decide(connection, keyring, order, prints, sync_max))
        except asyncpg.UniqueViolationError:  # somebody else drew one of our numbers a moment ago
            tries += 1
            if tries == _TRIES:
                raise
        except Unavailable:  # a commit may have happened: the same key, ours if need be, tells
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(_PAUSE_SECONDS)


def _prints(keyring: Keyring, order: Order) -> list[Fingerprint]:
    if order.key is None:
        return [internal_fingerprint()]
    facts = (order.caller.merchant_id, order.caller.is_test, *order.facts())
    return fingerprints(keyring, order.program_id, (order.action,), order.key, facts)


async def _decide(
    connection: Connection, keyring: Keyring, order: Order, prints: list[Fingerprint], sync_max: int
) -> Answer:
    """One attempt, in one transaction."""
    await store.keyed_only(connection)
    programs, now = await cards_store.read_programs(connection, [order.program_id])
    program = programs[order.program_id]
    await cards_store.hold_keys(connection, [prints])
    earlier = await _earlier(connection, keyring, order, prints)
    if earlier is not None:
        return earlier
    batches = order.batches()
    task = Task(
        program_id=program.id,
        id=new_id(),
        merchant_id=program.merchant_id,
        actor=order.caller.subject,
        is_test=order.caller.is_test,
        total=order.total,
        issued=0,
        initial_value=order.initial_value,
        expires_at=order.expires_at,
        is_physical=order.is_physical,
        design_template=order.design_template,
        key_hash=prints[0].key_hash,
        has_file=order.recipients is None or order.is_physical,
        language=order.language,
        time_zone=order.time_zone,
        value_sum=order.value_sum,
        state=PENDING,
        error=None,
        created_at=now,
        touched_at=now,
    )
    made = None
    if order.total <= sync_max:
        made = await make_batch(connection, keyring, task, batches[0], program, now)
        task.add(order.total, keyring, now)
    elif refusal := next(filter(None, (refuse(one, program, now) for one in _judged(task, batches, program))), None):
        raise refusal
    elif await store.count_for_more(connection, task.merchant_id) >= UNFINISHED_MAX:
        raise refusals.too_many_unfinished(UNFINISHED_MAX)
    cards = None if made is None else made.cards
    answer = order.render(Ordered(task, cards, task.link_token(keyring, now)))
    claimed = await cards_store.claim_keys(connection, [remember(keyring, program.id, prints[0], answer)], now)
    if not claimed:
        earlier = await _earlier(connection, keyring, order, prints)
        assert earlier is not None, "a key that could not be claimed is known"
        return earlier
    await _write(connection, order, task, program, made)
    return answer


def _judged(task: Task, batches: list[Batch], program: Program) -> Iterator[Issue]:
    """The cards that the rules have to look at before the order is taken: one of them, or each."""
    if not task.differ:
        return iter((next(task.wishes(batches[0], program)),))
    return (wish for batch in batches for wish in task.wishes(batch, program))


async def _write(connection: Connection, order: Order, task: Task, program: Program, made: Made | None) -> None:
    batches = order.batches()
    await store.insert_task(connection, task, batches)
    if made is not None:
        await write_batch(connection, task, batches[0], made, program, task.created_at)
    await audit.record(
        connection,
        actor=task.actor,
        action="bulk:ordered",
        merchant_id=task.merchant_id,
        program_id=task.program_id,
        subject=task.id,
        details={"cards": task.total, "value": program.currency.text(task.initial_value)}
        | ({} if task.value_sum is None else {"sum": program.currency.text(task.value_sum)}),
    )


async def _earlier(connection: Connection, keyring: Keyring, order: Order, prints: list[Fingerprint]) -> Answer | None:
    """What was said to this key before. Raises `Refusal` where it was said to another order."""
    known = await cards_store.read_keys(connection, [(order.program_id, one.key_hash) for one in prints])
    if known:
        await await_copy(connection)
    earlier = recall(keyring, order.program_id, prints, known)
    if isinstance(earlier, Refusal):
        raise earlier
    if earlier is not None and order.key is None:  # to settle a lost commit is no repetition
        return Answer(earlier.status, earlier.body)
    return earlier
