"""Forget a person: on all cards of a merchant's own programs, and in everything that the merchant keeps beside them.

A request is a row before anything is done, and it is worked off in small transactions: what a stop or a crash breaks
off, the worker goes on with, and asking again does no harm. No card loses its money, its number or its code by it.
"""

import json
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from kado import audit
from kado.access.caller import Customer
from kado.cards.bulk import store as bulk
from kado.cards.ownership import owned, owner, owns
from kado.crypto import Keyring
from kado.ids import new_id
from kado.people.answers import take_people_out
from kado.people.forget import AT_ONCE, forget_on_cards
from kado.people.person import Asked, Controller, Person, find_person, hide, show
from kado.programs.find import list_owned
from kado.storage.database import Connection, Database

RESTS: Final = timedelta(seconds=30)
"""After this long without a sign of life a request is taken up by the worker."""

_FOUND_AT_ONCE: Final = 1000
_WORD_MIN: Final = 3
_DIGITS: Final = 6
_log: Final = structlog.get_logger("kado.people")


@dataclass(slots=True)
class Erasure:
    """A request to forget somebody, and how far it has come."""

    id: str
    controller: Controller
    person: Person = field(repr=False)
    card_ids: list[str] = field(default_factory=list)
    """The cards that it took the person off in this run."""
    completed_at: datetime | None = None


async def erase(
    database: Database,
    keyring: Keyring,
    controller: Controller,
    asked: Asked,
    reason: str | None,
    *,
    customer: Customer | None = None,
    seconds: int | None,
) -> Erasure:
    """Forget the person, for at most so many seconds where there is a limit; what is left then is the worker's.

    The reason goes into the audit log, unless it names the person. Raises what `find_person` raises.
    """

    async def work(connection: Connection) -> Erasure:
        person = await find_person(connection, controller, asked, customer)
        erasure = Erasure(new_id(), controller, person)
        known = await _known_words(connection, controller, person)
        await connection.execute(
            "INSERT INTO person_erasure (id, merchant_id, is_test, person, actor) VALUES ($1, $2, $3, $4, $5)",
            erasure.id,
            controller.merchant_id,
            controller.is_test,
            hide(keyring, person, erasure.id),
            controller.actor,
        )
        await _note(connection, erasure, "person:erasure-requested", {"reason": _harmless(reason, known)})
        return erasure

    erasure = await database.repeat(work)
    await _go_on(database, keyring, erasure, None if seconds is None else time.monotonic() + seconds)
    return erasure


async def go_on_with_erasures(database: Database, keyring: Keyring) -> bool:
    """Work on one request that rests, to its end. False where there is none. Raises `Unavailable`."""

    async def claim(connection: Connection) -> Erasure | None:
        row = await connection.fetchrow(
            """
            UPDATE person_erasure SET touched_at = clock_timestamp() WHERE id = (
                SELECT id FROM person_erasure
                WHERE completed_at IS NULL AND touched_at < statement_timestamp() - $1::interval
                ORDER BY touched_at LIMIT 1 FOR UPDATE SKIP LOCKED)
            RETURNING id, merchant_id, is_test, actor, person""",
            RESTS,
        )
        if row is None:
            return None
        person = show(keyring, row["person"], row["id"])
        if person is None:
            _log.error("erasure.unreadable", erasure=row["id"])
            return None
        return Erasure(row["id"], Controller(row["merchant_id"], row["is_test"], row["actor"]), person)

    erasure = await database.repeat(claim)
    if erasure is None:
        return False
    await _go_on(database, keyring, erasure, None)
    _log.info("erasure.completed", erasure=erasure.id)
    return True


async def _go_on(database: Database, keyring: Keyring, erasure: Erasure, deadline: float | None) -> None:
    """Step by step, until nothing is left or the time is over."""
    async for cards in _steps(database, keyring, erasure):
        erasure.card_ids += cards
        await _touch(database, erasure, len(cards))
        if deadline is not None and time.monotonic() > deadline:
            return
    erasure.completed_at = await _complete(database, erasure)


async def _steps(database: Database, keyring: Keyring, erasure: Erasure) -> AsyncIterator[list[str]]:
    """Each a piece of the work that is done, with the cards that it was done to.

    Orders for many cards come first: what they issue meanwhile bears the person, and is found afterwards.
    """
    holder, is_test = erasure.person.holder, erasure.controller.is_test
    for program in await list_owned(database, erasure.controller.merchant_id):
        await _forget_recipients(database, program.id, erasure)
        yield []
        left: set[str] = set()
        # Those that are found a second time could not be helped the first time either.
        while (found := await _cards_of(database, program.id, erasure)) and left != set(found):
            left = set(found)
            for at in range(0, len(found), AT_ONCE):
                yield await forget_on_cards(
                    database,
                    keyring,
                    program.id,
                    found[at : at + AT_ONCE],
                    lambda card, _: card.is_test is is_test and owns(holder, card),
                )
        await _forget_elsewhere(database, keyring, program.id, erasure)
        yield []


async def _cards_of(database: Database, program_id: str, erasure: Erasure) -> list[str]:
    async with database.read() as connection:
        rows = await connection.fetch(
            f"SELECT c.id FROM card c WHERE c.program_id = $1 AND c.is_test = $2 AND {owned(3)} LIMIT {_FOUND_AT_ONCE}",
            program_id,
            erasure.controller.is_test,
            *owner(erasure.person.holder),
        )
    return [row["id"] for row in rows]


async def _forget_recipients(database: Database, program_id: str, erasure: Erasure) -> None:
    """Take the person out of orders for many cards; those cards are issued for nobody."""
    contacts = set(erasure.person.contacts)

    async def forget(connection: Connection, task_id: str) -> None:
        # Whoever issues the task's cards locks it too, so what is read now is still to be issued.
        if await bulk.read_task(connection, program_id, task_id, lock=True) is None:
            return
        rows = await connection.fetch(
            "SELECT number, recipients FROM bulk_batch WHERE program_id = $1 AND task_id = $2"
            " AND recipients IS NOT NULL",
            program_id,
            task_id,
        )
        for row in rows:
            people = json.loads(row["recipients"])
            kept = [[None] * len(one) if {_lower(one[0]), one[1]} & contacts else one for one in people]
            if kept != people:
                await connection.execute(
                    "UPDATE bulk_batch SET recipients = $4::jsonb WHERE program_id = $1 AND task_id = $2"
                    " AND number = $3",
                    program_id,
                    task_id,
                    row["number"],
                    json.dumps(kept),
                )

    async with database.read() as connection:
        rows = await connection.fetch(
            "SELECT DISTINCT b.task_id FROM bulk_batch b"
            " JOIN bulk_task t ON t.program_id = b.program_id AND t.id = b.task_id"
            " WHERE b.program_id = $1 AND b.recipients IS NOT NULL AND t.is_test = $2",
            program_id,
            erasure.controller.is_test,
        )
    for row in rows:
        await database.repeat(lambda connection, task_id=row["task_id"]: forget(connection, task_id))  # type: ignore[misc]


async def _forget_elsewhere(database: Database, keyring: Keyring, program_id: str, erasure: Erasure) -> None:
    """Messages to the person about cards that are not theirs (any more), and what is kept about these cards of them."""
    person = erasure.person

    async def work(connection: Connection) -> None:
        rows = await connection.fetch(
            """
            DELETE FROM message m USING card c
            WHERE m.program_id = $1 AND c.program_id = $1 AND c.id = m.card_id AND c.is_test = $2
              AND lower(m.recipient) = ANY($3::text[])
            RETURNING m.card_id""",
            program_id,
            erasure.controller.is_test,
            person.contacts,
        )
        await take_people_out(connection, keyring, program_id, sorted({row["card_id"] for row in rows}), of=person)

    await database.repeat(work)


async def _touch(database: Database, erasure: Erasure, cards: int) -> None:
    async with database.read() as connection:
        await connection.execute(
            "UPDATE person_erasure SET touched_at = clock_timestamp(), cards = cards + $2"
            " WHERE id = $1 AND completed_at IS NULL",
            erasure.id,
            cards,
        )


async def _complete(database: Database, erasure: Erasure) -> datetime:
    """What belongs to no program goes last, since by it the cards were found; then the request forgets them too.

    Sessions go with the customer. What somebody agreed to stays as a proof that names nobody.
    """
    person, controller = erasure.person, erasure.controller
    whose = (controller.merchant_id, controller.is_test, person.customer_id, person.email, person.phone)

    async def work(connection: Connection) -> datetime:
        await connection.execute(
            "DELETE FROM customer_otp WHERE merchant_id = $1 AND is_test = $2 AND target = ANY($3::text[])",
            *whose[:2],
            person.contacts,
        )
        # Orders of a part of the audit log by a name, which may be the person's: the file can be ordered again.
        await connection.execute(
            "DELETE FROM audit_export WHERE merchant_id = $1 AND wanted ?| '{actor_name,subject_name}'", *whose[:1]
        )
        await connection.execute(
            "DELETE FROM customer WHERE merchant_id = $1 AND is_test = $2"
            " AND (id = $3::text OR email = $4 OR phone = $5)",
            *whose,
        )
        await connection.execute(
            """
            UPDATE consent SET erasure_id = $6, customer_id = NULL, email = NULL, phone = NULL, address = NULL,
                               actor = split_part(actor, ':', 1)
            WHERE merchant_id = $1 AND is_test = $2 AND (customer_id = $3::text OR email = $4 OR phone = $5)""",
            *whose,
            erasure.id,
        )
        row = await connection.fetchrow(
            "UPDATE person_erasure SET completed_at = clock_timestamp(), person = NULL"
            " WHERE id = $1 AND completed_at IS NULL RETURNING completed_at, cards",
            erasure.id,
        )
        if row is None:  # somebody else came to the end at the same time
            row = await connection.fetchrow("SELECT completed_at FROM person_erasure WHERE id = $1", erasure.id)
            assert row is not None, "it is kept for long"
        else:
            await _note(connection, erasure, "person:erased", {"cards": row["cards"]})
        completed: datetime = row["completed_at"]
        return completed

    return await database.repeat(work)


async def _note(connection: Connection, erasure: Erasure, action: str, details: dict[str, object]) -> None:
    controller = erasure.controller
    await audit.record(
        connection,
        actor=controller.actor,
        action=action,
        merchant_id=controller.merchant_id,
        subject=erasure.id,
        details=details,
    )


async def _known_words(connection: Connection, controller: Controller, person: Person) -> set[str]:
    """What the person is called and can be reached by, there and on their cards."""
    rows = await connection.fetch(
        f"""
        SELECT DISTINCT c.customer_name, c.customer_phone, c.customer_email FROM program p
        JOIN card c ON c.program_id = p.id
        WHERE p.merchant_id = $1 AND c.is_test = $2 AND {owned(3)} LIMIT 100""",
        controller.merchant_id,
        controller.is_test,
        *owner(person.holder),
    )
    own = (person.customer_id, person.name, person.email, person.phone)
    texts = [text for text in (*own, *(text for row in rows for text in row)) if text]
    return {word.casefold() for text in texts for word in text.split()}


def _harmless(reason: str | None, known: set[str]) -> str | None:
    """The reason, unless any part of it is the person's name, address or number: it would stay for ever."""
    if reason is None:
        return None
    said, digits = reason.casefold(), re.sub("[^0-9]", "", reason)
    named = any(word in said for word in known if len(word) >= _WORD_MIN)
    called = any(word[-_DIGITS:] in digits for word in known if word.startswith("+"))
    return None if named or called or "@" in said else reason


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()
