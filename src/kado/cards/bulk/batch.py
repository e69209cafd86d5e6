"""The cards of one batch: made, each with a number that nobody has, and written with their entries and messages."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from kado.audit import Row
from kado.audit.origin import origin
from kado.cards import refusals
from kado.cards.audited import beginning, of_entry
from kado.cards.bulk import store
from kado.cards.bulk.task import Batch, Task
from kado.cards.card import Card, Entry
from kado.cards.events import events_of
from kado.cards.issue import Issue, delivery_of, make, refuse
from kado.cards.posting import Outcome
from kado.crypto import Keyring
from kado.programs.program import Program
from kado.storage.database import Connection

_DRAWS: Final = 20


@dataclass(slots=True)
class Made:
    """Cards and their first entries, in the order of the batch; nothing of it is written yet."""

    cards: list[Card]
    entries: list[Entry]


async def make_batch(
    connection: Connection, keyring: Keyring, task: Task, batch: Batch, program: Program, now: datetime
) -> Made:
    """Decide a batch under the program's rules as they are now, and make its cards; `now` is the database's clock.

    The first card of the task keeps the hash of the idempotency key. Others get their turn every few cards. Raises
    `Refusal` where the rules allow no such card (any more), or where the program has hardly any numbers left.
    """
    wishes: list[Issue] = []
    made = Made([], [])
    key_hash = task.key_hash if batch.number == 1 else None
    for at, wish in enumerate(task.wishes(batch, program)):
        if at % store.SLICE == 0:
            await asyncio.sleep(0)
        # What the rules look at is the same for all of them, unless each has a value of its own.
        if (at == 0 or task.differ) and (refusal := refuse(wish, program, now)) is not None:
            raise refusal
        card, entry = make(keyring, wish, program.merchant_name, program, now, key_hash)
        key_hash = None
        wishes.append(wish)
        made.cards.append(card)
        made.entries.append(entry)
    await _redraw_taken(connection, keyring, wishes, made, program, now)
    return made


async def write_batch(
    connection: Connection, task: Task, batch: Batch, made: Made, program: Program, now: datetime
) -> None:
    """Write what was made; the codes of cards that are for somebody go out like those of any other card."""
    messages = [message for card in made.cards for message in delivery_of(card, now)] if batch.recipients else []
    events = []
    if program.is_heard:
        pairs = zip(made.cards, made.entries, strict=True)
        events = [heard for card, one in pairs for heard in events_of("create", Outcome(card, program, (one,), now))]
    audited = (_row(task, card, entry, program) for card, entry in zip(made.cards, made.entries, strict=True))
    await store.write_batch(connection, task, batch, made.cards, made.entries, audited, messages, events)


def _row(task: Task, card: Card, entry: Entry, program: Program) -> Row:
    """Where the order came from says the order's own row."""
    details, after = {"task": task.id}, beginning(card, program.currency)
    return of_entry(entry, task.actor, origin(), details=details, after=after)


async def _redraw_taken(
    connection: Connection, keyring: Keyring, wishes: list[Issue], made: Made, program: Program, now: datetime
) -> None:
    """Where a number exists already, another card takes the place of the one that would have it."""
    unsure = list(range(len(wishes)))
    for _ in range(_DRAWS):
        indexes = [made.cards[at].number_index for at in unsure]
        taken = await store.taken_numbers(connection, program.id, indexes)
        taken |= _twice(made, unsure)
        unsure = [at for at in unsure if made.cards[at].number_index in taken]
        if not unsure:
            return
        for at in unsure:
            key_hash = made.entries[at].key_hash
            made.cards[at], made.entries[at] = make(keyring, wishes[at], program.merchant_name, program, now, key_hash)
    raise refusals.numbers_exhausted()


def _twice(made: Made, unsure: list[int]) -> set[bytes]:
    """Numbers among the unsure ones that another card of the batch has as well."""
    seen: set[bytes] = set()
    twice = set()
    for card in made.cards:
        if card.number_index in seen:
            twice.add(card.number_index)
        seen.add(card.number_index)
    return twice & {made.cards[at].number_index for at in unsure}
