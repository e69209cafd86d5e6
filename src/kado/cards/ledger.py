"""The posting machine: the only code that changes a balance.

A list of postings in, a list of answers out, in one transaction: lock the cards (in id order), read the idempotency
keys, decide each posting in plain Python on the locked state, write everything that passed with set-based statements,
commit once. Requests that arrive while a commit is under way form the next list. Nobody is answered before the commit.

A commit whose outcome is unknown is settled by running the same list again: every posting has a key, the caller's or
an internal one, and a key that is known gives its stored answer instead of moving money a second time.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import asyncpg
import structlog

from kado.audit.origin import Origin, origin
from kado.cards import bench, evidence, refusals, store
from kado.cards.idempotency import Fingerprint, Remembered, fingerprints, internal_fingerprint, recall
from kado.cards.issue import Issue, Placed, place
from kado.cards.ownership import owns
from kado.cards.page import Page
from kado.cards.posting import Answer, Posting
from kado.crypto import Keyring
from kado.errors import Refusal
from kado.fraud import alerts
from kado.storage.crowd import Crowd
from kado.storage.database import AWAY, CONFLICT, KEYED_ONLY, Connection, Database, await_copy, away, confirmed
from kado.storage.gather import Gatherer
from kado.storage.outbox import enqueue_events, enqueue_messages

log = structlog.get_logger("kado.ledger")

_PATIENCE_SECONDS: Final = 4.0
_TRIES: Final = 6

Result = Answer | Exception
Known = dict[tuple[str, bytes], Remembered]


@dataclass(frozen=True, slots=True)
class _Ticket:
    """A posting on its way through the machine, with the keys that settle it whatever happens to a commit."""

    posting: Posting | Issue
    prints: list[Fingerprint]
    origin: Origin

    def places(self) -> list[tuple[str, bytes]]:
        return [(self.posting.program_id, one.key_hash) for one in self.prints]


class Ledger:
    """Settles postings. One per process; several processes may work on the same database."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring
        self._idle: list[asyncpg.Connection[asyncpg.Record]] = []
        self._gatherer: Gatherer[_Ticket, Answer] = Gatherer(
            self._settle, Crowd("postings", database.places), sort=self._sort
        )

    async def post(self, posting: Posting | Issue) -> Answer:
        """Settle one posting together with whatever else is waiting, and return its answer after the commit.

        Raises `Refusal` for a "no" that is not stored, `Unavailable` when the outcome could not be learned in time.
        """
        await self._database.learn()
        return await self._gatherer.submit(self._ticket(posting))

    async def knows(self, posting: Posting) -> bool:
        """Whether the posting's key was used before, so that posting it only repeats, or refuses to."""
        if posting.key is None:
            return False
        async with self._database.read() as connection:
            return bool(await store.read_keys(connection, self._ticket(posting).places()))

    async def close(self) -> None:
        """Finish what is under way and give the connection back."""
        await self._gatherer.drained()
        await self._drop_connections()

    def _sort(self, ticket: _Ticket) -> str | None:
        """What may share a list: everything, or what is of one program, where each program has a machine of its own."""
        return ticket.posting.program_id if self._database.is_distributed else None

    def _ticket(self, posting: Posting | Issue) -> _Ticket:
        if posting.key is None:
            return _Ticket(posting, [internal_fingerprint()], origin())
        facts = (posting.caller.merchant_id, posting.caller.is_test, *posting.facts())
        prints = fingerprints(self._keyring, posting.program_id, posting.scope(), posting.key, facts)
        return _Ticket(posting, prints, origin())

    async def _settle(self, tickets: list[_Ticket]) -> Sequence[Result]:
        """Run the list until its outcome is known, or until patience ends."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._once(tickets)
            except CONFLICT as error:
                if attempt >= _TRIES or time.monotonic() > deadline:
                    raise away() from error
            except (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError) as error:
                if len(tickets) > 1:
                    return [await self._alone(ticket) for ticket in tickets]
                # A fresh card number that existed already, or a key that someone wrote a moment ago: decide anew.
                if attempt >= _TRIES or not isinstance(error, asyncpg.UniqueViolationError):
                    raise
            except AWAY as error:
                await self._drop_connections()
                log.warning("database away", error=type(error).__name__, postings=len(tickets), attempt=attempt)
                if time.monotonic() > deadline:
                    raise away() from error
            await asyncio.sleep(random.uniform(0.2, 1) * 0.02 * min(attempt, 10))  # noqa: S311 - jitter, not a secret

    async def _alone(self, ticket: _Ticket) -> Result:
        """One posting by itself, so that a data error of its own never fails its neighbours."""
        try:
            return (await self._settle([ticket]))[0]
        except Exception as error:  # noqa: BLE001 - it belongs to this caller alone
            return error

    async def _once(self, tickets: list[_Ticket]) -> Sequence[Result]:
        """One attempt at the whole list: everything or nothing."""
        connection = await self._connected()
        try:
            await connection.execute("BEGIN")
            results = await self._run(connection, tickets)
            with confirmed(connection):
                await connection.execute("COMMIT")
        except AWAY:
            connection.terminate()  # it goes, and with it the transaction, if the commit did not happen
            raise
        except BaseException:
            with suppress(asyncpg.PostgresError, *AWAY):
                await connection.execute("ROLLBACK")
            raise
        finally:
            self._idle.append(connection)
        return results

    async def _run(self, connection: Connection, tickets: list[_Ticket]) -> Sequence[Result]:
        results: dict[int, Result] = {}
        issues = {at: ticket for at, ticket in enumerate(tickets) if isinstance(ticket.posting, Issue)}
        if issues:
            results |= await self._issue(connection, issues)
        postings = {at: ticket for at, ticket in enumerate(tickets) if at not in issues}
        if postings:
            results |= await self._post(connection, postings)
        return [results.get(at) or away() for at in range(len(tickets))]

    async def _post(self, connection: Connection, tickets: dict[int, _Ticket]) -> dict[int, Result]:
        """Postings on cards that exist: lock, read the keys, decide, write."""
        asked = time.monotonic()
        postings = [(at, t, t.posting) for at, t in tickets.items() if isinstance(t.posting, Posting)]
        locked = await store.lock_cards(connection, [ref for _, _, posting in postings for ref in posting.refs()])
        if locked.now is None:
            return {at: refusals.card_not_found() for at in tickets}
        waited = timedelta(seconds=time.monotonic() - asked)  # the clock was read before the locks were granted
        known = await store.read_keys(connection, [key for ticket in tickets.values() for key in ticket.places()])
        page = Page(self._keyring, locked.now + waited)
        page.references = await self._references(connection, [p for _, _, p in postings])
        page.evidence = await evidence.gather(connection, [p for _, _, p in postings], locked.cards.values())
        asking = [(posting, ticket.origin) for _, ticket, posting in postings]
        page.bench = await bench.sit(connection, locked.programs, asking, page.evidence, page.now)
        results = {at: self._decide(page, t, p, locked, known) for at, t, p in postings}
        await _write(connection, page)
        return results

    async def _references(self, connection: Connection, postings: Sequence[Posting]) -> dict[tuple[str, str, str], str]:
        """Entries that bear the references of postings without a key: those may be repetitions."""
        wanted = [(p.program_id, p.card_id, p.reference) for p in postings if p.key is None and p.reference is not None]
        return await store.earlier_entries(connection, wanted) if wanted else {}

    def _decide(self, page: Page, ticket: _Ticket, posting: Posting, locked: store.Locked, known: Known) -> Result:
        cards = [card for ref in posting.refs() if (card := locked.cards.get(ref)) is not None]
        if len(cards) < len(posting.refs()) or any(card.is_test is not posting.caller.is_test for card in cards):
            return refusals.card_not_found()
        customer = posting.caller.customer
        if customer is not None and not all(owns(customer, c) for c in cards if c.id in posting.owned_card_ids):
            return refusals.card_not_found()
        for memory in (known, page.known):
            earlier = self._known_answer(ticket, memory)
            if earlier is not None:
                return earlier
        return page.post(posting, cards, locked.programs[posting.program_id], ticket.prints[0], ticket.origin)

    async def _issue(self, connection: Connection, tickets: dict[int, _Ticket]) -> dict[int, Result]:
        """New cards. Their keys are claimed first: there is no card yet on which a duplicate could wait."""
        issues = {at: (t, t.posting) for at, t in tickets.items() if isinstance(t.posting, Issue)}
        programs, now = await store.read_programs(connection, [issue.program_id for _, issue in issues.values()])
        await store.hold_keys(connection, [ticket.prints for ticket in tickets.values()])
        results = await self._recall(connection, tickets)
        placed: dict[int, Placed] = {}
        for at, (ticket, issue) in issues.items():
            if at not in results:
                program = programs[issue.program_id]
                outcome = place(self._keyring, issue, program, now, ticket.prints[0], ticket.origin)
                if isinstance(outcome, Placed):
                    placed[at] = outcome
                else:
                    results[at] = outcome
        claimed = await store.claim_keys(connection, [one.key for one in placed.values()], now)
        for at, one in list(placed.items()):
            place_of_key = (one.key.program_id, one.key.key_hash)
            if place_of_key in claimed:
                claimed.remove(place_of_key)  # the same key twice in one list: the first has it
            else:
                del placed[at]
        results |= {at: one.answer for at, one in placed.items()}
        results |= await self._recall(connection, {at: tickets[at] for at in tickets if at not in results})
        await _write_new(connection, list(placed.values()))
        return results

    async def _recall(self, connection: Connection, tickets: dict[int, _Ticket]) -> dict[int, Result]:
        known = await store.read_keys(connection, [key for ticket in tickets.values() for key in ticket.places()])
        if known:  # locked cards make the commit wait for a copy; here nothing else would
            await await_copy(connection)
        recalled = {at: self._known_answer(ticket, known) for at, ticket in tickets.items()}
        return {at: answer for at, answer in recalled.items() if answer is not None}

    def _known_answer(self, ticket: _Ticket, known: Known) -> Answer | Refusal | None:
        """What was said to this key before. To settle a lost commit by an internal key is no repetition."""
        answer = recall(self._keyring, ticket.posting.program_id, ticket.prints, known)
        if isinstance(answer, Answer) and ticket.posting.key is None:
            return replace(answer, headers={})
        return answer

    async def _connected(self) -> "asyncpg.Connection[asyncpg.Record]":
        """A connection for one list; there are as many as lists at a time."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return await self._database.connect(KEYED_ONLY)

    async def _drop_connections(self) -> None:
        """Give up those that are idle: what one of them found out is true of all."""
        while self._idle:
            with suppress(asyncpg.PostgresError, *AWAY):
                await self._idle.pop().close(timeout=1)


async def _write(connection: Connection, page: Page) -> None:
    """Everything that the page says, in as few statements as it needs."""
    page.seal()
    if page.fresh:
        await store.insert_cards(connection, page.fresh)
    if page.moved or page.keys or page.audited:
        await store.write(connection, page.only_moved(), page.entries, page.keys, page.now, page.audited)
    if linked := [key for key in page.keys if key.card_id is not None]:
        await store.link_answers(connection, linked)
    if page.changed:
        await store.write_state(connection, list(page.changed.values()))
    if page.holds:
        await evidence.write_holds(connection, list(page.holds.values()))
    if page.reversals:
        await evidence.write_reversals(connection, page.reversals)
    if page.superseded:
        await store.supersede_messages(connection, page.superseded)
    if page.forgiven:
        await store.forget_guesses(connection, page.forgiven)
    if page.messages:
        await enqueue_messages(connection, page.messages)
    if page.events:
        await enqueue_events(connection, page.events)
    await bench.write(connection, page.bench, page.hits)
    for merchant_id, alert, judgement, source in page.closed:
        await alerts.close(connection, merchant_id, alert, judgement, source, has_suspended=True)


async def _write_new(connection: Connection, placed: list[Placed]) -> None:
    if not placed:
        return
    await store.insert_cards(connection, [one.card for one in placed])
    entries, audited = [one.entry for one in placed], [one.audited for one in placed]
    await store.write(connection, [], entries, [], entries[0].created_at, audited)
    messages = [message for one in placed for message in one.messages]
    if messages:
        await enqueue_messages(connection, messages)
    events = [event for one in placed for event in one.events]
    if events:
        await enqueue_events(connection, events)
